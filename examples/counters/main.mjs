/**
 * A sharded counter whose partitions move while everybody counts. Two processes hold counters in
 * memory, each those of its partitions, and callers increment them all the time. A third process
 * joins, then a fourth, then one is closed; some answers are lost on purpose, and their increments
 * are tried again. Exit code 0 only when each counter is what was acknowledged: none lost, none
 * counted twice.
 *
 *     node examples/counters/main.mjs
 *     node examples/counters/main.mjs --careless     partitions go unwritten: it fails
 *     node examples/counters/main.mjs --forgetful    no increment is known again: it fails
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { count, Screen } from '../demo/screen.mjs';
import { Crew, play } from '../nightly/crew.mjs';
import { faultsOf, sumOf } from './verify.mjs';

const RING_SIZE = 256;
const CALLERS = 6;
const KEYS = Array.from({ length: 120 }, (_, at) => `counter-${at}`);
/** One of so many answers is lost. */
const LOSES_EACH = 97;
/** Between two events so many increments are made. */
const CALLS = 1_500;
const SHOWN_MAX = 5;

const { careless, forgetful } = readSettings();
const screen = new Screen(process.stdout);
const folder = mkdtempSync(join(tmpdir(), 'barrel-counters-'));
const crew = new Crew({
  file: fileURLToPath(new URL('node.mjs', import.meta.url)),
  folder,
  secret: randomBytes(32).toString('base64url'),
  settings: {
    keys: KEYS,
    ringSize: RING_SIZE,
    callers: CALLERS,
    losesEach: LOSES_EACH,
    isCareless: careless,
    isForgetful: forgetful,
  },
  onMessage: hear,
});
/** By node what it told last: members, partitions that it holds, increments of its callers. */
const views = new Map();
/** By partition who acquired it last. */
const holders = new Map();
const books = [];
let counts;
let moved = 0;

await play({ name: 'counters', run, cleanUp });

async function run() {
  await crew.start('a@counters');
  await crew.start('b@counters');
  await whole();
  moved = 0;
  crew.tell({ type: 'call' });
  screen.event(
    `two processes hold ${KEYS.length} counters in ${RING_SIZE} partitions: ${shares()}`,
  );
  await calls();
  await grow('c@counters');
  await grow('d@counters');
  await leave('b@counters');
  crew.tell({ type: 'rest' });
  await crew.until('the callers have ended', () => books.length === 4 * CALLERS);
  crew.tell({ type: 'count' });
  await crew.until('all counters are read', () => counts !== undefined);
  await crew.stop();
  return judge();
}

/** A process joins, and takes over its share while everybody counts. */
async function grow(name) {
  const before = moved;
  await crew.start(name);
  await whole();
  crew.tell({ type: 'call' });
  screen.event(`${name} has joined, ${moved - before} partitions moved: ${shares()}`);
  await calls();
}

/** A process is closed: its callers come to an end, and its partitions go to the others. */
async function leave(name) {
  const before = moved;
  await crew.retire(name);
  views.delete(name);
  await whole();
  screen.event(`${name} was closed, ${moved - before} partitions moved: ${shares()}`);
  await calls();
}

/** Resolves when all know all, and each partition is held by exactly one. */
async function whole() {
  await crew.together();
  await crew.until('each partition has one holder', () => {
    const all = [...views.values()];
    const held = all.flatMap((view) => view.held);
    const isWhole = held.length === RING_SIZE && new Set(held).size === RING_SIZE;
    const hasOneTable = new Set(all.map(({ epoch }) => epoch)).size === 1;
    return isWhole && hasOneTable && all.every(({ hasAll }) => hasAll);
  });
}

/** Resolves when so many more increments are made. */
async function calls() {
  const made = () => [...views.values()].reduce((sum, view) => sum + view.calls, 0);
  const goal = made() + CALLS;
  await crew.until(`${CALLS} increments are made`, () => made() >= goal);
}

function hear(name, message) {
  if (message.type === 'view') views.set(name, message);
  else if (message.type === 'books') books.push(...message.books);
  else if (message.type === 'counts') counts ??= message.counts;
  else if (message.type === 'acquired') {
    const { partition } = message;
    if (holders.has(partition) && holders.get(partition) !== name) moved += 1;
    holders.set(partition, name);
  }
}

function shares() {
  return [...views].map(([name, { held }]) => `${name.split('@')[0]} ${held.length}`).join(', ');
}

/** Prints the verdict; true when all is well. */
function judge() {
  const acknowledged = sumOf(books);
  const faults = faultsOf(counts, acknowledged);
  const longest = books.map((book) => book.longest).reduce((a, b) => (b.ms > a.ms ? b : a));
  const retried = books.reduce((sum, book) => sum + book.retried, 0);
  screen.line();
  screen.line(`${moved} times a partition moved, ${count(retried)} increments were tried again`);
  screen.line(`longest pause of a key: ${Math.round(longest.ms)} ms, of ${longest.key}`);
  for (const fault of faults.slice(0, SHOWN_MAX))
    screen.line(screen.paint('red', `fault: ${fault}`));
  if (faults.length > SHOWN_MAX) screen.line(`and ${faults.length - SHOWN_MAX} more`);
  const all = Object.values(acknowledged).reduce((sum, one) => sum + one, 0);
  const verdict =
    faults.length === 0
      ? screen.paint('green', `verified: ${count(all)} increments, none lost, none counted twice.`)
      : screen.paint('red', `NOT verified: ${faults.length} of ${KEYS.length} counters are wrong.`);
  screen.line(verdict);
  return faults.length === 0;
}

async function cleanUp() {
  await crew.stop();
  rmSync(folder, { recursive: true, force: true });
}

function readSettings() {
  try {
    const options = {
      careless: { type: 'boolean', default: false },
      forgetful: { type: 'boolean', default: false },
    };
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(`counters: ${error.message}`);
    process.exit(2);
  }
}
