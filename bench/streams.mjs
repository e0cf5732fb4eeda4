/**
 * How many items of streams that answer calls go from one process to another, over QUIC on
 * loopback, and within one process: one stream and sixteen at once, small and large items. It
 * judges nothing.
 *
 *     node bench/streams.mjs [--runs 3] [--ms 2000]
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createNode } from 'barrel-p2p';
import { answerParent, childArguments, startChild } from './children.mjs';
import { printMachine } from './machine.mjs';
import { cpuMicros, median, PAYLOAD_BYTES } from './method.mjs';

const SECRET = 'a secret for this machine and this hour';
const FILE = fileURLToPath(import.meta.url);
const SERVICE = 'items';
const CASES = [
  { streams: 1, bytes: PAYLOAD_BYTES },
  { streams: 16, bytes: PAYLOAD_BYTES },
  { streams: 1, bytes: 16_384 },
  { streams: 16, bytes: 16_384 },
];

const { role, facts } = childArguments();
if (role === 'server') await serve();
else if (role === 'client') await read();
else await main();

async function main() {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '3' },
      ms: { type: 'string', default: '2000' },
    },
  });
  const runs = Number(values.runs);
  const ms = Number(values.ms);
  printMachine(`loopback, ${ms} ms each, medians of ${runs} runs`);
  const server = await startChild(FILE, 'server');
  const client = await startChild(FILE, 'client', server.up);
  const pids = [server.pid, client.pid];
  console.log(row(['', 'items/s', 'MiB/s', 'CPU us/item']));
  try {
    for (const [end, name] of [
      [client, 'two processes'],
      [server, 'one process'],
    ]) {
      for (const one of CASES) {
        const results = [];
        for (let run = 0; run < runs; run += 1) {
          results.push(await end.ask('measure', { ...one, ms, pids }));
        }
        print(name, one, results);
      }
    }
  } finally {
    await client.stop();
    await server.stop();
  }
}

function print(name, { streams, bytes }, results) {
  const perSecond = median(results.map((result) => result.perSecond));
  const label = `${name}, ${streams} at once, ${bytes.toLocaleString('en')} B`;
  const mib = (perSecond * bytes) / 1_048_576;
  const cpu = median(results.map((result) => result.cpuMicros));
  console.log(
    row([label, Math.round(perSecond).toLocaleString('en'), mib.toFixed(1), cpu.toFixed(1)]),
  );
}

function row([label, ...cells]) {
  return label.padEnd(40) + cells.map((cell) => cell.padStart(14)).join('');
}

async function serve() {
  const node = await createNode({ name: 'server@bench', secret: SECRET });
  await node.services.register(SERVICE, {
    async *endless(bytes) {
      const item = new Uint8Array(bytes).fill(0x61);
      for (;;) yield item;
    },
  });
  answerParent({ address: node.address }, { measure: (options) => measure(node, options) });
}

async function read() {
  const node = await createNode({ name: 'client@bench', secret: SECRET });
  await node.join(facts.address);
  await node.services.whereis(SERVICE, { retries: 10 });
  answerParent(undefined, { measure: (options) => measure(node, options) });
}

/** Reads so many endless streams as fast as they come, after a warm-up of a third of the time. */
async function measure(node, { streams, bytes, ms, pids }) {
  const service = node.services.client(SERVICE);
  let items = 0;
  let endMs = Number.POSITIVE_INFINITY;
  const reader = async () => {
    for await (const _ of service.endless(bytes)) {
      items += 1;
      if (items % 256 === 0) {
        // Within one process nothing else would ever run.
        await new Promise((resolve) => setImmediate(resolve));
        if (performance.now() >= endMs) break;
      }
    }
  };
  const readers = Array.from({ length: streams }, reader);
  await new Promise((resolve) => setTimeout(resolve, ms / 3));
  const before = { items, ms: performance.now(), cpu: sum(pids.map(cpuMicros)) };
  endMs = before.ms + ms;
  await Promise.all(readers);
  const count = items - before.items;
  return {
    perSecond: (count / (performance.now() - before.ms)) * 1_000,
    cpuMicros: (sum(pids.map(cpuMicros)) - before.cpu) / count,
  };
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
