/** Partitions on their way between whole nodes. */
import { describe, expect, onTestFinished, test } from 'vitest';
import type { HeldShard } from '../../src/index.ts';
import { HandOffCluster, quantile } from './hand-off-cluster.ts';

const RING = 256;

/** With all nodes started, and each partition at its owner. */
async function running(seed: number, nodes: number): Promise<HandOffCluster> {
  const cluster = new HandOffCluster({ seed, nodes, ringSize: RING });
  onTestFinished(() => cluster.sim[Symbol.asyncDispose]());
  await cluster.startAll();
  cluster.pausesMs.length = 0;
  return cluster;
}

describe('a rolling restart of 8 nodes', () => {
  const pausesMs: number[] = [];

  test.each([1, 2, 3, 4])('seed %i: at no instant two nodes hold one partition', async (seed) => {
    const cluster = await running(seed, 8);
    const { sim, names } = cluster;
    for (const name of names) {
      const others = names.filter((each) => each !== name);
      await sim.settled(sim.node(name).close());
      await cluster.placed(others);
      await cluster.start(name);
      await cluster.placed(names);
    }
    expect(cluster.faults).toEqual([]);
    expect(cluster.pausesMs.length).toBeGreaterThan(RING);
    pausesMs.push(...cluster.pausesMs);
  });

  test('a partition is held by nobody for less than 100 ms, 99 of 100 times', () => {
    const [median, p99, most] = [0.5, 0.99, 1].map((share) => quantile(pausesMs, share).toFixed(1));
    process.stdout.write(
      `pause of ${pausesMs.length} moves: median ${median} ms, p99 ${p99} ms, most ${most} ms\n`,
    );
    expect(pausesMs.length).toBeGreaterThan(0);
    expect(Number(p99)).toBeLessThan(100);
  });
});

describe('jobs', () => {
  test('a partition goes on when its job has ended, and no two work on it at a time', async () => {
    const cluster = await running(5, 4);
    const { sim, names } = cluster;
    const working = new Map<number, string>();
    const clashes: string[] = [];
    const job =
      (name: string) =>
      async ({ partition, signal }: HeldShard): Promise<void> => {
        const other = working.get(partition);
        if (other !== undefined) clashes.push(`${partition}: ${other} and ${name}`);
        working.set(partition, name);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        const endMs = sim.now + 700;
        while (sim.now < endMs) await pause();
        working.delete(partition);
      };
    let ticks: (() => void)[] = [];
    const pause = (): Promise<void> => new Promise((resolve) => ticks.push(resolve));
    const pass = async (ms: number): Promise<void> => {
      for (let i = 0; i < ms / 50; i += 1) {
        await sim.advance(50);
        const due = ticks;
        ticks = [];
        for (const tick of due) tick();
      }
    };
    for (const name of names) void sim.node(name).shards.run(job(name));
    await pass(100);
    expect(working.size).toBe(RING);

    const [first = ''] = names;
    const others = names.filter((name) => name !== first);
    let isClosed = false;
    void sim
      .node(first)
      .close()
      .then(() => {
        isClosed = true;
      });
    await pass(3_000);
    expect(isClosed).toBe(true);
    await cluster.placed(others);
    expect(working.size).toBe(RING);
    expect([...working.values()]).not.toContain(first);

    const again = await cluster.start(first);
    void again.shards.run(job(first));
    await pass(3_000);
    await cluster.placed(names);
    await pass(100);
    expect([...working.values()]).toContain(first);
    expect(clashes).toEqual([]);
    expect(cluster.faults).toEqual([]);
  });
});

describe('a slow network that loses datagrams', () => {
  // These took what others held when an orphan was one after 500 ms on every network.
  test.each([
    [5, 0],
    [26, 0],
    [9, 300],
    [22, 300],
    [38, 300],
    [8, 700],
  ])('seed %i: six newcomers, one each %i ms, take nothing that is held', async (seed, gapMs) => {
    const cluster = new HandOffCluster({ seed, nodes: 7, ringSize: RING });
    onTestFinished(() => cluster.sim[Symbol.asyncDispose]());
    const { sim, names } = cluster;
    sim.link({ latencyMs: [67, 83], loss: 0.05 });
    const [first = '', ...others] = names;
    const node = await cluster.start(first);
    await sim.until(() => node.shards.owned().length === RING, 20_000);
    for (const name of others) {
      await cluster.start(name);
      await sim.advance(gapMs);
    }
    await cluster.placed(names, 30_000);
    expect(cluster.faults).toEqual([]);
  });
});

