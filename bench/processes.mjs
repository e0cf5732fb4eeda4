/**
 * How long a cluster of real processes takes to find itself (goal E11): from the first fork until
 * each one knows all, over QUIC on loopback. All join the first one. It judges nothing.
 *
 *     node bench/processes.mjs [--processes 64] [--runs 3]
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createNode } from 'barrel-p2p';
import { answerParent, childArguments, startChild } from './children.mjs';
import { printMachine } from './machine.mjs';
import { median } from './method.mjs';

const SECRET = 'a secret for this machine and this hour';
const FILE = fileURLToPath(import.meta.url);

if (process.argv[2] === 'member') await member();
else await main();

async function main() {
  const { values } = parseArgs({
    options: {
      processes: { type: 'string', default: '64' },
      runs: { type: 'string', default: '3' },
    },
  });
  const count = Number(values.processes);
  const runs = Number(values.runs);
  printMachine(`${count} processes, median of ${runs} runs, from the first fork`);
  const seconds = [];
  for (let run = 0; run < runs; run += 1) seconds.push(await boot(count));
  console.log(
    `all know all after ${median(seconds).toFixed(1)} s (${seconds.map((s) => s.toFixed(1))})`,
  );
}

async function boot(count) {
  const begin = performance.now();
  const first = await startChild(FILE, 'member', { index: 0, count });
  const children = [first];
  const others = Array.from({ length: count - 1 }, (_, at) =>
    startChild(FILE, 'member', { index: at + 1, count, contact: first.up.address }),
  );
  try {
    children.push(...(await Promise.all(others)));
    await Promise.all(children.map((child) => child.ask('complete')));
    return (performance.now() - begin) / 1_000;
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

async function member() {
  const { index, count, contact } = childArguments().facts;
  const contacts = contact === undefined ? [] : [contact];
  const node = await createNode({ name: `n${index}@bench`, secret: SECRET, contacts });
  const complete = new Promise((resolve) => {
    const look = () => {
      if (node.members().length >= count) resolve();
    };
    node.on('memberUp', look);
    look();
  });
  answerParent({ address: node.address }, { complete: () => complete });
}
