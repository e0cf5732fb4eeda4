/**
 * Measures calls, messages, bulk, connecting and memory of two processes on loopback, ours beside
 * an echo over node:tls, in one run and in turns, and prints medians. It judges nothing.
 *
 *     node bench/run.mjs [--runs 3] [--ms 2000]
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startChild } from './children.mjs';
import { printMachine } from './machine.mjs';
import { median, PAYLOAD_BYTES, sleep } from './method.mjs';

const CONCURRENCIES = [1, 16, 64];
const CONNECTS = 10;
const MESSAGES_PER_MS = 100;
const BULK_MESSAGE_BYTES = 262_144;
const MIB = 1_048_576;
const SUBJECTS = ['barrel', 'tls'];

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    ms: { type: 'string', default: '2000' },
  },
});
const runs = Number(values.runs);
const ms = Number(values.ms);

printMachine(`loopback, ${PAYLOAD_BYTES} B, ${ms} ms each, medians of ${runs} runs`);
const samples = new Map(SUBJECTS.map((subject) => [subject, []]));
for (let run = 0; run < runs; run += 1) {
  // The order alternates, so that a disturbance meets both.
  const order = run % 2 === 0 ? SUBJECTS : SUBJECTS.toReversed();
  for (const subject of order) samples.get(subject).push(await measure(subject));
}
printTable();

/** All figures of one pair of processes, by their label. */
async function measure(subject) {
  const file = fileURLToPath(new URL(`./${subject}.mjs`, import.meta.url));
  const server = await startChild(file, 'server');
  try {
    const client = await startChild(file, 'client', server.up);
    try {
      return await measurePair(server, client);
    } finally {
      await client.stop();
    }
  } finally {
    await server.stop();
  }
}

async function measurePair(server, client) {
  const figures = new Map();
  await sleep(ms / 2);
  figures.set('idle RSS, MiB', (await server.ask('rss')) / MIB);
  const connects = [];
  for (let i = 0; i < CONNECTS; i += 1) connects.push(await client.ask('connect'));
  figures.set('connect, ms', median(connects));
  const pids = [server.pid, client.pid];
  for (const concurrency of CONCURRENCIES) {
    const result = await client.ask('calls', { concurrency, ms, pids });
    const at = `${concurrency} at once`;
    if (concurrency === 1) {
      figures.set('round trip p50, us', result.p50Micros);
      figures.set('round trip p99, us', result.p99Micros);
    }
    figures.set(`calls/s, ${at}`, result.callsPerSecond);
    figures.set(`CPU of both ends per call, us, ${at}`, result.cpuMicros);
  }
  const count = MESSAGES_PER_MS * ms;
  const smallMs = await client.ask('flood', { count, bytes: PAYLOAD_BYTES });
  figures.set('one-way messages/s', (count / smallMs) * 1000);
  const bulkCount = Math.ceil(ms / 4);
  const bulkMs = await client.ask('flood', { count: bulkCount, bytes: BULK_MESSAGE_BYTES });
  figures.set('bulk, MiB/s', ((bulkCount * BULK_MESSAGE_BYTES) / MIB / bulkMs) * 1000);
  return figures;
}

function printTable() {
  const [ours, floor] = SUBJECTS.map((subject) => samples.get(subject));
  console.log(row(['', 'barrel-p2p', 'node:tls echo', 'ratio']));
  for (const label of ours[0].keys()) {
    const a = median(ours.map((figures) => figures.get(label)));
    const b = median(floor.map((figures) => figures.get(label)));
    console.log(row([label, shown(a), shown(b), (a / b).toFixed(2)]));
  }
}

function row([label, ...cells]) {
  return label.padEnd(40) + cells.map((cell) => cell.padStart(15)).join('');
}

function shown(figure) {
  return figure >= 100 ? Math.round(figure).toLocaleString('en') : figure.toFixed(2);
}
