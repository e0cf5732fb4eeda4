/**
 * One node of the example, one operating-system process: it holds counters, and callers in it
 * increment those of all nodes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createNode } from 'barrel-p2p';
import { Caller } from './caller.mjs';
import { Counters, clientOf, SERVICE } from './counters.mjs';

const VIEW_MS = 100;
const RETRY_MS = 20;
const READ_MS = 1_000;
const MAP = 'counters';

const { name, contacts, dataDir, keys, ringSize, callers, ...ways } = JSON.parse(process.argv[2]);
const { CREW_SECRET: secret } = process.env;
const node = await createNode({
  name,
  contacts,
  dataDir,
  cluster: 'counters',
  secret,
  shards: { ringSize },
  maps: { [MAP]: {} },
});
// Ctrl-C reaches every process of the terminal; the parent decides what happens then.
process.on('SIGINT', () => {});
process.on('disconnect', () => void stop());
const mine = Array.from(
  { length: callers },
  (_, at) => new Caller(node, `${name}/${process.pid}/${at}`, keys),
);
let calling;
process.on('message', ({ type }) => void answer(type));
if (!process.connected) await stop();
// Others place keys here as soon as they know of this node, so it does not wait until it is ready.
const counters = new Counters(node, node.maps.get(MAP), ways);
await node.services.register(SERVICE, counters.service());
void follow().catch(broken);
node.shards.run((shard) => counters.hold(shard)).catch(broken);
tell({ type: 'listening', address: node.address });
const viewing = setInterval(view, VIEW_MS);

/** What it holds already comes first. */
async function follow() {
  for await (const { type, partition } of node.shards.events()) {
    if (type === 'acquired') tell({ type, partition });
  }
}

async function answer(type) {
  try {
    if (type === 'call') calling ??= Promise.all(mine.map((caller) => caller.run()));
    else if (type === 'rest') await rest();
    else if (type === 'count') tell({ type: 'counts', counts: await countAll() });
    else await stop();
  } catch (error) {
    broken(error);
  }
}

/** The callers end; what they have in their books goes to the parent, once. */
async function rest() {
  if (calling === undefined) return;
  for (const caller of mine) caller.end();
  await calling;
  calling = undefined;
  tell({ type: 'books', books: mine.map(bookOf) });
}

function bookOf({ acknowledged, retried, longest }) {
  return { acknowledged: Object.fromEntries(acknowledged), retried, longest };
}

/** By key, each asked of its owner. */
async function countAll() {
  return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await countOf(key)])));
}

/** The parent waits for it, and not for ever. */
async function countOf(key) {
  for (;;) {
    try {
      return await clientOf(node, node.shards.place(key), READ_MS).count(key);
    } catch {
      await sleep(RETRY_MS);
    }
  }
}

function view() {
  const calls = mine.reduce((sum, { acknowledged }) => sum + total(acknowledged), 0);
  const { epoch } = node.shards;
  const held = node.shards.owned();
  const { partitions } = node.shards.shares().find((share) => share.node === name) ?? {};
  const hasAll = held.length === partitions;
  tell({ type: 'view', members: node.members(), calls, epoch, held, hasAll });
}

function total(counts) {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function broken(error) {
  tell({ type: 'broken', message: String(error?.stack ?? error) });
}

async function stop() {
  await rest();
  clearInterval(viewing);
  await node.close();
  process.exit(0);
}

function tell(message) {
  if (process.connected) process.send(message);
}
