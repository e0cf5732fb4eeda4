/**
 * What reminders cost (goal E16): how late they fire, how many are set and fired in a second, what
 * an armed one takes in memory, and whether a quiet node with many of them is busier than an empty
 * one. Each figure is of one node in a process of its own, but for those of `set` with another
 * node, which is a second process. It judges nothing.
 *
 *     node bench/reminders.mjs [--armed 100000] [--many 1000000] [--seconds 10] [--runs 3]
 *                              [--part lateness,set,fire,memory,idle]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createNode } from 'barrel-p2p';
import { answerParent, childArguments, startChild } from './children.mjs';
import { printMachine } from './machine.mjs';
import { median, PAYLOAD_BYTES, percentile, sleep } from './method.mjs';

const SECRET = 'a secret for this machine and this hour';
const FILE = fileURLToPath(import.meta.url);
const PER_SECOND = 1_000;
const CALLERS = [1, 64, 1_024];
/** Callers that arm what is not measured. */
const ARMING = 1_024;
const SET_MS = 3_000;
const FIRED = 20_000;
/** Far enough ahead that nothing fires meanwhile. */
const FAR_MS = 86_400_000;
const LEAD_MS = 3_000;
/** As slowly as a busy machine sets them. */
const SET_EACH_MS = 1;
const REST_MS = 3_000;
const IDLE_MS = 20_000;
const HEAP_MIB = 12_000;
const MIB = 1_048_576;

async function main() {
  const { values } = parseArgs({
    options: {
      armed: { type: 'string', default: '100000' },
      many: { type: 'string', default: '1000000' },
      seconds: { type: 'string', default: '10' },
      runs: { type: 'string', default: '3' },
      part: { type: 'string', default: 'lateness,set,fire,memory,idle' },
    },
  });
  const [armed, many, seconds, runs] = [values.armed, values.many, values.seconds, values.runs].map(
    Number,
  );
  process.env.NODE_OPTIONS = `--max-old-space-size=${HEAP_MIB}`;
  printMachine(`QUIC on loopback, payloads of ${PAYLOAD_BYTES} B, medians of ${runs} runs`);
  const parts = {
    lateness: () => printLateness({ armed, seconds, runs }),
    set: () => printSets(runs),
    fire: () => printFires({ armed, runs }),
    memory: () => printMemory([armed, many]),
    idle: () => printIdle({ armed, runs }),
  };
  for (const part of values.part.split(',')) await parts[part]();
}

async function printLateness({ armed, seconds, runs }) {
  console.log(`lateness: ${armed} armed, ${PER_SECOND} of them due a second, ${seconds} s long`);
  console.log(row(['', 'p50 ms', 'p99 ms', 'max ms', '(goal 50)', 'CPU us each']));
  for (const [label, isKept, delivery] of [
    ['once, memory', false, 'at-most-once'],
    ['once, disk', true, 'at-most-once'],
    ['at least, disk', true, 'at-least-once'],
  ]) {
    const count = PER_SECOND * seconds;
    const samples = await repeated(runs, { isKept }, async ({ first }) => {
      await first.ask('arm', { count: armed - count });
      await sleep(REST_MS);
      return fire([first], { count, perSecond: PER_SECOND, delivery });
    });
    const of = (figure) => median(samples.map((sample) => sample[figure])).toFixed(1);
    console.log(row([label, of('p50'), of('p99'), of('max'), '', of('cpuMicros')]));
  }
}

async function printSets(runs) {
  console.log(
    '\nset: acknowledged a second, by how many callers at once; CPU of each with the most',
  );
  const callers = CALLERS.map((count) => `${count} callers`);
  console.log(row(['', ...callers, '(10000)', 'CPU us each']));
  for (const [label, isKept, isPair] of [
    ['alone, memory', false, false],
    ['alone, disk', true, false],
    ['two, disks', true, true],
  ]) {
    const samples = await repeated(runs, { isKept, isPair }, async ({ first }) => {
      const sets = [];
      for (const count of CALLERS) sets.push(await first.ask('set', { callers: count }));
      return sets;
    });
    const of = (at, figure) => median(samples.map((sets) => sets[at][figure])).toFixed(0);
    const rates = CALLERS.map((_, at) => of(at, 'perSecond'));
    console.log(row([label, ...rates, '', of(CALLERS.length - 1, 'cpuMicros')]));
  }
}

