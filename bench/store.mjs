/**
 * What the replicated store costs (goal E17): exchanges of two replicas, single writes, memory,
 * and a newcomer that is filled. Core alone: no disk, no network, all in one process, so that
 * figures are of both sides where two take part. It judges nothing.
 *
 *     node bench/store.mjs [--n 1000,100000,1000000] [--runs 5] [--part exchange,write,memory,fill]
 *
 * A million entries on both sides take 3 GiB: add `--max-old-space-size=8000` in front.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  decodeEntry,
  encodeEntry,
  labEntries,
  labKey,
  StoreLab,
} from '../dist/testing/store-lab.js';
import { printMachine } from './machine.mjs';
import { median } from './method.mjs';

const DIFFERENCES = [0, 1, 10, 100, 1_000];
const VALUE_BYTES = 100;
const EQUAL_BYTES_GOAL = 64;
const BASE_BYTES_GOAL = 1_024;
const BYTES_GOAL = 100;
/** Few enough that a store of a million still has room for five runs of them. */
const WRITES = 4_000;
const WARM_UP_ENTRIES = 2_000;
const WARM_UP_EXCHANGES = 20;
const HEAP_MIB = 12_000;

let written = 0;

const { values } = parseArgs({
  options: {
    n: { type: 'string', default: '1000,100000,1000000' },
    runs: { type: 'string', default: '5' },
    part: { type: 'string', default: 'exchange,write,memory,fill' },
    heap: { type: 'string' },
  },
});
const counts = values.n.split(',').map(Number);
const runs = Number(values.runs);
const parts = new Map([
  ['exchange', printExchanges],
  ['write', printWrites],
  ['memory', printMemory],
  ['fill', printFills],
]);

if (values.heap !== undefined) {
  console.log(JSON.stringify(measureMemory(Number(values.heap))));
} else {
  printMachine(`one process, keys of 20 B, values of ${VALUE_BYTES} B, medians of ${runs} runs`);
  for (const part of values.part.split(',')) parts.get(part)();
}

function printExchanges() {
  warmUp();
  console.log('exchange: bytes both ways, CPU of both sides; goals of E17 in brackets');
  console.log(row(['n', 'd', 'bytes', 'beside', '(goal)', 'messages', 'trips', '(3)', 'CPU ms']));
  for (const count of counts) {
    const entries = [...labEntries(count, VALUE_BYTES, 1)];
    const lab = new StoreLab({ entries });
    // The first one makes the sketches; later ones find them.
    lab.exchange();
    for (const differences of DIFFERENCES) printExchange(lab, count, differences);
  }
}

/** A node that has just started takes about four times as long for its first exchanges. */
function warmUp() {
  const lab = new StoreLab({ entries: labEntries(WARM_UP_ENTRIES, VALUE_BYTES, 1) });
  for (let run = 0; run < WARM_UP_EXCHANGES; run += 1) {
    differ(lab, 1_000, run);
    lab.exchange();
  }
}

function printExchange(lab, count, differences) {
  const samples = Array.from({ length: runs }, (_, run) => {
    differ(lab, differences, run);
    const ms = cpuMs(() => lab.exchange());
    if (!lab.isEqual) throw new Error('the replicas are not equal');
    return { ...lab.cost(), ms };
  });
  const of = (figure) => median(samples.map(figure));
  const goal = differences === 0 ? EQUAL_BYTES_GOAL : BYTES_GOAL * differences + BASE_BYTES_GOAL;
  const trips = samples.map(({ roundTrips }) => roundTrips);
  console.log(
    row([
      count,
      differences,
      of(({ bytes }) => bytes),
      of(({ bytes, entryBytes }) => bytes - entryBytes),
      `(${goal})`,
      of(({ messages }) => messages),
      of(({ roundTrips }) => roundTrips),
      `max ${Math.max(...trips)}`,
      of(({ ms }) => ms).toFixed(2),
    ]),
  );
}

/** So many new keys, half of them on each side. */
function differ(lab, differences, run) {
  for (let i = 0; i < differences; i += 1) {
    const node = (i + run) % 2 === 0 ? lab.a : lab.b;
    node.put(labKey('new', written), randomBytes(VALUE_BYTES));
    written += 1;
  }
}

function printWrites() {
  console.log('\nsingle writes, us of CPU: a new key, an overwrite, the frame of another node');
  console.log(row(['n', 'put new', 'overwrite', '(goal 20)', 'merge', 'put cold sketch']));
  for (const count of counts) {
    const lab = new StoreLab({ entries: labEntries(count, VALUE_BYTES, 1) });
    const cold = microsEach(puts(lab, 'cold', 0));
    lab.exchange();
    puts(lab, 'warm', 0)();
    const fresh = [];
    const over = [];
    const merge = [];
    for (let run = 0; run < runs; run += 1) {
      fresh.push(microsEach(puts(lab, 'fresh', run * WRITES)));
      over.push(microsEach(puts(lab, 'warm', 0)));
      merge.push(microsEach(merges(lab, run * WRITES)));
    }
    const figures = [median(fresh), median(over), '', median(merge), cold];
    console.log(row([count, ...figures.map((one) => (one === '' ? '' : one.toFixed(2)))]));
  }
}

