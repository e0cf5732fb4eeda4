/**
 * How long a registered service takes to be seen by all other nodes: from when `register` resolved
 * until a look-up on the last of them finds it. Processes on loopback that know each other, one
 * registration after the other, by each of them in turn. It judges nothing.
 *
 *     npm install --prefix DIR moleculer@0.14
 *     node bench/visible.mjs [--peers DIR] [--at 3,8,16] [--count 200]
 *
 * All processes read the machine's monotonic clock. Moleculer, over its TCP transporter and in
 * plaintext, stands beside ours with `--peers`.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createNode } from 'barrel-p2p';
import { answerParent, childArguments, startChild } from './children.mjs';
import { printMachine } from './machine.mjs';
import { machineMs, percentile } from './method.mjs';

const SECRET = 'a secret for this machine and this hour';
const FILE = fileURLToPath(import.meta.url);
const MOLECULER = fileURLToPath(new URL('./peers/moleculer-visible.mjs', import.meta.url));
/** It gossips every two seconds: fewer samples, so that it does not take for ever. */
const MOLECULER_SHARE = 0.1;

if (process.argv[2] === 'member') await member();
else await main();

async function main() {
  const { values } = parseArgs({
    options: {
      peers: { type: 'string' },
      at: { type: 'string', default: '3,8,16' },
      count: { type: 'string', default: '200' },
    },
  });
  const count = Number(values.count);
  printMachine(
    `loopback, ${count} registrations, from register() resolved until all others see it`,
  );
  console.log(row(['', 'processes', 'p50 ms', 'p99 ms', 'max ms', 'samples']));
  for (const processes of values.at.split(',').map(Number)) {
    print('barrel-p2p', processes, await measure(FILE, processes, count));
    if (values.peers === undefined) continue;
    process.env.BARREL_BENCH_PEERS = resolve(values.peers);
    const fewer = Math.ceil(count * MOLECULER_SHARE);
    print('Moleculer TCP', processes, await measure(MOLECULER, processes, fewer));
  }
}

/** Milliseconds of each registration. */
async function measure(file, processes, count) {
  const first = await startChild(file, 'member', { index: 0, processes });
  const facts = { processes, contact: first.up?.address };
  const children = [first];
  try {
    const others = Array.from({ length: processes - 1 }, (_, at) =>
      startChild(file, 'member', { ...facts, index: at + 1 }),
    );
    children.push(...(await Promise.all(others)));
    await Promise.all(children.map((child) => child.ask('complete')));
    const samples = [];
    for (let at = 0; at < count; at += 1) samples.push(await register(children, at));
    return samples;
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

async function register(children, at) {
  const name = `service-${at}`;
  const owner = children[at % children.length];
  const others = children.filter((child) => child !== owner);
  await Promise.all(others.map((child) => child.ask('watch', { name })));
  const registeredMs = await owner.ask('register', { name });
  const seenMs = await Promise.all(others.map((child) => child.ask('seen', { name })));
  return Math.max(...seenMs) - registeredMs;
}

function print(subject, processes, samples) {
  const figures = [0.5, 0.99, 1].map((q) => percentile(samples, q).toFixed(1));
  console.log(row([subject, processes, ...figures, samples.length]));
}

function row([label, ...cells]) {
  return label.padEnd(16) + cells.map((cell) => String(cell).padStart(12)).join('');
}

async function member() {
  const { index, processes, contact } = childArguments().facts;
  const contacts = contact === undefined ? [] : [contact];
  const node = await createNode({ name: `n${index}@bench`, secret: SECRET, contacts });
  const seen = new Map();
  answerParent(
    { address: node.address },
    {
      complete: () => knowsAll(node, processes),
      watch: ({ name }) => void seen.set(name, whenSeen(node, name)),
      register: async ({ name }) => {
        await node.services.register(name, { echo: (value) => value });
        return machineMs();
      },
      seen: ({ name }) => seen.get(name),
    },
  );
}

function knowsAll(node, processes) {
  return new Promise((done) => {
    const look = () => {
      if (node.members().length >= processes) done();
    };
    node.on('memberUp', look);
    look();
  });
}

/** When a look-up finds it: it is asked whenever something is told of that name. */
function whenSeen(node, name) {
  return new Promise((done) => {
    const listener = node.services.on(
      'registered',
      () => {
        if (node.services.lookup(name).length === 0) return;
        done(machineMs());
        listener[Symbol.dispose]();
      },
      { name },
    );
  });
}
