/**
 * A nightly job on exactly one node, and a file that no former leader can spoil. Three processes
 * run `node.leaders.run('nightly', job)`; the job appends lines to a file, each under the fence of
 * its term. The leader's process is killed, twice; another leader stands still until its time is
 * over, and then writes on. Exit code 0 only when that write was refused and the file is in order.
 *
 *     node examples/nightly/main.mjs
 *     node examples/nightly/main.mjs --unguarded    without the guard: it fails
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Screen } from '../demo/screen.mjs';
import { Crew, play } from './crew.mjs';
import { FencedFile } from './fenced-file.mjs';
import { faultsOf, termsOf } from './verify.mjs';

const NAMES = ['a@nightly', 'b@nightly', 'c@nightly'];
/** A term that has written so many lines is at work. */
const LINES = 4;

const isGuarded = !readSettings().unguarded;
const screen = new Screen(process.stdout);
const folder = mkdtempSync(join(tmpdir(), 'barrel-nightly-'));
const report = join(folder, 'report');
const secret = randomBytes(32).toString('base64url');
const file = fileURLToPath(new URL('node.mjs', import.meta.url));
const settings = { report, isGuarded };
const crew = new Crew({ file, folder, secret, settings, onMessage: hear });
/** What the nodes told of their lines: `{ type, node, fence, text, line }`. */
const told = [];

await play({ name: 'nightly', run, cleanUp });

async function run() {
  for (const name of NAMES) await crew.start(name);
  await crew.together();
  screen.event('three processes are one cluster; each would run the job');
  const first = await nextTerm(0n);
  screen.event(`${first.node} was elected, and writes under fence ${first.fence}`);
  await killLeader();
  await pauseLeader();
  await killLeader();
  await crew.stop();
  return judge(await new FencedFile(report).lines());
}

/** Kills who leads; resolves when another one is at work and the killed one is back. */
async function killLeader() {
  const { node, fence } = await nextLine();
  const startedMs = performance.now();
  const pid = crew.processOf(node);
  await crew.kill(node);
  screen.event(
    `${screen.paint('red', `kill -9 ${pid}`)}: ${node} is dead, in the midst of its job`,
  );
  const next = await nextTerm(fence);
  screen.event(`${next.node} took over under fence ${next.fence}, at work in ${since(startedMs)}`);
  await crew.start(node);
  await crew.together();
  screen.event(`${node} is back, and leaves the job to ${next.node}`);
}

/** Lets who leads stand still until another one has taken over, and then go on. */
async function pauseLeader() {
  // A line has just been written: it stands still while it works on the next one.
  const { node, fence } = await nextLine();
  const startedMs = performance.now();
  crew.halt(node);
  screen.event(`${screen.paint('yellow', 'SIGSTOP')}: ${node} stands still, and does not know it`);
  const next = await nextTerm(fence);
  screen.event(`${next.node} took over under fence ${next.fence}, at work in ${since(startedMs)}`);
  const before = told.length;
  crew.wake(node);
  screen.event(`${screen.paint('yellow', 'SIGCONT')}: ${node} goes on where it was`);
  // A line from before the pause may be told of only now.
  const isLate = ({ type, line }) => type === 'refused' || line > next.line;
  const isStale = (one) => one.node === node && one.fence === fence && isLate(one);
  const late = () => told.slice(before).find(isStale);
  await crew.until(`${node} tries to write`, () => late() !== undefined);
  const verdict = late().type === 'refused' ? screen.paint('green', 'refused') : 'NOT REFUSED';
  screen.event(`${node} tried to write under fence ${fence}: ${verdict}`);
  await crew.together();
}

/** The next line that is written, by whoever leads. */
async function nextLine() {
  const count = told.length;
  const found = () => told.slice(count).find(({ type }) => type === 'wrote');
  await crew.until('a line is written', () => found() !== undefined);
  return found();
}

/** The first term after that fence that has written some lines, as its last one tells of it. */
async function nextTerm(fence) {
  let found;
  await crew.until('a leader is at work', () => {
    const lines = told.filter((one) => one.type === 'wrote' && one.fence > fence);
    const { length } = lines.filter((one) => one.fence === lines.at(-1).fence);
    found = length >= LINES ? lines.at(-1) : undefined;
    return found !== undefined;
  });
  return found;
}

/** Prints the verdict; true when all is well. */
function judge(lines) {
  const refused = told.filter(({ type }) => type === 'refused');
  const faults = [...faultsOf(lines, told)];
  if (refused.length === 0) faults.push('no write of a former leader was refused');
  screen.line();
  for (const fault of faults) screen.line(screen.paint('red', `fault: ${fault}`));
  const verdict =
    faults.length === 0
      ? screen.paint('green', `verified: ${summary(lines, refused)}`)
      : screen.paint('red', `NOT verified: ${faults.length} faults in ${lines.length} lines.`);
  screen.line(verdict);
  return faults.length === 0;
}

function summary(lines, refused) {
  return (
    `${lines.length} lines of ${termsOf(lines)} terms, fences never decrease, ` +
    `none lost; ${refused.length} late write${refused.length === 1 ? '' : 's'} refused.`
  );
}

function hear(node, message) {
  if (message.type !== 'wrote' && message.type !== 'refused') return;
  told.push({ ...message, node, fence: BigInt(message.fence) });
}

async function cleanUp() {
  await crew.stop();
  rmSync(folder, { recursive: true, force: true });
}

function since(startMs) {
  return `${((performance.now() - startMs) / 1_000).toFixed(1)} s`;
}

function readSettings() {
  try {
    const options = { unguarded: { type: 'boolean', default: false } };
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(`nightly: ${error.message}`);
    process.exit(2);
  }
}
