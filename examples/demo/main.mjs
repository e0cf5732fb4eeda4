/**
 * The main job, in one command: five processes on this machine become one cluster, orders from a
 * real file flow through three services of it, one process is killed half-way, and at the end the
 * ledger is compared with the file, order by order. Exit code 0 only when every one is there once.
 *
 *     npm run demo                       shows it
 *     npm run demo -- --keep             leaves the cluster running until Ctrl-C
 *     npm run demo -- --rate 1000        orders a second (default 250)
 *     npm run demo -- --expect <file>    compares with another file than the one that was sent
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Fleet } from './fleet.mjs';
import { readOrders } from './orders-file.mjs';
import { columns, count, money, Screen } from './screen.mjs';
import { verify } from './verify.mjs';

const ORDERS = fileURLToPath(new URL('orders.csv', import.meta.url));
const SERVICES = {
  'gate@demo': [],
  'orders@demo': ['orders'],
  'pricing-a@demo': ['pricing'],
  'pricing-b@demo': ['pricing'],
  'ledger@demo': ['ledger'],
};
const NAMES = Object.keys(SERVICES);
const GATE = 'gate@demo';
const VICTIM = 'pricing-b@demo';

const settings = readSettings();
const screen = new Screen(process.stdout);
const folder = mkdtempSync(join(tmpdir(), 'barrel-demo-'));
const secret = randomBytes(32).toString('base64url');
const fleet = new Fleet({ folder, secret, onMessage: hear });
/** What the gate reports; times are of this process. */
const flow = { total: 0, accepted: 0, repeated: new Set(), killedMs: undefined };

let isStopping = false;
process.on('SIGINT', () => void interrupt(130));
process.on('SIGTERM', () => void interrupt(143));

try {
  const isRight = await run();
  if (isRight && settings.keep) await keep();
  process.exitCode = isRight ? 0 : 1;
} catch (error) {
  screen.rest();
  if (!isStopping) console.error(`\nThe demo failed: ${error.message}`);
  process.exitCode ||= 1;
} finally {
  if (!isStopping) await cleanUp();
}

async function run() {
  for await (const _ of readOrders(ORDERS)) flow.total += 1;
  screen.line();
  screen.line(screen.paint('bold', 'Five processes, one cluster, no broker.'));
  screen.line(`${count(flow.total)} orders go through it, and one process will be killed.`);
  screen.line();
  screen.live(view);
  await assemble();
  await openShop();
  await sendOrders();
  const entries = await audit();
  screen.rest();
  return judge(entries);
}

/** One seed, four nodes that know its address; then everyone knows everyone. */
async function assemble() {
  const startedMs = performance.now();
  const seed = await fleet.start(GATE, []);
  screen.event(`${GATE} listens on ${seed}`);
  const others = NAMES.filter((name) => name !== GATE);
  await Promise.all(others.map((name) => fleet.start(name, [`${GATE}/${seed}`])));
  await fleet.until('every node lists all five', () =>
    fleet.alive.every(({ members }) => members?.length === NAMES.length),
  );
  await fleet.until('every link is mutual', areLinksMutual);
  const links = fleet.alive.reduce((sum, { links }) => sum + links.length, 0) / 2;
  screen.event(
    `five processes joined through one seed in ${since(startedMs)}: ` +
      `each lists all five, ${links} links, all mutual`,
  );
}

function areLinksMutual() {
  const byName = new Map(fleet.alive.map((member) => [member.name, member.links ?? []]));
  return [...byName].every(
    ([name, links]) => links.length > 0 && links.every((peer) => byName.get(peer)?.includes(name)),
  );
}

async function openShop() {
  const startedMs = performance.now();
  const serviceCount = Object.values(SERVICES).flat().length;
  for (const [name, services] of Object.entries(SERVICES)) {
    if (services.length > 0) fleet.tell(name, { type: 'serve', services });
  }
  await fleet.until('every node lists every service', () =>
    fleet.alive.every((member) => member.services?.length === serviceCount),
  );
  screen.event(
    `every node lists every service after ${since(startedMs)}: orders, ledger and two of pricing`,
  );
}

/** Half of them, then the kill, then the rest. */
async function sendOrders() {
  const startedMs = performance.now();
  fleet.tell(GATE, { type: 'feed', file: ORDERS, ordersPerSecond: settings.rate });
  screen.event(`orders flow: ${GATE} -> orders -> pricing -> ledger`);
  await fleet.until('half of the orders are accepted', () => flow.accepted >= flow.total / 2);
  flow.killedMs = performance.now();
  const { pid } = fleet.members.get(VICTIM).child;
  const { quoted = 0 } = fleet.members.get(VICTIM).work;
  await fleet.kill(VICTIM);
  screen.event(
    screen.paint('red', `kill -9 ${pid}`) +
      `: ${VICTIM} is dead after ${count(flow.accepted)} orders, ${count(quoted)} priced there`,
  );
  const recovery = Promise.all([noticed('members'), noticed('services'), flowed()]);
  await fleet.until('every order is accepted', () => flow.fedMs !== undefined, 120_000);
  await recovery;
  screen.event(`all ${count(flow.total)} orders accepted in ${since(startedMs)}`);
}

/** Resolves when no survivor lists the dead node, or no service on it. */
async function noticed(what) {
  const names = ({ members = [], services = [] }) =>
    what === 'members' ? members : services.map(([, name]) => name);
  const isGone = () => fleet.alive.every((member) => !names(member).includes(VICTIM));
  await fleet.until(`no survivor lists ${VICTIM} among its ${what}`, isGone);
  screen.event(`no survivor lists it among its ${what} any more: ${since(flow.killedMs)}`);
}

