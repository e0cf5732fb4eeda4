/**
 * Typed calls of two processes on loopback (goal E18) beside what users would pick instead, in one
 * run and in turns: same payload, same number of callers. Ours is encrypted and authenticated on
 * both ends, the others are plaintext. It judges nothing.
 *
 *     npm install --prefix DIR moleculer@0.14 @grpc/grpc-js@1 @nats-io/transport-node@3
 *     node bench/calls.mjs [--peers DIR] [--runs 3] [--ms 2000] [--at 1,16,64,256]
 *
 * NATS needs its server: Debian's package nats-server. Without `--peers` ours stands alone.
 */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startChild } from './children.mjs';
import { printMachine } from './machine.mjs';
import { median, PAYLOAD_BYTES, sleep } from './method.mjs';

const FIGURES = [
  ['calls/s', 'callsPerSecond'],
  ['p50 us', 'p50Micros'],
  ['p99 us', 'p99Micros'],
  ['CPU us', 'cpuMicros'],
];

const { values } = parseArgs({
  options: {
    peers: { type: 'string' },
    runs: { type: 'string', default: '3' },
    ms: { type: 'string', default: '2000' },
    at: { type: 'string', default: '1,16,64,256' },
  },
});
const runs = Number(values.runs);
const ms = Number(values.ms);
const concurrencies = values.at.split(',').map(Number);
const subjects = new Map([['barrel-p2p', './barrel.mjs']]);
if (values.peers !== undefined) addPeers(resolve(values.peers));

printMachine(`loopback, ${PAYLOAD_BYTES} B, ${ms} ms each, medians of ${runs} runs`);
const samples = new Map([...subjects.keys()].map((subject) => [subject, []]));
for (let run = 0; run < runs; run += 1) {
  const names = [...subjects.keys()];
  // The order alternates, so that a disturbance meets all.
  for (const subject of run % 2 === 0 ? names : names.toReversed()) {
    samples.get(subject).push(await measure(subjects.get(subject)));
  }
}
printTable();

function addPeers(folder) {
  process.env.BARREL_BENCH_PEERS = folder;
  subjects.set('Moleculer TCP', './peers/moleculer.mjs');
  subjects.set('grpc-js', './peers/grpc.mjs');
  if (hasNatsServer()) subjects.set('NATS', './peers/nats.mjs');
  else console.log('no nats-server on the path: left out');
}

function hasNatsServer() {
  try {
    execFileSync('nats-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** What one pair of processes does with each number of callers. */
async function measure(path) {
  const file = fileURLToPath(new URL(path, import.meta.url));
  const server = await startChild(file, 'server');
  try {
    const client = await startChild(file, 'client', server.up);
    try {
      await sleep(ms / 2);
      const pids = [server.pid, client.pid, ...(server.up?.pids ?? [])];
      const results = new Map();
      for (const concurrency of concurrencies) {
        results.set(concurrency, await client.ask('calls', { concurrency, ms, pids }));
      }
      return results;
    } finally {
      await client.stop();
    }
  } finally {
    if (server.up?.pids !== undefined) await server.ask('stop');
    await server.stop();
  }
}

function printTable() {
  for (const concurrency of concurrencies) {
    console.log(
      `\n${concurrency} at once`.padEnd(21) + FIGURES.map(([name]) => cell(name)).join(''),
    );
    for (const [subject, results] of samples) {
      const cells = FIGURES.map(([, figure]) =>
        cell(shown(median(results.map((result) => result.get(concurrency)[figure])))),
      );
      console.log(subject.padEnd(20) + cells.join(''));
    }
  }
}

function cell(text) {
  return text.padStart(12);
}

function shown(figure) {
  return figure >= 100 ? Math.round(figure).toLocaleString('en') : figure.toFixed(1);
}
