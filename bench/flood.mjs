/**
 * A flood of handshakes from somebody who was not let in, while two admitted nodes call each other:
 * how many calls are left, and what the flooded node takes of memory. It judges nothing.
 *
 *     node bench/flood.mjs [--rate 2000] [--ms 5000] [--kind half|spoofed|full|untagged]
 *
 * `half` begins handshakes and says no more; `spoofed` does so from 250 addresses, and hears
 * nothing; `full` finishes them and is never admitted; `untagged` floods a node with a join secret.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startChild } from './children.mjs';
import { printMachine } from './machine.mjs';
import { cpuMicros, PAYLOAD_BYTES, sleep } from './method.mjs';

const KINDS = ['untagged', 'half', 'spoofed', 'full'];
const CONCURRENCY = 16;
const MIB = 1_048_576;

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    ms: { type: 'string', default: '5000' },
    kind: { type: 'string' },
  },
});
const rate = Number(values.rate);
const ms = Number(values.ms);
const kinds = values.kind === undefined ? KINDS : [values.kind];

printMachine(`loopback, ${PAYLOAD_BYTES} B, ${CONCURRENCY} calls at once, ${rate} handshakes/s`);
const COLUMNS = ['flood', 'calls/s before', 'during', 'kept', 'flood/s', 'CPU of it'];
console.log(row([...COLUMNS, 'RSS before', 'after']));
for (const kind of kinds) console.log(row(await measure(kind)));

async function measure(kind) {
  const secret = kind === 'untagged' ? 'a secret for this machine and this hour' : undefined;
  const server = await child('./flood/server.mjs', { secret });
  const client = await child('./flood/client.mjs', { secret, address: server.up.address });
  const flooder = await child('./flood/flooder.mjs', { address: server.up.address });
  try {
    const pids = [server.pid, client.pid];
    const calls = () => client.ask('calls', { concurrency: CONCURRENCY, ms, pids });
    await calls();
    const rssBefore = await server.ask('rss');
    // Before, during, after: what the machine does beside has the same chance on both sides.
    const before = await calls();
    await flooder.ask('start', { kind, rate });
    const idleMicros = cpuMicros(server.pid);
    await sleep(ms);
    const floodMicros = cpuMicros(server.pid) - idleMicros;
    const during = await calls();
    const sent = await flooder.ask('stop');
    const after = await calls();
    const rssAfter = await server.ask('rss');
    const without = (before.callsPerSecond + after.callsPerSecond) / 2;
    return [
      kind,
      Math.round(without),
      Math.round(during.callsPerSecond),
      `${Math.round((100 * during.callsPerSecond) / without)} %`,
      Math.round(sent.perSecond),
      `${Math.round(floodMicros / ms / 10)} %`,
      `${Math.round(rssBefore / MIB)} MiB`,
      `${Math.round(rssAfter / MIB)} MiB`,
    ];
  } finally {
    for (const one of [flooder, client, server]) await one.stop();
  }
}

function child(file, facts) {
  return startChild(fileURLToPath(new URL(file, import.meta.url)), 'flood', facts);
}

function row([label, ...cells]) {
  return String(label).padEnd(12) + cells.map((cell) => String(cell).padStart(15)).join('');
}
