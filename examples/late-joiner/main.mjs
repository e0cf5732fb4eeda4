/**
 * A node that comes late to a large map: two processes host a map of 100,000 entries, a third one
 * joins, fetches all of it over QUIC, and shows how far it is. Exit code 0 only when its map is
 * equal to the first one's, entry by entry.
 *
 *     node examples/late-joiner/main.mjs
 *     node examples/late-joiner/main.mjs --entries 10000
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { count, Screen } from '../demo/screen.mjs';

const NODE_FILE = fileURLToPath(new URL('node.mjs', import.meta.url));
/** Key and value of one entry, roughly: what the shown rate counts. */
const ENTRY_BYTES = 100;
const LINE_MS = 1_000;
const STOP_MS = 15_000;

const settings = readSettings();
const screen = new Screen(process.stdout);
const secret = randomBytes(32).toString('base64url');
const children = [];
/** What the process that works now has told last. */
let last;
let isInterrupted = false;
process.once('SIGINT', () => {
  isInterrupted = true;
  process.once('SIGINT', () => process.exit(130));
  for (const { child } of children) child.kill('SIGTERM');
});

try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  screen.rest();
  if (!isInterrupted) console.error(`late-joiner: ${error.message}`);
  process.exitCode = isInterrupted ? 130 : 1;
} finally {
  await stop();
}

async function run() {
  screen.live(() => (last === undefined ? [] : ['', progressOf(last)]));
  const first = await host({ name: 'first@shop', entries: settings.entries });
  screen.event(`first@shop has put ${summary(first)}`);
  const contacts = [first.address];
  const second = await host({ name: 'second@shop', contacts });
  screen.event(`second@shop has them, too: ${summary(second)}`);
  screen.event('late@shop starts with nothing');
  const late = await host({ name: 'late@shop', contacts });
  screen.event(`late@shop has fetched ${summary(late)}`);
  screen.rest();
  return judge(first, [second, late]);
}

/** Starts a process; resolves with what it has when its map is open and full. */
function host({ name, contacts = [], entries = 0 }) {
  const child = fork(NODE_FILE, [JSON.stringify({ name, contacts, entries })], {
    // The secret goes where other users of the machine cannot read it.
    env: { ...process.env, LATE_JOINER_SECRET: secret },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = new Promise((done) => child.once('exit', done));
  children.push({ child, exited });
  let lineMs = 0;
  return new Promise((done, fail) => {
    child.on('message', (message) => {
      last = { name, ...message };
      if (message.type === 'done') done(last);
      // On a terminal it is drawn below; elsewhere a line now and then.
      else if (!process.stdout.isTTY && message.elapsedMs >= lineMs) {
        lineMs = message.elapsedMs + LINE_MS;
        screen.event(progressOf(last));
      }
    });
    exited.then((code) => fail(new Error(`${name} ended with ${code}`)), fail);
  });
}

function judge(first, copies) {
  screen.line();
  const isRight = [first, ...copies].every(
    ({ size, digest }) => size === settings.entries && digest === first.digest,
  );
  if (isRight) {
    const text = `VERIFIED  three equal maps of ${count(first.size)} entries.`;
    screen.line(screen.paint('green', text));
  } else {
    const sizes = [first, ...copies].map(({ name, size }) => `${name} ${count(size)}`).join(', ');
    const text = `NOT VERIFIED  of ${count(settings.entries)} entries: ${sizes}`;
    screen.line(screen.paint('red', text));
  }
  return isRight;
}

function progressOf(report) {
  const { name, type, size } = report;
  const bar = screen.bar(Math.min(1, size / settings.entries));
  return `${bar}  ${name} ${type}: ${count(size)} of ${count(settings.entries)}, ${rate(report)}`;
}

function summary(report) {
  const seconds = (report.elapsedMs / 1_000).toFixed(2);
  return `${count(report.size)} entries in ${seconds} s (${rate(report)})`;
}

function rate({ size, elapsedMs }) {
  const bytesPerMs = (size * ENTRY_BYTES) / Math.max(1, elapsedMs);
  return `${(bytesPerMs / 1_000).toFixed(1)} MB/s`;
}

/** In order where possible, by force where not. */
async function stop() {
  for (const { child } of children) if (child.connected) child.send({ type: 'stop' });
  const timer = setTimeout(() => {
    for (const { child } of children) child.kill('SIGKILL');
  }, STOP_MS);
  await Promise.all(children.map(({ exited }) => exited));
  clearTimeout(timer);
}

function readSettings() {
  try {
    const { values } = parseArgs({ options: { entries: { type: 'string', default: '100000' } } });
    const entries = Number(values.entries);
    if (!Number.isInteger(entries) || entries < 1) {
      throw new Error(`--entries must be a whole number above 0, received ${values.entries}`);
    }
    return { entries };
  } catch (error) {
    console.error(`late-joiner: ${error.message}`);
    process.exit(2);
  }
}
