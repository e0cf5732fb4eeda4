/**
 * How long calls pause when a connection moves: when it is told to, when an address of a machine
 * changes, and when a cable is pulled. Two processes in network namespaces on one switch; calls go
 * at a steady rate all the while. Needs Linux, root and iproute2. It judges nothing.
 *
 *     node bench/migration.mjs [--runs 3] [--calls 1000] [--outage-ms 2000]
 */
import { execFileSync, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createNode } from 'barrel-p2p';
import { printMachine } from './machine.mjs';
import { median } from './method.mjs';

const SECRET = 'a secret for this machine and this hour';
const FILE = fileURLToPath(import.meta.url);
const PORT = 4433;
const TICK_MS = 10;
const QUIET_MS = 2_000;
const PREFIX = `bm${process.pid % 100_000}`;
const EVENTS = [
  ['told to, by the end that dialled', ({ b }) => b.ask('migrate', 'a@bench')],
  ['told to, by the end that accepted', ({ a }) => a.ask('migrate', 'b@bench')],
  ['address of the dialling machine changes', ({ net }) => net.readdress('b', '10.79.0.12')],
  ['address of the accepting machine changes', ({ net }) => net.readdress('a', '10.79.0.11')],
  ['cable pulled', ({ net, outageMs }) => net.pull('b', outageMs)],
];

async function main() {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '3' },
      calls: { type: 'string', default: '1000' },
      'outage-ms': { type: 'string', default: '2000' },
    },
  });
  const runs = Number(values.runs);
  const outageMs = Number(values['outage-ms']);
  printMachine(
    `two namespaces, ${values.calls} calls/s; longest time without an answer, median and ` +
      `greatest of ${runs} runs; the cable is out for ${outageMs} ms of it`,
  );
  console.log(row(['', 'listens on', 'pause', 'worst', 'calls failed', 'peerDown']));
  for (const host of ['0.0.0.0', 'one address']) {
    for (const [what, act] of EVENTS) {
      const results = [];
      for (let run = 0; run < runs; run += 1) {
        results.push(await measure({ host, act, outageMs, perSecond: Number(values.calls) }));
      }
      const pauses = results.map(({ longestMs }) => longestMs);
      const sum = (figure) => results.reduce((total, result) => total + result[figure], 0);
      const [mid, worst] = [median(pauses), Math.max(...pauses)];
      const counts = [String(sum('failed')), String(sum('peerDowns'))];
      console.log(row([what, host, `${Math.round(mid)} ms`, `${Math.round(worst)} ms`, ...counts]));
    }
  }
}

/** @returns what the caller saw from the event on. */
async function measure({ host, act, outageMs, perSecond }) {
  const net = new Network();
  const children = [];
  try {
    for (const [machine, ip] of [
      ['a', '10.79.0.1'],
      ['b', '10.79.0.2'],
    ]) {
      net.plug(machine, ip);
      const listen = { host: host === '0.0.0.0' ? host : ip, port: PORT };
      const contacts = machine === 'b' ? [`10.79.0.1:${PORT}`] : [];
      children.push(await startIn(net.name(machine), { machine, listen, contacts }));
    }
    const [a, b] = children;
    await b.ask('begin', perSecond);
    await pause(QUIET_MS);
    await b.ask('mark');
    await act({ a, b, net, outageMs });
    await pause(QUIET_MS + 1_000);
    const peerDowns = (await a.ask('peerDowns')) + (await b.ask('peerDowns'));
    return { ...(await b.ask('end')), peerDowns };
  } finally {
    for (const { child } of children) child.kill('SIGKILL');
    await Promise.all(children.map(({ ended }) => ended));
    net.close();
  }
}

/** Machines on one switch. */
class Network {
  #names = [];
  #ips = new Map();

  constructor() {
    this.#add('hub');
    inside(this.name('hub'), 'link', 'add', 'hub', 'type', 'bridge');
    inside(this.name('hub'), 'link', 'set', 'hub', 'up');
  }

  name(machine) {
    return `${PREFIX}-${machine}`;
  }

