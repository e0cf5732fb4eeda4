/**
 * How fast the simulator runs whole nodes (goal E22): virtual seconds for each second of CPU of a
 * cluster at rest, and what it took to bring it there. It judges nothing.
 *
 *     node bench/simulation.mjs [--nodes 100] [--seconds 60] [--runs 3]
 */
import { parseArgs } from 'node:util';
import { createSimulation } from 'barrel-p2p/testing';
import { printMachine } from './machine.mjs';
import { median } from './method.mjs';

const MIB = 1_048_576;
const JOINING_MS = 120_000;
/** Without one, a contact takes in strangers one by one. */
const SECRET = 'a secret for this simulation, and for no other use';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '60' },
    runs: { type: 'string', default: '3' },
  },
});
const count = Number(values.nodes);
const ms = Number(values.seconds) * 1_000;
const runs = Number(values.runs);

printMachine(`${count} whole nodes, ${values.seconds} virtual s at rest, median of ${runs} runs`);
const sim = createSimulation({ seed: 1 });
const joining = await cpuSeconds(async () => {
  for (let i = 0; i < count; i += 1) {
    const contacts = i === 0 ? [] : ['n0@bench'];
    await sim.start({ name: `n${i}@bench`, secret: SECRET, contacts });
  }
  await sim.until(isOneCluster, JOINING_MS);
});
console.log(
  `all know all after ${(sim.now / 1_000).toFixed(1)} virtual s, ${joining.toFixed(1)} s of CPU`,
);
await sim.advance(JOINING_MS / 4);
const rates = [];
for (let run = 0; run < runs; run += 1) {
  rates.push(ms / 1_000 / (await cpuSeconds(() => sim.advance(ms))));
}
console.log(`at rest ${median(rates).toFixed(1)} virtual s for each s of CPU`);
console.log(`memory ${Math.round(process.memoryUsage.rss() / MIB)} MiB`);
await sim[Symbol.asyncDispose]();

function isOneCluster() {
  for (let i = 0; i < count; i += 1) {
    if (sim.node(`n${i}@bench`).members().length < count) return false;
  }
  return true;
}

async function cpuSeconds(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
