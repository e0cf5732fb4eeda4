/**
 * One node of the example, one operating-system process. It sets a share of the invoices, handles
 * those that come to it, and tells its parent how far each one is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createNode } from 'barrel-p2p';
import { Ledger } from './ledger.mjs';

/** To make an invoice, before it is in the ledger. */
const MAKE_MS = 300;
/** To send it, afterwards: whoever is killed here has done it, and nobody knows. */
const SEND_MS = 300;
const VIEW_MS = 200;

const { name, contacts, dataDir, folder, isBlind, delivery, invoices } = JSON.parse(
  process.argv[2],
);
const { CREW_SECRET: secret } = process.env;
const ledger = new Ledger(folder, { isBlind });
const node = await createNode({ name, contacts, dataDir, cluster: 'invoices', secret });
// Ctrl-C reaches every process of the terminal; the parent decides what happens then.
process.on('SIGINT', () => {});
process.on('disconnect', () => void stop());
process.on('message', (message) => void answer(message));
if (!process.connected) await stop();
node.reminders.handle(handle, { prefix: ['invoice'] });
tell({ type: 'listening', address: node.address });
const viewing = setInterval(() => void view().catch(broken), VIEW_MS);

async function handle({ key, payload, fence, attempt, signal }) {
  const [, number] = key;
  tell({ type: 'began', number, attempt });
  await sleep(MAKE_MS, undefined, { signal });
  const isNew = await ledger.enter({ key, fence, attempt, cents: payload.cents, node: name });
  tell({ type: isNew ? 'wrote' : 'knew', number, attempt });
  await sleep(SEND_MS);
  tell({ type: 'done', number, attempt });
}

async function answer({ type, beginMs }) {
  try {
    if (type === 'set') await setMine(beginMs);
    else await stop();
  } catch (error) {
    broken(error);
  }
}

async function setMine(beginMs) {
  const mine = invoices.filter(({ setBy }) => setBy === name);
  // Durable here and held by another node when it resolves.
  await Promise.all(
    mine.map(({ number, cents, afterMs }) =>
      node.reminders.set(['invoice', number], beginMs + afterMs, { cents }, { delivery }),
    ),
  );
  tell({ type: 'set', count: mine.length });
}

async function view() {
  let left = 0;
  for await (const _ of node.reminders.list({ prefix: ['invoice'] })) left += 1;
  tell({ type: 'view', members: node.members(), left });
}

function broken(error) {
  tell({ type: 'broken', message: String(error?.stack ?? error) });
}

async function stop() {
  clearInterval(viewing);
  await node.close();
  process.exit(0);
}

function tell(message) {
  if (process.connected) process.send(message);
}
