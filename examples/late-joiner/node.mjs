/**
 * One node of the example, one operating-system process. The first one fills the map; each one says
 * how far its copy is while `open` waits, and shows it to the parent in the end.
 */
import { createHash } from 'node:crypto';
import { createNode } from 'barrel-p2p';

const REPORT_MS = 100;
const MAP = 'prices';
/** Entries of one `putAll`. */
const BATCH = 1_000;

const { name, contacts, entries } = JSON.parse(process.argv[2]);
const { LATE_JOINER_SECRET: secret } = process.env;
const node = await createNode({ name, contacts, cluster: 'late-joiner', secret });
// Ctrl-C reaches every process of the terminal; the parent decides what happens then.
process.on('SIGINT', () => {});
process.on('disconnect', () => void stop());
process.on('message', () => void stop());
if (!process.connected) await stop();

await node.ready({ timeoutMs: 60_000 });
const startedMs = performance.now();
// A map that is being opened can be read already: it has what came so far.
const reporting = setInterval(() => report('syncing'), REPORT_MS);
const prices = await node.maps.open(MAP);
clearInterval(reporting);
if (entries > 0) await fill(prices);
report('done', { digest: digestOf(prices), address: node.address });

async function fill(map) {
  for (let from = 0; from < entries; from += BATCH) {
    const count = Math.min(BATCH, entries - from);
    await map.putAll(Array.from({ length: count }, (_, at) => entryOf(from + at)));
    report('filling');
    // Links and timers get their turn.
    await new Promise((next) => setImmediate(next));
  }
}

/** About 100 bytes each. */
function entryOf(number) {
  return [`article-${number}`, { cents: number * 7, currency: 'EUR', note: 'x'.repeat(48) }];
}

/** Of all that is in the map, whatever the order: two maps with the same digest are equal. */
function digestOf(map) {
  const hash = createHash('sha256');
  for (const entry of [...map].sort(byKey)) hash.update(JSON.stringify(entry));
  return hash.digest('hex');
}

function byKey([a], [b]) {
  return a < b ? -1 : 1;
}

function report(type, more = {}) {
  if (!process.connected) return;
  const size = node.maps.get(MAP)?.size ?? 0;
  process.send({ type, size, elapsedMs: performance.now() - startedMs, ...more });
}

async function stop() {
  await node.close();
  process.exit(0);
}