describe('deaths and splits', () => {
  test('what a crashed node held is held again soon after its death is known', async () => {
    const cluster = await running(6, 6);
    const { sim, names } = cluster;
    const [victim = '', ...others] = names;
    cluster.crash(victim);
    const hasLost = (name: string): boolean => !sim.node(name).members().includes(victim);
    await sim.until(() => others.every(hasLost), 30_000);
    await cluster.placed(others, 2_000);
    expect(cluster.faults).toEqual([]);
    for (const name of others) {
      expect(cluster.metric(name, 'barrel_shards_handoff_timeouts_total')).toBe(0);
      expect(cluster.metric(name, 'barrel_shards_waiting')).toBe(0);
    }
  });

  test('a node that crashed and starts again at once ends up with its partitions', async () => {
    const cluster = await running(7, 5);
    const { sim, names } = cluster;
    const [, victim = ''] = names;
    cluster.crash(victim);
    await sim.advance(200);
    await cluster.start(victim);
    await cluster.placed(names, 20_000);
    expect(cluster.faults).toEqual([]);
  });

  test('each side of a split holds all, and after the heal each partition has one holder', async () => {
    const cluster = await running(8, 6);
    const { sim, names } = cluster;
    const [one, other] = [names.slice(0, 3), names.slice(3)];
    const holds = (side: readonly string[]): number =>
      side.reduce((sum, name) => sum + sim.node(name).shards.owned().length, 0);
    sim.partition(one, other);
    await sim.until(() => holds(one) === RING && holds(other) === RING, 60_000);
    sim.heal();
    await sim.until(() => sim.faults().length === 0, 120_000);
    await cluster.placed(names, 5_000);
    expect(holds(names)).toBe(RING);
  });

  test('a node that leaves hands over, and takes part again when it joins', async () => {
    const cluster = await running(9, 4);
    const { sim, names } = cluster;
    const [first = '', second = '', ...rest] = names;
    await sim.settled(sim.node(second).leave());
    expect(sim.node(second).shards.owned()).toEqual([]);
    await cluster.placed([first, ...rest], 5_000);
    await sim.settled(sim.node(second).join(first));
    await cluster.placed(names, 30_000);
    expect(cluster.faults).toEqual([]);
    expect(quantile(cluster.pausesMs, 0.99)).toBeLessThan(100);
  });

  test('a node that joins while it leaves says goodbye first, and stays', async () => {
    const cluster = await running(11, 4);
    const { sim, names } = cluster;
    const [first = '', second = ''] = names;
    const leaver = sim.node(second);
    let work: (() => void)[] = [];
    void leaver.shards.run(
      ({ signal }) =>
        new Promise((resolve) => signal.addEventListener('abort', () => work.push(resolve))),
    );
    await sim.advance(100);
    const left = leaver.leave();
    await sim.advance(100);
    expect(work.length).toBeGreaterThan(0);
    const joined = leaver.join(first);
    await sim.advance(1_000);
    expect(leaver.status().state).toBe('left');
    for (const end of work) end();
    work = [];
    await sim.settled(Promise.all([left, joined]));
    await cluster.placed(names, 30_000);
    expect(leaver.status().state).toBe('ready');
    expect(cluster.faults).toEqual([]);
  });

  test('when all close at once nobody waits for long', async () => {
    const cluster = await running(10, 6);
    const { sim, names } = cluster;
    const startedMs = sim.now;
    await sim.settled(Promise.all(names.map((name) => sim.node(name).close())));
    expect(sim.now - startedMs).toBeLessThan(5_000);
    expect(cluster.faults).toEqual([]);
  });
});