function puts(lab, word, from) {
  const writes = Array.from({ length: WRITES }, (_, i) => [
    labKey(word, from + i),
    randomBytes(VALUE_BYTES),
  ]);
  return () => {
    for (const [key, value] of writes) lab.a.put(key, value);
  };
}

/** Frames that bring one entry each. */
function merges(lab, from) {
  const frames = Array.from({ length: WRITES }, (_, i) => {
    lab.b.put(labKey('merge', from + i), randomBytes(VALUE_BYTES));
    return lab.lastFrame.slice();
  });
  return () => {
    for (const frame of frames) lab.a.deliver('b@lab', frame);
  };
}

function microsEach(work) {
  return (cpuMs(work) * 1_000) / WRITES;
}

function printMemory() {
  console.log('\nmemory, and the whole replica at once');
  console.log(
    row(['n', 'B/entry', 'of heap', 'encode ms', 'decode ms', 'restore ms', 'sketch ms']),
  );
  for (const count of counts) {
    const file = fileURLToPath(import.meta.url);
    const flags = ['--expose-gc', `--max-old-space-size=${HEAP_MIB}`];
    const out = execFileSync(process.execPath, [...flags, file, '--heap', String(count)]);
    const figures = JSON.parse(out.toString());
    console.log(
      row([
        count,
        figures.bytes,
        figures.heapBytes,
        figures.encodeMs,
        figures.decodeMs,
        figures.restoreMs,
        figures.sketchMs,
      ]),
    );
  }
}

/** Runs in a process of its own. */
function measureMemory(count) {
  const blobs = Array.from(labEntries(count, VALUE_BYTES, 1), encodeEntry);
  let entries = [];
  const decodeMs = cpuMs(() => {
    entries = blobs.map(decodeEntry);
  });
  entries = [];
  const before = memory();
  let lab;
  const restoreMs = cpuMs(() => {
    lab = new StoreLab({ entries: decoded(blobs), entriesOfB: [] });
  });
  const after = memory();
  const sketchMs = cpuMs(() => lab.a.replica.registers.sketch());
  let size = 0;
  const encodeMs = cpuMs(() => {
    for (const entry of lab.a.replica.registers.all()) size += encodeEntry(entry).length;
  });
  if (size === 0 || entries.length > 0) throw new Error('nothing was measured');
  return {
    bytes: Math.round((after.all - before.all) / count),
    heapBytes: Math.round((after.heap - before.heap) / count),
    encodeMs: Math.round(encodeMs),
    decodeMs: Math.round(decodeMs),
    restoreMs: Math.round(restoreMs),
    sketchMs: Math.round(sketchMs),
  };
}

function* decoded(blobs) {
  for (const blob of blobs) yield decodeEntry(blob);
}

function memory() {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return { heap: heapUsed, all: heapUsed + external };
}

function printFills() {
  console.log('\nan empty newcomer is filled; both sides share one processor');
  console.log(row(['n', 'value B', 'MB/s', '(goal 50)', 'entries/s', 'CPU us/entry']));
  for (const [count, valueBytes] of [
    [100_000, VALUE_BYTES],
    [100_000, 1_024],
  ]) {
    const rates = Array.from({ length: runs }, () => fill(count, valueBytes));
    const ms = median(rates.map((rate) => rate.ms));
    const bytes = rates[0].bytes;
    const cpu = median(rates.map((rate) => rate.cpu));
    const figures = [(bytes / ms / 1_000).toFixed(1), '', Math.round((count / ms) * 1_000)];
    console.log(row([count, valueBytes, ...figures, ((cpu * 1_000) / count).toFixed(2)]));
  }
}

function fill(count, valueBytes) {
  const lab = new StoreLab({ entries: labEntries(count, valueBytes, 1), entriesOfB: [] });
  const begin = performance.now();
  const cpu = cpuMs(() => lab.exchange(lab.b));
  const ms = performance.now() - begin;
  if (!lab.isEqual) throw new Error('the newcomer is not filled');
  return { ms, cpu, bytes: lab.cost().bytes };
}

function randomBytes(count) {
  return crypto.getRandomValues(new Uint8Array(count));
}

function cpuMs(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e3;
}

function row(cells) {
  return cells.map((cell) => String(cell).padStart(12)).join('');
}