async function printFires({ armed, runs }) {
  console.log(`\nfire: ${FIRED} due at once, of ${armed}; handled a second from then on`);
  console.log(row(['', 'a second', '(10000)', 'CPU us each']));
  for (const [label, isKept, isPair, delivery] of [
    ['once, disk', true, false, 'at-most-once'],
    ['at least, disk', true, false, 'at-least-once'],
    ['at least, two', true, true, 'at-least-once'],
  ]) {
    const samples = await repeated(runs, { isKept, isPair }, async ({ first, second }) => {
      await first.ask('arm', { count: armed - FIRED });
      await sleep(REST_MS);
      const all = [first, second].filter((child) => child !== undefined);
      return fire(all, { count: FIRED, delivery });
    });
    const of = (figure) => median(samples.map((sample) => sample[figure])).toFixed(0);
    console.log(row([label, of('perSecond'), '', of('cpuMicros')]));
  }
}

async function printMemory(counts) {
  console.log('\nmemory: what an armed reminder adds to an empty node without a disk, in bytes');
  console.log(row(['armed', 'resident', 'of heap', '(goal 300)', 'all MiB', 'armed in s']));
  for (const count of counts) {
    const figures = await withNodes({ isKept: false }, async ({ first }) => {
      const before = await first.ask('memory');
      const seconds = await first.ask('arm', { count });
      const after = await first.ask('memory');
      return { before, after, seconds };
    });
    const { before, after, seconds } = figures;
    const each = (figure) => ((after[figure] - before[figure]) / count).toFixed(0);
    const all = (after.rss / MIB).toFixed(0);
    console.log(row([count, each('rss'), each('heap'), '', all, seconds.toFixed(1)]));
  }
}

async function printIdle({ armed, runs }) {
  console.log(`\nidle: CPU in ${IDLE_MS / 1_000} s, in ms, side by side`);
  console.log(row(['', ...Array.from({ length: runs }, (_, run) => `run ${run + 1}`)]));
  const samples = await withNodes({ isKept: true }, ({ first: armedNode }) =>
    withNodes({ isKept: true }, async ({ first: empty }) => {
      await armedNode.ask('arm', { count: armed });
      await empty.ask('arm', { count: 1 });
      await sleep(2 * REST_MS);
      const pairs = [];
      for (let run = 0; run < runs; run += 1) {
        const asked = [empty, armedNode].map((child) => child.ask('idle', { ms: IDLE_MS }));
        pairs.push(await Promise.all(asked));
      }
      return pairs;
    }),
  );
  console.log(row(['empty', ...samples.map(([ms]) => ms.toFixed(1))]));
  console.log(row([`${armed} armed`, ...samples.map(([, ms]) => ms.toFixed(1))]));
}

/** So many, set by all of them; how late they were, the worst of all, and how many in a second. */
async function fire(children, { count, ...options }) {
  const share = Math.ceil(count / children.length);
  const beginMs = Date.now() + LEAD_MS + count * SET_EACH_MS;
  const all = (question, more) => Promise.all(children.map((child) => child.ask(question, more)));
  await all('load', { count: share, beginMs, ...options });
  // Who fires what is not for those to say who set it.
  for (let handled = 0; handled < share * children.length; ) {
    await sleep(100);
    handled = (await all('handled')).reduce((sum, each) => sum + each, 0);
  }
  const figures = await all('figures');
  const worst = (figure) => Math.max(...figures.map((each) => each[figure]));
  const ms = worst('lastMs') - beginMs;
  return {
    p50: worst('p50'),
    p99: worst('p99'),
    max: worst('max'),
    perSecond: (share * children.length * 1_000) / ms,
    cpuMicros: figures.reduce((sum, each) => sum + each.cpuMicros, 0) / (share * children.length),
  };
}

/** The same again with nodes of their own. */
async function repeated(runs, facts, work) {
  const samples = [];
  for (let run = 0; run < runs; run += 1) samples.push(await withNodes(facts, work));
  return samples;
}

