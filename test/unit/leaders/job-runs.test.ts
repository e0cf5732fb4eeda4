/** Jobs that one node of a cluster runs. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode, Term } from '../../../src/index.ts';
import { type ClusterUnderTest, clusterOf, NAME } from './clusters.ts';

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
});

interface Working {
  readonly node: BarrelNode;
  readonly term: Term;
}

/** A job that works until its term is over, on each node. */
class Jobs {
  readonly working = new Set<Working>();
  readonly starts: string[] = [];
  most = 0;

  run(node: BarrelNode, signal?: AbortSignal): Promise<void> {
    return node.leaders.run(NAME, (term) => this.#work({ node, term }), { signal });
  }

  get at(): readonly string[] {
    return [...this.working].map(({ node }) => node.name);
  }

  async #work(work: Working): Promise<void> {
    this.working.add(work);
    this.starts.push(work.node.name);
    this.most = Math.max(this.most, this.working.size);
    await new Promise<void>((resolve) =>
      work.term.signal.addEventListener('abort', () => resolve()),
    );
    this.working.delete(work);
  }
}

async function cluster(...args: Parameters<typeof clusterOf>): Promise<ClusterUnderTest> {
  const under = await clusterOf(...args);
  open.push(under);
  return under;
}

describe('a job', () => {
  test('runs on one node, then on the next, never on two', async () => {
    const { sim, nodes } = await cluster(3, 21);
    const jobs = new Jobs();
    const abort = new AbortController();
    const running = nodes.map((node) =>
      jobs.run(node, node === nodes[0] ? abort.signal : undefined),
    );
    await sim.until(() => jobs.at[0] === 'a@sim', 5_000);
    await sim.advance(3_000);
    abort.abort();
    await sim.settled(running[0] ?? Promise.reject());
    await sim.until(() => jobs.at[0] === 'b@sim', 1_000);
    await sim.settled(nodes[1]?.close() ?? Promise.reject());
    await sim.until(() => jobs.at[0] === 'c@sim', 1_000);
    await sim.settled(running[1] ?? Promise.reject());
    expect(jobs.starts).toEqual(['a@sim', 'b@sim', 'c@sim']);
    expect(jobs.most).toBe(1);
  });

  test('that is cut off is told to end before another one starts', async () => {
    const { sim, nodes } = await cluster(4, 22);
    const jobs = new Jobs();
    for (const node of nodes) void jobs.run(node);
    await sim.until(() => jobs.at[0] === 'a@sim', 5_000);
    const [first] = jobs.working;
    sim.partition(['a@sim'], ['b@sim', 'c@sim', 'd@sim']);
    await sim.until(() => first?.term.signal.aborted === true, 6_000);
    expect(jobs.at).toEqual([]);
    await sim.until(() => jobs.at.includes('b@sim'), 6_000);
  });

  test('that throws gives the term back, and its node campaigns again after a pause', async () => {
    const { sim, nodes } = await cluster(2, 23);
    const [a, b] = nodes as [BarrelNode, BarrelNode];
    const jobs = new Jobs();
    const failures: bigint[] = [];
    void a.leaders.run(NAME, async ({ fence }) => {
      failures.push(fence);
      throw new Error('broken');
    });
    await sim.until(() => failures.length === 3, 10_000);
    expect([...failures].sort((x, y) => Number(x - y))).toEqual(failures);
    void jobs.run(b);
    await sim.until(() => jobs.at[0] === 'b@sim', 10_000);
    await sim.advance(60_000);
    expect(jobs.at).toEqual(['b@sim']);
  });

  test('that returns has done its work for this term', async () => {
    const { sim, nodes } = await cluster(1, 24);
    const node = nodes[0] as BarrelNode;
    let runs = 0;
    const abort = new AbortController();
    const work = async (): Promise<void> => {
      runs += 1;
    };
    const running = node.leaders.run(NAME, work, { signal: abort.signal });
    await sim.advance(60_000);
    expect(runs).toBe(1);
    expect(node.leaders.isLeader(NAME)).toBe(true);
    abort.abort();
    await sim.settled(running);
    expect(node.leaders.isLeader(NAME)).toBe(false);
  });

  test('that does not end holds the others up for 1.8 s, and its node no longer', async () => {
    const { sim, nodes } = await cluster(2, 25);
    const [a, b] = nodes as [BarrelNode, BarrelNode];
    let hasStarted = false;
    void a.leaders.run(NAME, () => {
      hasStarted = true;
      return new Promise(() => {});
    });
    await sim.until(() => hasStarted, 5_000);
    await sim.settled(b.leaders.campaign(NAME));
    await sim.advance(1_000);
    const since = sim.now;
    const closing = a.close();
    await sim.until(() => b.leaders.isLeader(NAME), 3_000);
    expect(sim.now - since).toBeGreaterThan(1_700);
    await sim.settled(closing);
  });

  test('runs once for each name and node', async () => {
    const { nodes } = await cluster(1, 26);
    const node = nodes[0] as BarrelNode;
    void node.leaders.run(NAME, async () => {});
    const again = node.leaders.run(NAME, async () => {});
    await expect(again).rejects.toMatchObject({ code: 'ERR_ALREADY_CANDIDATE' });
  });

  test('is over when the process that stands for it has ended', async () => {
    const { sim, nodes } = await cluster(1, 28);
    const node = nodes[0] as BarrelNode;
    const pid = node.processes.spawn((self) => self.receive());
    let hasEnded = false;
    const work = async ({ signal }: Term): Promise<void> => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      hasEnded = true;
    };
    const running = node.leaders.run(NAME, work, { pid });
    await sim.until(() => node.leaders.isLeader(NAME), 5_000);
    node.processes.send(pid, 'end');
    await expect(sim.settled(running)).rejects.toMatchObject({ code: 'ERR_NO_PROCESS' });
    expect(hasEnded).toBe(true);
    expect(node.leaders.leader(NAME)).toBeUndefined();
  });

  test('goes on with another process when the one that was made for it ends', async () => {
    const { sim, nodes } = await cluster(1, 29);
    const node = nodes[0] as BarrelNode;
    const jobs = new Jobs();
    void jobs.run(node);
    await sim.until(() => jobs.at.length === 1, 5_000);
    const pid = node.leaders.leader(NAME)?.pid;
    if (pid === undefined) throw new Error('nobody leads');
    node.processes.exit(pid, 'kill');
    await sim.until(() => jobs.at.length === 0, 1_000);
    await sim.until(() => jobs.at.length === 1, 5_000);
    expect(jobs.starts).toHaveLength(2);
  });

  test('is not run when `signal` has aborted before', async () => {
    const { nodes } = await cluster(1, 27);
    let runs = 0;
    const work = async (): Promise<void> => {
      runs += 1;
    };
    await nodes[0]?.leaders.run(NAME, work, { signal: AbortSignal.abort() });
    expect(runs).toBe(0);
  });
});