  plug(machine, address) {
    this.#add(machine);
    const [port, device] = [`${PREFIX}p${machine}`, `${PREFIX}d${machine}`];
    ip('link', 'add', port, 'type', 'veth', 'peer', 'name', device);
    ip('link', 'set', port, 'netns', this.name('hub'));
    ip('link', 'set', device, 'netns', this.name(machine));
    inside(this.name('hub'), 'link', 'set', port, 'master', 'hub', 'up');
    inside(this.name(machine), 'link', 'set', device, 'up');
    inside(this.name(machine), 'addr', 'add', `${address}/24`, 'dev', device);
    this.#ips.set(machine, address);
  }

  readdress(machine, address) {
    const device = `${PREFIX}d${machine}`;
    inside(this.name(machine), 'addr', 'del', `${this.#ips.get(machine)}/24`, 'dev', device);
    inside(this.name(machine), 'addr', 'add', `${address}/24`, 'dev', device);
  }

  async pull(machine, outageMs) {
    const port = `${PREFIX}p${machine}`;
    inside(this.name('hub'), 'link', 'set', port, 'down');
    await pause(outageMs);
    inside(this.name('hub'), 'link', 'set', port, 'up');
  }

  close() {
    for (const name of this.#names) ip('netns', 'delete', name);
  }

  #add(machine) {
    ip('netns', 'add', this.name(machine));
    this.#names.push(this.name(machine));
    inside(this.name(machine), 'link', 'set', 'lo', 'up');
  }
}

function ip(...words) {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function inside(name, ...words) {
  ip('-n', name, ...words);
}

async function startIn(namespace, facts) {
  const child = fork(FILE, ['child', JSON.stringify(facts)], {
    execPath: 'ip',
    execArgv: ['netns', 'exec', namespace, process.execPath],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const ask = (name, ...args) =>
    new Promise((resolve, reject) => {
      child.once('message', ({ answer, error }) => {
        if (error === undefined) resolve(answer);
        else reject(new Error(error));
      });
      child.send({ name, args });
    });
  await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', () => reject(new Error(`${namespace} did not start`)));
  });
  return { child, ended, ask };
}

async function runChild({ machine, listen, contacts }) {
  const node = await createNode({ name: `${machine}@bench`, secret: SECRET, listen, contacts });
  let peerDowns = 0;
  node.on('peerDown', () => {
    peerDowns += 1;
  });
  if (machine === 'a') await node.services.register('echo', { echo: (value) => value });
  const calls = new Calls(node.services.client('echo', { timeoutMs: 30_000, retries: 0 }));
  const asks = {
    migrate: (peer) => node.paths.migrate(peer),
    peerDowns: () => peerDowns,
    begin: async (perSecond) => {
      while (node.services.lookup('echo').length === 0) await pause(TICK_MS);
      calls.begin(perSecond);
    },
    mark: () => calls.mark(),
    end: () => calls.end(),
  };
  process.on('message', async ({ name, args }) => {
    try {
      process.send({ answer: await asks[name](...args) });
    } catch (error) {
      process.send({ error: error.message });
    }
  });
  process.send('ready');
}

class Calls {
  #client;
  #timer;
  #pending = new Set();
  #failed = 0;
  #lastMs = 0;
  #longestMs = 0;

  constructor(client) {
    this.#client = client;
  }

  begin(perSecond) {
    this.#timer = setInterval(() => {
      for (let left = (perSecond * TICK_MS) / 1_000; left > 0; left -= 1) this.#call();
    }, TICK_MS);
  }

  /** From now on the pauses count. */
  mark() {
    this.#longestMs = 0;
    this.#failed = 0;
    this.#lastMs = performance.now();
  }

  async end() {
    clearInterval(this.#timer);
    const longestMs = Math.max(this.#longestMs, performance.now() - this.#lastMs);
    await Promise.all(this.#pending);
    return { longestMs, failed: this.#failed };
  }

  #call() {
    const call = this.#client.echo(1).then(
      () => this.#answered(),
      () => {
        this.#failed += 1;
      },
    );
    this.#pending.add(call);
    void call.then(() => this.#pending.delete(call));
  }

  #answered() {
    const nowMs = performance.now();
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function row([what, host, ...figures]) {
  return [what.padEnd(42), host.padEnd(12), ...figures.map((one) => one.padStart(13))].join('');
}

if (process.argv[2] === 'child') await runChild(JSON.parse(process.argv[3]));
else await main();
