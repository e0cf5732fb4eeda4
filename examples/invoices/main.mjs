/**
 * Invoices that are due, on processes that die. Three processes set 90 reminders, one for each
 * invoice, and handle them as they are due: an invoice is made, entered into a ledger, and sent.
 * Two of the processes are killed with invoices in their hands, some of them in the ledger already;
 * one of the two comes back. What they left undone is tried again elsewhere, and the ledger knows
 * by (key, fence) what was done. Exit code 0 only when each invoice is in the ledger exactly once.
 *
 *     node examples/invoices/main.mjs
 *     node examples/invoices/main.mjs --blind           the ledger looks at no fence: it fails
 *     node examples/invoices/main.mjs --at-most-once    nothing is tried again: it fails
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Screen } from '../demo/screen.mjs';
import { Crew, play } from '../nightly/crew.mjs';
import { Ledger } from './ledger.mjs';
import { faultsOf } from './verify.mjs';

const NAMES = ['a@invoices', 'b@invoices', 'c@invoices'];
const INVOICES = 90;
/** The first one is due so long after all are told to set them, the others evenly after it. */
const FIRST_MS = 3_000;
const SPREAD_MS = 12_000;
/** So many are done before the first process is killed, and before the second one. */
const DONE_BEFORE_KILL = [10, 30];
/** The dead are missed, and their leases run out: 8 s, and longer on a busy machine. */
const LEFT_MS_MAX = 60_000;
const SHOWN_MAX = 5;

const settings = readSettings();
const screen = new Screen(process.stdout);
const folder = mkdtempSync(join(tmpdir(), 'barrel-invoices-'));
const ledgerFolder = join(folder, 'ledger');
const invoices = Array.from({ length: INVOICES }, (_, at) => ({
  number: at + 1,
  cents: 1_000 + ((at * 7_919) % 9_000),
  setBy: NAMES[at % NAMES.length],
  afterMs: FIRST_MS + Math.round((at * SPREAD_MS) / INVOICES),
}));
const crew = new Crew({
  file: fileURLToPath(new URL('node.mjs', import.meta.url)),
  folder,
  secret: randomBytes(32).toString('base64url'),
  settings: {
    folder: ledgerFolder,
    isBlind: settings.blind,
    delivery: settings['at-most-once'] ? 'at-most-once' : 'at-least-once',
    invoices,
  },
  onMessage: hear,
});
/** By node how far the invoices in its hands are, by number: `began`, or `wrote`. */
const hands = new Map();
/** By node how many reminders it lists. */
const left = new Map();
const done = new Set();
let countOfSet = 0;
let retries = 0;
let known = 0;

await play({ name: 'invoices', run, cleanUp });

async function run() {
  for (const name of NAMES) await crew.start(name);
  await crew.together();
  const beginMs = Date.now();
  crew.tell({ type: 'set', beginMs });
  await crew.until('all invoices are set', () => countOfSet === INVOICES);
  screen.event(`three processes have set ${INVOICES} invoices, due within ${SPREAD_MS / 1_000} s`);
  await kill('b@invoices', DONE_BEFORE_KILL[0]);
  await kill('c@invoices', DONE_BEFORE_KILL[1]);
  await crew.start('b@invoices');
  screen.event('b@invoices is back');
  const lastMs = beginMs + FIRST_MS + SPREAD_MS;
  await crew.until('the last invoice is due', () => Date.now() >= lastMs);
  screen.event(`all invoices are due, ${done.size} are done`);
  const isNoneLeft = () => [...left.values()].every((count) => count === 0);
  await crew.until('no invoice is left', isNoneLeft, LEFT_MS_MAX);
  screen.event(`none is left: ${retries} further attempts, in ${known} the ledger had it already`);
  await crew.stop();
  return judge(await new Ledger(ledgerFolder).entries());
}

/** Kills a process that has one invoice just begun, and one in the ledger that is not sent yet. */
async function kill(name, doneBefore) {
  await crew.until(`${name} is in the midst of its work`, () => {
    const stages = [...(hands.get(name)?.values() ?? [])];
    return done.size >= doneBefore && stages.includes('began') && stages.includes('wrote');
  });
  const pid = crew.processOf(name);
  await crew.kill(name);
  left.delete(name);
  const held = [...hands.get(name).keys()].sort((a, b) => a - b);
  hands.delete(name);
  const which = `with the invoices ${held.join(', ')} in its hands`;
  screen.event(`${screen.paint('red', `kill -9 ${pid}`)}: ${name} is dead, ${which}`);
}

function hear(name, { type, number, attempt, ...more }) {
  if (type === 'view') left.set(name, more.left);
  else if (type === 'set') countOfSet += more.count;
  else if (type === 'began' || type === 'wrote' || type === 'knew') {
    if (type === 'began' && attempt > 1) retries += 1;
    if (type === 'knew') known += 1;
    const mine = hands.get(name) ?? new Map();
    hands.set(name, mine.set(number, type));
  } else if (type === 'done') {
    hands.get(name)?.delete(number);
    done.add(number);
  }
}

/** Prints the verdict; true when all is well. */
function judge(entries) {
  const faults = faultsOf(invoices, entries);
  screen.line();
  for (const fault of faults.slice(0, SHOWN_MAX)) {
    screen.line(screen.paint('red', `fault: ${fault}`));
  }
  if (faults.length > SHOWN_MAX) screen.line(`and ${faults.length - SHOWN_MAX} more`);
  const verdict =
    faults.length === 0
      ? screen.paint('green', `verified: ${INVOICES} invoices, each in the ledger exactly once.`)
      : screen.paint('red', `NOT verified: ${faults.length} faults in ${INVOICES} invoices.`);
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
      blind: { type: 'boolean', default: false },
      'at-most-once': { type: 'boolean', default: false },
    };
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(`invoices: ${error.message}`);
    process.exit(2);
  }
}
