/**
 * How many bytes a stream carries from one process to another over QUIC on loopback, beside the
 * native QUIC library driven by hand and a node:tls socket in the same run; how long calls take on
 * the connection that carries the bytes; and what readers that do not read cost. It judges nothing.
 *
 *     node bench/byte-streams.mjs [--runs 5] [--mib 256] [--calls 2000]
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createNode } from 'barrel-p2p';
import { answerParent, childArguments, startChild } from './children.mjs';
import { printMachine } from './machine.mjs';
import { cpuMicros, median, percentile, sleep } from './method.mjs';

const SECRET = 'a secret for this machine and this hour';
const MIB = 1_048_576;
const CHUNK_BYTES = 65_536;
const STALLED = 64;
const FILE = fileURLToPath(import.meta.url);
const PEERS = ['native-bulk.mjs', 'tls-bulk.mjs'];

const { role, facts } = childArguments();
if (role === 'server') await serve();
else if (role === 'client') await write();
else await main();

async function main() {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '5' },
      mib: { type: 'string', default: '256' },
      calls: { type: 'string', default: '2000' },
    },
  });
  const [runs, mib, calls] = [values.runs, values.mib, values.calls].map(Number);
  printMachine(`loopback, ${mib} MiB each way, medians of ${runs} runs in turn`);
  const ends = [await pairOf('barrel stream', FILE)];
  for (const file of PEERS) {
    const path = fileURLToPath(new URL(`peers/${file}`, import.meta.url));
    ends.push(await pairOf(file.replace('-bulk.mjs', ''), path));
  }
  try {
    await printBulk(ends, { runs, mib });
    await printCalls(ends[0], { runs, calls });
    await printStalled(ends[0]);
  } finally {
    for (const { server, client } of ends) {
      await client.stop();
      await server.stop();
    }
  }
}

async function pairOf(name, file) {
  const server = await startChild(file, 'server');
  const client = await startChild(file, 'client', server.up);
  return { name, server, client };
}

/** One after another within a run, so that other load on the machine meets all of them. */
async function printBulk(ends, { runs, mib }) {
  const rates = new Map(ends.map(({ name }) => [name, []]));
  const costs = new Map(ends.map(({ name }) => [name, []]));
  for (let run = 0; run < runs; run += 1) {
    for (const { name, client, server } of ends) {
      const cpu = () => cpuMicros(client.pid) + cpuMicros(server.pid);
      const before = cpu();
      const ms = await client.ask('bulk', { bytes: mib * MIB });
      costs.get(name).push((cpu() - before) / mib);
      rates.get(name).push((mib * MIB) / 1_000 / ms);
    }
  }
  const title = 'bulk, one way'.padEnd(28);
  console.log(`${title}${'MB/s'.padStart(10)}  (slowest .. fastest)   CPU us/MiB, both ends`);
  for (const [name, figures] of rates) {
    const [low, high] = [Math.min(...figures), Math.max(...figures)].map((one) => one.toFixed(0));
    const rate = median(figures).toFixed(0).padStart(10);
    const cost = median(costs.get(name)).toFixed(0);
    console.log(`${name.padEnd(28)}${rate}  ${`(${low} .. ${high})`.padEnd(24)}${cost}`);
  }
  const [ours, native] = [...rates.values()].map(median);
  console.log(`barrel stream / native: ${(ours / native).toFixed(2)}\n`);
}

async function printCalls({ client }, { runs, calls }) {
  const rows = new Map();
  for (let run = 0; run < runs; run += 1) {
    for (const kind of ['idle', 'bulk', 'stalled']) {
      const figures = await client.ask('calls', { kind, calls });
      rows.set(kind, [...(rows.get(kind) ?? []), figures]);
    }
  }
  console.log(
    'calls beside it, 1 in flight'.padEnd(28) + 'p50 us'.padStart(10) + 'p99 us'.padStart(10),
  );
  for (const [kind, figures] of rows) {
    const [p50, p99] = ['p50', 'p99'].map((key) => median(figures.map((one) => one[key])));
    console.log(kind.padEnd(28) + p50.toFixed(0).padStart(10) + p99.toFixed(0).padStart(10));
  }
  console.log('');
}

async function printStalled({ client, server }) {
  const before = await server.ask('memory');
  const taken = await client.ask('stall', { streams: STALLED });
  const after = await server.ask('memory');
  const grown = ((after - before) / MIB).toFixed(1);
  console.log(`${STALLED} streams that nobody reads: the writers got rid of`);
  console.log(
    `${(taken / STALLED / 1_024).toFixed(0)} KiB each; the reader's process grew by ${grown} MiB`,
  );
}

async function serve() {
  const node = await createNode({ name: 'server@bench', secret: SECRET });
  node.streams.accept('sink', async (stream) => {
    stream.resume();
    await once(stream, 'end');
    stream.end('.');
  });
  node.streams.accept('stall', () => {});
  await node.services.register('echo', { echo: (payload) => payload });
  answerParent({ address: node.address }, { memory: () => usedBytes() });
}

async function write() {
  const node = await createNode({ name: 'client@bench', secret: SECRET });
  await node.join(facts.address);
  await node.services.whereis('echo', { retries: 10 });
  const echo = node.services.client('echo');
  answerParent(undefined, {
    bulk: ({ bytes }) => bulk(node, bytes),
    calls: (options) => callsBeside(node, echo, options),
    stall: ({ streams }) => stall(node, streams),
  });
}

/** Until the other end has read all and said so. */
async function bulk(node, bytes) {
  const stream = await node.streams.open('sink', 'server@bench');
  const chunk = Buffer.alloc(CHUNK_BYTES, 0x61);
  const begin = performance.now();
  for (let sent = 0; sent < bytes; sent += CHUNK_BYTES) {
    if (!stream.write(chunk)) await once(stream, 'drain');
  }
  stream.end();
  stream.resume();
  await once(stream, 'end');
  return performance.now() - begin;
}

async function callsBeside(node, echo, { kind, calls }) {
  const load = new AbortController();
  const stalled = kind === 'stalled' ? await opened(node, 1) : [];
  const loading = kind === 'bulk' ? endless(node, load.signal) : Promise.resolve();
  await sleep(500);
  const latencies = [];
  const payload = new Uint8Array(64);
  for (let count = 0; count < calls; count += 1) {
    const begin = performance.now();
    await echo.echo(payload);
    latencies.push((performance.now() - begin) * 1_000);
    // Not in step with the load.
    if (count % 8 === 0) await sleep(1);
  }
  load.abort();
  await loading;
  for (const stream of stalled) stream.destroy();
  return { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
}

async function endless(node, signal) {
  const stream = await node.streams.open('sink', 'server@bench');
  const chunk = Buffer.alloc(CHUNK_BYTES, 0x61);
  while (!signal.aborted) if (!stream.write(chunk)) await once(stream, 'drain');
  stream.destroy();
}

async function stall(node, streams) {
  const before = node.metrics.snapshot();
  await opened(node, streams);
  await sleep(1_000);
  const sample = 'barrel_streams_bytes_total{direction="out"}';
  return node.metrics.snapshot()[sample] - before[sample];
}

/** Streams to a reader that never reads, with as much written as goes. */
async function opened(node, count) {
  const streams = [];
  for (let index = 0; index < count; index += 1) {
    const stream = await node.streams.open('stall', 'server@bench');
    stream.write(Buffer.alloc(8 * MIB));
    stream.on('error', () => {});
    streams.push(stream);
  }
  return streams;
}

function usedBytes() {
  return process.memoryUsage().rss;
}
