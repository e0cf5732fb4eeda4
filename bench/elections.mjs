/**
 * How long a name is without a leader: processes on loopback campaign for one name. First the
 * leader's process is killed (SIGKILL), then `close()` is called in it: from that moment until
 * `leaders.isLeader` is true in another process. Each time it is started again before the next
 * round. It judges nothing.
 *
 *     node bench/elections.mjs [--processes 8] [--rounds 30] [--quorum]
 *
 * With `--quorum` three of the processes are voters, which keep their promises in data directories.
 * All processes read the machine's monotonic clock.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createNode } from 'barrel-p2p';
import { answerParent, childArguments, startChild } from './children.mjs';
import { printMachine } from './machine.mjs';
import { machineMs, percentile, sleep } from './method.mjs';

const SECRET = 'a secret for this machine and this hour';
const FILE = fileURLToPath(import.meta.url);
const NAME = 'nightly';
const VOTERS = 3;
const LOOK_MS = 20;
/** A new candidacy waits for 500 ms before it leads: that is not what is measured. */
const SETTLED_MS = 1_500;
/** Nobody leads for so long: something is broken. */
const LOOK_MS_MAX = 60_000;

async function main() {
  const { values } = parseArgs({
    options: {
      processes: { type: 'string', default: '8' },
      rounds: { type: 'string', default: '30' },
      quorum: { type: 'boolean', default: false },
    },
  });
  const count = Number(values.processes);
  const rounds = Number(values.rounds);
  const behind = values.quorum ? `a quorum of ${VOTERS} voters` : 'leases';
  printMachine(`${count} processes, ${behind}, ${rounds} rounds each, until another one leads`);
  console.log(row(['', 'p50 ms', 'p99 ms', 'max ms', 'rounds']));
  const field = new Field(count, values.quorum);
  try {
    await field.fill();
    for (const way of ['kill -9', 'close()']) {
      const samples = [];
      for (let round = 0; round < rounds; round += 1) samples.push(await field.change(way));
      const figures = [0.5, 0.99, 1].map((q) => percentile(samples, q).toFixed(0));
      console.log(row([way, ...figures, samples.length]));
    }
  } finally {
    await field.clear();
  }
}

/** The processes that campaign. */
class Field {
  #count;
  #isQuorum;
  #folder = mkdtempSync(join(tmpdir(), 'barrel-elections-'));
  #children = new Map();

  constructor(count, isQuorum) {
    this.#count = count;
    this.#isQuorum = isQuorum;
  }

  async fill() {
    for (let index = 0; index < this.#count; index += 1) await this.#start(index);
    await this.#whole();
  }

  /** One leader goes and another one comes; milliseconds between. Then all are there again. */
  async change(way) {
    const { index, fence } = await this.#leader();
    const child = this.#children.get(index);
    this.#children.delete(index);
    // Where it is closed it says itself when that began.
    const goneMs = way === 'close()' ? child.ask('close') : machineMs();
    if (way !== 'close()') await child.stop();
    const { electedMs } = await this.#leader(fence);
    const ms = electedMs - (await goneMs);
    await child.stop();
    await this.#start(index);
    await this.#whole();
    return ms;
  }

  async clear() {
    await Promise.all([...this.#children.values()].map((child) => child.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(index) {
    const voters = this.#isQuorum ? Array.from({ length: VOTERS }, (_, at) => nameOf(at)) : [];
    const dataDir = index < voters.length ? join(this.#folder, `n${index}`) : undefined;
    const contacts = [...this.#children.values()].map((child) => child.up.address);
    const facts = { index, dataDir, contacts, voters };
    this.#children.set(index, await startChild(FILE, 'member', facts));
  }

  /** Each one knows all candidates, and none of them is new. */
  async #whole() {
    const children = [...this.#children.values()];
    await Promise.all(children.map((child) => child.ask('knows', { count: this.#count })));
    await sleep(SETTLED_MS);
    await this.#leader();
  }

  /** Who leads by its own lease, in a later term than that; asked again until somebody does. */
  async #leader(after = 0n) {
    for (const beginMs = machineMs(); machineMs() - beginMs < LOOK_MS_MAX; await sleep(LOOK_MS)) {
      const terms = await Promise.all(
        [...this.#children].map(async ([index, child]) => ({
          index,
          ...(await child.ask('term')),
        })),
      );
      const leaders = terms.filter(({ fence }) => fence !== undefined && fence > after);
      if (leaders.length > 0) return leaders[0];
    }
    throw new Error(`nobody leads for ${LOOK_MS_MAX} ms`);
  }
}

async function member() {
  const { index, dataDir, contacts, voters } = childArguments().facts;
  const node = await createNode({ name: nameOf(index), secret: SECRET, contacts, dataDir });
  await node.ready({ timeoutMs: 30_000 });
  const quorum = voters.length === 0 ? undefined : { voters };
  const candidacy = await node.leaders.campaign(NAME, { quorum });
  let electedMs;
  candidacy.on('elected', () => {
    electedMs = node.leaders.isLeader(NAME) ? machineMs() : undefined;
  });
  answerParent(
    { address: node.address },
    {
      term: () => ({ electedMs, fence: node.leaders.fence(NAME) }),
      knows: ({ count }) => knows(node, count),
      close: () => {
        const beginMs = machineMs();
        void node.close();
        return beginMs;
      },
    },
  );
}

/** Resolves when it lists so many candidates. */
async function knows(node, count) {
  const candidates = () =>
    node.leaders.list().find(({ name }) => name === NAME)?.candidates.length ?? 0;
  while (candidates() < count) await sleep(LOOK_MS);
}

function nameOf(index) {
  return `n${index}@bench`;
}

function row([label, ...cells]) {
  return label.padEnd(10) + cells.map((cell) => String(cell).padStart(10)).join('');
}

if (process.argv[2] === 'member') await member();
else await main();
