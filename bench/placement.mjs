/**
 * Placement (goal E14): calls of `place` a second on a node, and of the core alone, by number of
 * equal members: how even their loads are, what a join and a leave move over the least, how long
 * they take, and what a node keeps. It judges nothing.
 *
 *     node --expose-gc bench/placement.mjs [--n 3,10,50,100,1000] [--ring 4096] [--rounds 10]
 *         [--part place,table]
 */
import { parseArgs } from 'node:util';
import { createSimulation } from 'barrel-p2p/testing';
import { keyHash, loadKeyHash, Placement } from '../dist/testing/placement-lab.js';
import { printMachine } from './machine.mjs';
import { median } from './method.mjs';

const CALLS = 1_000_000;
const CALL_RUNS = 9;
const KEYS = 1_024;
/** Changes whose time counts, in each round. */
const CHANGES = 20;
/** Placements whose memory is measured together. */
const KEPT = 8;
const KIB = 1_024;

const { values } = parseArgs({
  options: {
    n: { type: 'string', default: '3,10,50,100,1000' },
    ring: { type: 'string', default: '4096' },
    rounds: { type: 'string', default: '10' },
    part: { type: 'string', default: 'place,table' },
  },
});
const ringSize = Number(values.ring);
const rounds = Number(values.rounds);
const hash = await loadKeyHash();

printMachine(`one thread, ring of ${ringSize}; loads over ${rounds} sets of names`);
const parts = new Map([
  ['place', printCalls],
  ['table', printTable],
]);
for (const part of values.part.split(',')) await parts.get(part)();

async function printCalls() {
  const sim = createSimulation({ seed: 1 });
  const { shards } = await sim.start({ name: 'n0@bench', shards: { ringSize } });
  const sets = {
    'short texts, user-123': (i) => `user-${i}`,
    numbers: (i) => i * 1_000,
    'tuples, [room, 123]': (i) => ['room', i],
    'texts of 40 letters': (i) => `tenant-0001/region-west/customer-${10_000_000 + i}`,
  };
  console.log(row(['place, million calls/s', 'median', 'best', 'by CPU', 'CPU ns']));
  for (const [label, key] of Object.entries(sets)) {
    const keys = Array.from({ length: KEYS }, (_, i) => key(i));
    printRates(label, (i) => shards.place(keys[i % KEYS]).length);
  }
  const keys = Array.from({ length: KEYS }, (_, i) => `user-${i}`);
  printRates('the hash of short texts alone', (i) => keyHash(keys[i % KEYS], hash));
  await sim[Symbol.asyncDispose]();
  console.log();
}

/**
 * The median of the runs, the best one, and the one with the least CPU, as if it had had a core to
 * itself: the machine may have other work.
 */
function printRates(label, call) {
  const nanos = [];
  const cpu = [];
  for (let run = 0; run < CALL_RUNS; run += 1) {
    const before = process.cpuUsage().user;
    const begin = performance.now();
    let sum = 0;
    for (let i = 0; i < CALLS; i += 1) sum += call(i);
    nanos.push(((performance.now() - begin) * 1e6) / CALLS);
    cpu.push(((process.cpuUsage().user - before) * 1e3) / CALLS);
    if (sum < 0) throw new Error('the sum is there so that nothing is left out');
  }
  const rate = (each) => (1e3 / each).toFixed(2);
  const least = Math.min(...cpu);
  const rates = [median(nanos), Math.min(...nanos), least].map(rate);
  console.log(row([label, ...rates, least.toFixed(0)]));
}

function printTable() {
  const heads = ['max/mean', 'min/mean', 'none', 'join', 'leave', 'join ms', 'leave ms', 'KiB'];
  console.log('loads; moved over the least; medians of times; memory of one node');
  console.log(row(['members', ...heads], 10));
  for (const count of values.n.split(',').map(Number)) console.log(row(measure(count), 10));
}

function measure(count) {
  const kib = globalThis.gc === undefined ? '-' : keptKib(count).toFixed(0);
  const all = { max: [], min: [], none: [], join: [], leave: [], joinMs: [], leaveMs: [] };
  for (let round = 0; round < rounds; round += 1) {
    const members = Array.from({ length: count + 1 }, (_, i) => member(`n${i}.${round}@bench`));
    const placement = new Placement({ ringSize, hash }, members.slice(1));
    noteLoads(placement.table, members.slice(1), all);
    noteMoves(placement, members, all);
    for (let change = 0; change < CHANGES; change += 1) noteTimes(placement, members, all);
  }
  return [
    count,
    Math.max(...all.max).toFixed(3),
    Math.min(...all.min).toFixed(3),
    `${(100 * mean(all.none)).toFixed(1)} %`,
    mean(all.join).toFixed(3),
    mean(all.leave).toFixed(3),
    median(all.joinMs).toFixed(2),
    median(all.leaveMs).toFixed(2),
    kib,
  ];
}

function member(node) {
  return { node, weight: 1 };
}

/** What one node keeps: of some, because a heap has other work. */
function keptKib(count) {
  const before = memory();
  const kept = Array.from({ length: KEPT }, (_, i) => {
    const members = Array.from({ length: count }, (_, k) => member(`n${k}.${i}@bench`));
    return new Placement({ ringSize, hash }, members);
  });
  return (memory() - before) / KIB / kept.length;
}

function memory() {
  // Memory outside of the heap goes with the second one.
  for (let i = 0; i < 2; i += 1) globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function noteLoads(table, members, all) {
  const loads = new Map(members.map(({ node }) => [node, 0]));
  for (const owner of ownersOf(table)) loads.set(owner, loads.get(owner) + 1);
  const fair = ringSize / members.length;
  all.max.push(Math.max(...loads.values()) / fair);
  all.min.push(Math.min(...loads.values()) / fair);
  all.none.push([...loads.values()].filter((load) => load === 0).length / members.length);
}

function noteMoves(placement, members, all) {
  const before = placement.table;
  const joined = placement.update(members);
  all.join.push(moved(before, joined) / Math.max(1, joined.partitionsOf(members[0].node).length));
  const leaver = members.at(-1).node;
  const left = placement.without(leaver);
  all.leave.push(moved(joined, left) / Math.max(1, joined.partitionsOf(leaver).length));
}

function noteTimes(placement, members, all) {
  const begin = performance.now();
  placement.update(members.slice(1));
  const between = performance.now();
  placement.update(members);
  all.leaveMs.push(between - begin);
  all.joinMs.push(performance.now() - between);
}

function moved(one, other) {
  const after = ownersOf(other);
  return ownersOf(one).filter((owner, partition) => owner !== after[partition]).length;
}

function ownersOf(table) {
  return Array.from({ length: table.ringSize }, (_, partition) => table.ownerOf(partition));
}

function mean(samples) {
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
}

function row([label, ...cells], width = 34) {
  return String(label).padEnd(width) + cells.map((cell) => String(cell).padStart(10)).join('');
}