/** One node, or two that know each other, as child processes; they end with the work. */
async function withNodes({ isKept, isPair = false }, work) {
  const folder = mkdtempSync(join(tmpdir(), 'barrel-reminders-'));
  const dataDirOf = (name) => (isKept ? join(folder, name) : undefined);
  const children = [];
  const start = async (name) => {
    const contacts = children.map((child) => child.up.address);
    const facts = { name, contacts, dataDir: dataDirOf(name) };
    children.push(await startChild(FILE, 'node', facts));
  };
  try {
    await start('a');
    if (isPair) {
      await start('b');
      await Promise.all(children.map((child) => child.ask('knows', { count: 2 })));
    }
    await sleep(REST_MS);
    const [first, second] = children;
    return await work({ first, second });
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function serveNode() {
  const { name, contacts, dataDir } = childArguments().facts;
  const node = await createNode({ name: `${name}@bench`, secret: SECRET, contacts, dataDir });
  await node.ready({ timeoutMs: 30_000 });
  const bench = new ReminderBench(node, name);
  answerParent(
    { address: node.address },
    {
      knows: async ({ count }) => {
        while (node.members().length < count) await sleep(20);
      },
      arm: ({ count }) => bench.arm(count),
      set: ({ callers }) => bench.set(callers),
      load: (options) => bench.load(options),
      handled: () => bench.handled,
      figures: () => bench.figures(),
      memory: () => residentMemory(),
      idle: ({ ms }) => idleCpuMs(ms),
    },
  );
}

/** What is asked of one node. */
class ReminderBench {
  #node;
  #name;
  #payload = new Uint8Array(PAYLOAD_BYTES);
  #nextNumber = 0;
  /** Of each that was handled here, in milliseconds. */
  #lates = [];
  #lastMs = 0;
  #cpu;

  constructor(node, name) {
    this.#node = node;
    this.#name = name;
    node.reminders.handle(({ dueAt }) => {
      this.#lastMs = Date.now();
      this.#lates.push(this.#lastMs - dueAt.getTime());
    });
  }

  /** Sets so many for a far time; seconds that it took. */
  async arm(count) {
    const begin = performance.now();
    let left = count;
    const caller = async () => {
      while (left > 0) {
        left -= 1;
        await this.#setOne(Date.now() + FAR_MS);
      }
    };
    await Promise.all(Array.from({ length: ARMING }, caller));
    return (performance.now() - begin) / 1_000;
  }

  /** How many are acknowledged in a second, and the CPU of each. */
  async set(callers) {
    let acknowledged = 0;
    const endMs = performance.now() + SET_MS;
    const caller = async () => {
      while (performance.now() < endMs) {
        await this.#setOne(Date.now() + FAR_MS);
        acknowledged += 1;
      }
    };
    const [begin, cpu] = [performance.now(), process.cpuUsage()];
    await Promise.all(Array.from({ length: callers }, caller));
    const perSecond = (acknowledged / (performance.now() - begin)) * 1_000;
    return { perSecond, cpuMicros: cpuMicrosSince(cpu) / acknowledged };
  }

  /** Sets so many that are due evenly from then on, or all at once. */
  async load({ count, beginMs, perSecond = Number.POSITIVE_INFINITY, delivery }) {
    let next = 0;
    const caller = async () => {
      while (next < count) {
        const atMs = Math.round(beginMs + (next * 1_000) / perSecond);
        next += 1;
        await this.#setOne(atMs, { delivery });
      }
    };
    await Promise.all(Array.from({ length: ARMING }, caller));
    if (Date.now() > beginMs) throw new Error('they were due before all were set');
    this.#cpu = process.cpuUsage();
  }

  /** How many were handled here. */
  get handled() {
    return this.#lates.length;
  }

  /** How late those were, when the last one was, and the CPU since `load`. */
  figures() {
    const [p50, p99, max] = [0.5, 0.99, 1].map((q) => percentile(this.#lates, q));
    return { p50, p99, max, lastMs: this.#lastMs, cpuMicros: cpuMicrosSince(this.#cpu) };
  }

  #setOne(atMs, options) {
    this.#nextNumber += 1;
    const key = ['bench', this.#name, this.#nextNumber];
    return this.#node.reminders.set(key, atMs, this.#payload, { timeoutMs: 60_000, ...options });
  }
}

async function residentMemory() {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc');
  // What waits for a moment is written, and what is garbage is given back.
  for (let round = 0; round < 5; round += 1) {
    await sleep(1_000);
    gc();
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}

async function idleCpuMs(ms) {
  const before = process.cpuUsage();
  await sleep(ms);
  return cpuMicrosSince(before) / 1_000;
}

function cpuMicrosSince(before) {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function row([label, ...cells]) {
  return String(label).padEnd(16) + cells.map((cell) => String(cell).padStart(14)).join('');
}

if (process.argv[2] === 'node') await serveNode();
else await main();