/** Resolves when orders that met the dead node have been accepted after all. */
async function flowed() {
  await fleet.until(
    'an order that failed is accepted',
    () => flow.firstMs !== undefined || flow.fedMs !== undefined,
  );
  if (flow.firstMs === undefined) {
    screen.event('no order met the dead node');
    return;
  }
  screen.event(
    `the first order that had failed is accepted: ${since(flow.killedMs, flow.firstMs)}`,
  );
}

async function audit() {
  fleet.tell(GATE, { type: 'audit' });
  await fleet.until('the ledger is read', () => flow.entries !== undefined);
  // The counters on the screen come a moment later than the answer; let them be the last ones.
  const ledger = fleet.members.get('ledger@demo');
  await fleet.until('the last count', () => ledger.work.recorded === flow.entries.length);
  return flow.entries;
}

/** Prints file against ledger; true when they agree. */
async function judge(entries) {
  const { orders, totals, faults } = await verify(entries, settings.expect ?? ORDERS);
  const row = ({ currency, file, ledger }) => [
    currency,
    ...[file, ledger].flatMap((sum) => [count(sum.orders), count(sum.pieces), money(sum.cents)]),
    JSON.stringify(file) === JSON.stringify(ledger) ? 'equal' : 'DIFFERENT',
  ];
  const heads = ['', 'file', 'pieces', 'total', 'ledger', 'pieces', 'total', ''];
  screen.line();
  screen.line(columns([heads, ...totals.map(row)]).join('\n'));
  screen.line();
  screen.line(`${count(flow.repeated.size)} orders failed and were sent again,`);
  screen.line(`${count(flow.repeats)} of them reached the ledger twice and were counted once.`);
  if (flow.lastMs !== undefined) {
    screen.line(
      `Time to recover: first such order ${since(flow.killedMs, flow.firstMs)} after the kill, ` +
        `last one ${since(flow.killedMs, flow.lastMs)}.`,
    );
  }
  screen.line();
  for (const fault of faults) screen.line(screen.paint('red', `FAULT  ${fault}`));
  const isRight = faults.length === 0;
  const verdict = isRight
    ? screen.paint('green', `VERIFIED  ${count(orders)} orders: none lost, none counted twice.`)
    : screen.paint('red', 'NOT VERIFIED  the ledger and the file differ.');
  screen.line(verdict);
  return isRight;
}

function hear(name, message) {
  if (name !== GATE) return;
  const nowMs = performance.now();
  if (message.type === 'accepted') flow.accepted += 1;
  else if (message.type === 'failed') flow.repeated.add(message.id);
  else if (message.type === 'fed') flow.fedMs = nowMs;
  else if (message.type === 'audited') Object.assign(flow, message);
  else if (message.type === 'recovered') {
    flow.accepted += 1;
    if (flow.killedMs === undefined) return;
    flow.firstMs ??= nowMs;
    flow.lastMs = nowMs;
  }
}

function view() {
  const rows = [...fleet.members.values()].map((member) => {
    const { name, child, state, members = [], links = [], services = [], work } = member;
    if (state === 'killed') return [screen.paint('red', '✗'), name, child.pid, 'killed'];
    const at = state === 'up' ? screen.paint('green', '●') : screen.paint('yellow', '○');
    return [at, name, child.pid, members.length, links.length, services.length, workOf(work)];
  });
  const heads = ['', 'node', 'process', 'members', 'links', 'services', 'work'];
  const share = flow.total === 0 ? 0 : flow.accepted / flow.total;
  return [
    '',
    ...columns([heads.map((head) => screen.paint('dim', head)), ...rows]),
    '',
    `${screen.bar(share)}  ${count(flow.accepted)} of ${count(flow.total)} orders`,
    '',
  ];
}

function workOf(work) {
  return Object.entries(work)
    .map(([what, times]) => `${what} ${count(times)}`)
    .join(', ');
}

/** The cluster stays until Ctrl-C. */
async function keep() {
  screen.line('\nThe cluster keeps running; Ctrl-C ends it. Here, in another terminal:\n');
  for (const { dataDir } of fleet.alive) {
    screen.line(`  npx barrel status --data-dir ${dataDir}`);
  }
  const { dataDir } = fleet.members.get(GATE);
  screen.line(`  npx barrel services --data-dir ${dataDir}`);
  screen.line(`  npx barrel call ledger page 0 2 --data-dir ${dataDir}\n`);
  await fleet.until('Ctrl-C', () => false, 2 ** 31 - 1);
}

async function interrupt(exitCode) {
  if (isStopping) process.exit(exitCode);
  isStopping = true;
  screen.rest();
  await cleanUp();
  process.exit(exitCode);
}

async function cleanUp() {
  await fleet.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** `1.23 s` or `45 ms` */
function since(startMs, endMs = performance.now()) {
  const ms = endMs - startMs;
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}

function readSettings() {
  const options = {
    keep: { type: 'boolean', default: false },
    rate: { type: 'string', default: '250' },
    expect: { type: 'string' },
  };
  try {
    const { values } = parseArgs({ options });
    const rate = Number(values.rate);
    if (!(rate > 0)) throw new Error(`--rate must be above 0, received ${values.rate}`);
    return { ...values, rate };
  } catch (error) {
    console.error(`demo: ${error.message}`);
    process.exit(2);
  }
}
