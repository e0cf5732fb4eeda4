/** Fifty whole nodes that all talk with all for a while, and then rest. */
import { expect, onTestFinished, test } from 'vitest';
import type { BarrelNode } from '../../src/index.ts';
import { createSimulation, type Simulation } from '../../src/testing/index.ts';
import { SeededRandom } from '../../src/testing/seeded-random.ts';

const NODES = 50;
const ACTIVE = 5;
const IDLE_MS = 10_000;
const NAMES = Array.from({ length: NODES }, (_, i) => `n${String(i).padStart(2, '0')}@sim`);

test('connections of fifty nodes end when they rest, the traffic does not grow, and all arrives', async () => {
  const { sim, nodes, got } = await talkative(7);
  const sent = new Map<string, number>();
  const random = new SeededRandom(11);
  const pick = (): number => Math.floor(random.float() * NODES);
  const say = (from: number, to: number): void => {
    const way = `${NAMES[from]}>${NAMES[to]}`;
    const number = sent.get(way) ?? 0;
    sent.set(way, number + 1);
    nodes[from]?.processes.send(
      { node: NAMES[to] ?? '', name: 'sink' },
      `${NAMES[from]}:${number}`,
    );
  };
  for (let tick = 0; tick < 60; tick += 1) {
    for (let count = 0; count < NODES; count += 1) {
      const [from, to] = [pick(), pick()];
      if (from !== to) say(from, to);
    }
    await sim.advance(100);
  }
  const busy = mean(nodes);
  await sim.advance(3 * IDLE_MS);
  const first = await trafficOf(sim, 15_000);
  const atRest = mean(nodes);
  await sim.advance(15_000);
  const second = await trafficOf(sim, 15_000);
  process.stdout.write(
    `connections of each of ${NODES} nodes: ${busy.toFixed(1)} when all talked, ` +
      `${atRest.toFixed(1)} at rest; messages in 15 s: ${first}, then ${second}\n`,
  );
  expect(busy).toBeGreaterThan(4 * ACTIVE);
  // Beside the neighbours: who is audited, compared with or shuffled with just now.
  expect(atRest).toBeLessThan(2 * ACTIVE);
  expect(second).toBeLessThan(1.1 * first);

  for (let from = 0; from < NODES; from += 1) say(from, (from + 7) % NODES);
  await sim.advance(5_000);
  for (const [way, count] of sent) {
    expect([way, got.get(way)]).toEqual([way, Array.from({ length: count }, (_, i) => i)]);
  }
});

/** Each with a process `sink` that notes what it gets, by its way. */
async function talkative(seed: number): Promise<{
  readonly sim: Simulation;
  readonly nodes: readonly BarrelNode[];
  readonly got: ReadonlyMap<string, readonly number[]>;
}> {
  const sim = createSimulation({ seed });
  onTestFinished(() => sim[Symbol.asyncDispose]());
  const got = new Map<string, number[]>();
  const nodes: BarrelNode[] = [];
  for (const name of NAMES) {
    const contacts = NAMES.slice(0, 3).filter((each) => each !== name);
    const node = await sim.start({ name, contacts, links: { idleMs: IDLE_MS } });
    node.processes.spawn(
      async (self) => {
        for await (const message of self) note(got, name, String(message));
      },
      { name: 'sink' },
    );
    nodes.push(node);
  }
  await sim.until(() => nodes.every((node) => node.members().length === NODES), 30_000);
  await sim.advance(5_000);
  return { sim, nodes, got };
}

function note(got: Map<string, number[]>, to: string, message: string): void {
  const [from = '', number = ''] = message.split(':');
  const way = `${from}>${to}`;
  const list = got.get(way) ?? [];
  got.set(way, list);
  list.push(Number(number));
}

/** Connections of a node, on average. */
function mean(nodes: readonly BarrelNode[]): number {
  const counts = nodes.map((node) => node.metrics.snapshot()['barrel_links'] ?? 0);
  return counts.reduce((sum, count) => sum + count, 0) / nodes.length;
}

async function trafficOf(sim: Simulation, ms: number): Promise<number> {
  const before = sim.traffic.messages;
  await sim.advance(ms);
  return sim.traffic.messages - before;
}
