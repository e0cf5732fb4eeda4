/** Elections of whole nodes on the simulator: the scenarios of a leader, on one and on several. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode, Candidacy } from '../../../src/index.ts';
import { createSimulation } from '../../../src/testing/index.ts';
import {
  acting,
  type ClusterUnderTest,
  clusterOf,
  elect,
  leaderOf,
  NAME,
  told,
} from './clusters.ts';

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
});

async function cluster(...args: Parameters<typeof clusterOf>): Promise<ClusterUnderTest> {
  const under = await clusterOf(...args);
  open.push(under);
  return under;
}

async function lone(): Promise<{ readonly node: BarrelNode; readonly under: ClusterUnderTest }> {
  const under = await cluster(1, 1);
  const [node] = under.nodes;
  if (node === undefined) throw new Error('no node');
  return { node, under };
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: { readonly code?: unknown }) => error.code,
  );
}

describe('one node', () => {
  test('leads when it campaigns (L1)', async () => {
    const { node } = await lone();
    const pid = node.processes.spawn((self) => self.receive());
    const candidacy = await node.leaders.campaign(NAME, { pid });
    expect(candidacy.role).toBe('leader');
    expect(candidacy.term?.fence).toBe(node.leaders.fence(NAME));
    expect(node.leaders.isLeader(NAME)).toBe(true);
    expect(node.leaders.leader(NAME)).toEqual({ node: node.name, pid });
  });

  test('leads no more when it resigns, and tells nobody that it was revoked (L2)', async () => {
    const { node, under } = await lone();
    const candidacy = await node.leaders.campaign(NAME);
    const words = told(candidacy);
    const signal = candidacy.term?.signal;
    await candidacy.resign();
    await under.sim.advance(100);
    expect(node.leaders.leader(NAME)).toBeUndefined();
    expect(node.leaders.isLeader(NAME)).toBe(false);
    expect(node.leaders.fence(NAME)).toBeUndefined();
    expect(candidacy.role).toBe('follower');
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toMatchObject({ code: 'ERR_NOT_LEADER' });
    expect(words).toEqual(['elected']);
  });

  test('has no leader within 2 s when the process that leads ends (L3)', async () => {
    const { node, under } = await lone();
    const pid = node.processes.spawn((self) => self.receive());
    const candidacy = await node.leaders.campaign(NAME, { pid });
    const words = told(candidacy);
    node.processes.send(pid, 'end');
    await under.sim.until(() => node.leaders.leader(NAME) === undefined, 2_000);
    await under.sim.advance(1);
    expect(words).toEqual(['elected', 'revoked']);
  });

  test('is a candidate once for each name (L4)', async () => {
    const { node } = await lone();
    const candidacy = await node.leaders.campaign(NAME);
    expect(await codeOf(node.leaders.campaign(NAME))).toBe('ERR_ALREADY_CANDIDATE');
    await node.leaders.campaign('other');
    await candidacy.resign();
    await node.leaders.campaign(NAME);
  });

  test('has a greater token in each term (L7)', async () => {
    const { node } = await lone();
    let last = 0n;
    for (let round = 0; round < 5; round += 1) {
      const candidacy = await node.leaders.campaign(NAME);
      expect(node.leaders.fence(NAME)).toBeGreaterThan(last);
      last = node.leaders.fence(NAME) ?? 0n;
      await candidacy.resign();
    }
  });

  test('tells of the first election after `campaign` has given the candidacy', async () => {
    const { node, under } = await lone();
    const words = told(await node.leaders.campaign(NAME));
    expect(words).toEqual([]);
    await under.sim.advance(1);
    expect(words).toEqual(['elected']);
  });

  test('refuses wrong options, all faults at once, and names that are taken', async () => {
    const { node } = await lone();
    const options = { priority: 1.5, sticky: 'yes', quorum: { voters: [] }, speed: 1 };
    const refusal = await node.leaders.campaign(NAME, options as object).catch((error) => error);
    expect(refusal.code).toBe('ERR_OPTION');
    for (const option of ['priority', 'sticky', 'quorum', 'speed']) {
      expect(refusal.message).toContain(`\`${option}\``);
    }
    for (const name of ['', 'barrel:x', 'a\nb', 'x'.repeat(256)]) {
      expect(await codeOf(node.leaders.campaign(name))).toBe('ERR_OPTION');
      expect(await codeOf(node.leaders.run(name, async () => {}))).toBe('ERR_OPTION');
    }
    const pid = node.processes.spawn(() => {});
    node.processes.exit(pid, 'kill');
    await Promise.resolve();
    expect(await codeOf(node.leaders.campaign(NAME, { pid }))).toBe('ERR_NO_PROCESS');
  });

  test('is no candidate when `signal` has aborted before', async () => {
    const { node } = await lone();
    const reason = new Error('never mind');
    const signal = AbortSignal.abort(reason);
    await expect(node.leaders.campaign(NAME, { signal })).rejects.toBe(reason);
    expect(node.leaders.leader(NAME)).toBeUndefined();
  });

  test('keeps its tokens above those of its last start, with its clock set back', async () => {
    const sim = createSimulation({ seed: 3 });
    open.push(sim);
    const first = await sim.start({ name: 'a@sim', dataDir: '/data' });
    await sim.settled(first.ready());
    await sim.settled(first.leaders.campaign(NAME));
    const fence = first.leaders.fence(NAME) ?? 0n;
    expect(fence).toBeGreaterThan(0n);
    sim.crash('a@sim');
    sim.clock('a@sim', { offsetMs: -50_000 });
    const second = await sim.restart('a@sim');
    await sim.settled(second.ready());
    await sim.settled(second.leaders.campaign(NAME));
    expect(second.leaders.fence(NAME)).toBeGreaterThan(fence);
  });

  test('lets others lead while its disk cannot keep a token', async () => {
    const under = await cluster(2, 4, { dataDir: '/data' });
    const { sim, nodes } = under;
    sim.disk('a@sim', { full: true });
    await elect(under);
    expect(leaderOf(nodes)).toBe('b@sim');
  });
});

describe('several nodes', () => {
  test('agree on the smallest name, and the others follow (L10)', async () => {
    const under = await cluster(3, 5);
    const candidacies = await elect(under);
    expect(leaderOf(under.nodes)).toBe('a@sim');
    expect(candidacies.map(({ role }) => role)).toEqual(['leader', 'follower', 'follower']);
  });

  test('agree on the highest priority (L12)', async () => {
    const under = await cluster(3, 6);
    await elect(under, (node) => ({ priority: node.name === 'c@sim' ? 1 : 0 }));
    expect(leaderOf(under.nodes)).toBe('c@sim');
  });

  test('keep their leader when an equal joins, and when it returns', async () => {
    const under = await cluster(3, 7);
    const { sim, nodes } = under;
    const [a, b, c] = nodes as [BarrelNode, BarrelNode, BarrelNode];
    const candidacy = await sim.settled(c.leaders.campaign(NAME));
    await sim.until(() => leaderOf(nodes) === 'c@sim', 5_000);
    const words = told(candidacy);
    const first = await sim.settled(a.leaders.campaign(NAME));
    await sim.settled(b.leaders.campaign(NAME));
    await sim.advance(10_000);
    await first.resign();
    await sim.settled(a.leaders.campaign(NAME));
    await sim.advance(10_000);
    expect(leaderOf(nodes)).toBe('c@sim');
    expect(words).toEqual([]);
  });

  test('that are not sticky give way to a smaller name, and take over when it is gone', async () => {
    const under = await cluster(2, 8);
    const { sim, nodes } = under;
    const [a, b] = nodes as [BarrelNode, BarrelNode];
    const candidacy = await sim.settled(b.leaders.campaign(NAME, { sticky: false }));
    await sim.until(() => leaderOf(nodes) === 'b@sim', 5_000);
    const words = told(candidacy);
    const other = await sim.settled(a.leaders.campaign(NAME));
    await sim.until(() => leaderOf(nodes) === 'a@sim', 2_000);
    expect(b.leaders.isLeader(NAME)).toBe(false);
    await other.resign();
    await sim.until(() => leaderOf(nodes) === 'b@sim', 1_000);
    expect(words).toEqual(['revoked', 'elected']);
  });

  test('give way to a higher priority, and only to that (L6)', async () => {
    const under = await cluster(3, 9);
    const { sim, nodes } = under;
    const [a, b, c] = nodes as [BarrelNode, BarrelNode, BarrelNode];
    await sim.settled(c.leaders.campaign(NAME, { priority: 1 }));
    await sim.until(() => leaderOf(nodes) === 'c@sim', 5_000);
    await sim.settled(a.leaders.campaign(NAME));
    await sim.advance(2_000);
    expect(leaderOf(nodes)).toBe('c@sim');
    await sim.settled(b.leaders.campaign(NAME, { priority: 2 }));
    await sim.until(() => leaderOf(nodes) === 'b@sim', 2_000);
  });

  test('elect the next one within 6 s of a crash, under a greater token (L11)', async () => {
    const under = await cluster(4, 10);
    const { sim, nodes } = under;
    await elect(under);
    const [a, ...others] = nodes as [BarrelNode, BarrelNode, BarrelNode, BarrelNode];
    const fence = a.leaders.fence(NAME) ?? 0n;
    sim.crash('a@sim');
    await sim.until(() => leaderOf(others) === 'b@sim', 6_000);
    expect(others[0]?.leaders.fence(NAME)).toBeGreaterThan(fence);
  });

  test.each([
    ['close', (node: BarrelNode) => node.close()],
    ['leave', (node: BarrelNode) => node.leave()],
  ] as const)('elect the next one within 250 ms of a %s', async (_, end) => {
    const under = await cluster(4, 11);
    const { sim, nodes } = under;
    await elect(under);
    const [a, b, ...others] = nodes as [BarrelNode, BarrelNode, BarrelNode, BarrelNode];
    const since = sim.now;
    const ending = end(a);
    await sim.until(() => b.leaders.isLeader(NAME), 250);
    expect(sim.now - since).toBeLessThan(250);
    expect(a.leaders.leader(NAME)).toBeUndefined();
    await sim.until(() => leaderOf([b, ...others]) === 'b@sim', 1_000);
    await sim.settled(ending);
  });

  test('take a node that left back as a candidate when it has joined again', async () => {
    const under = await cluster(3, 12);
    const { sim, nodes } = under;
    const candidacies = await elect(under);
    const [a, b, c] = nodes as [BarrelNode, BarrelNode, BarrelNode];
    const words = told(candidacies[0] as Candidacy);
    await sim.settled(a.leave());
    await sim.until(() => leaderOf([b, c]) === 'b@sim', 1_000);
    await sim.settled(a.join('b@sim'));
    await sim.until(() => leaderOf(nodes) === 'b@sim', 5_000);
    await sim.advance(2_000);
    await candidacies[1]?.resign();
    await sim.until(() => leaderOf(nodes) === 'a@sim', 1_000);
    expect(words).toEqual(['revoked', 'elected']);
  });

  test('follow a leader through `watch`, which a slow reader gets the last word of', async () => {
    const under = await cluster(3, 13);
    const { sim, nodes } = under;
    const c = nodes[2] as BarrelNode;
    const abort = new AbortController();
    const watch = c.leaders.watch(NAME, { signal: abort.signal });
    const reader = watch[Symbol.asyncIterator]();
    expect((await reader.next()).value).toBeUndefined();
    const candidacies = await elect(under);
    expect((await sim.settled(reader.next())).value?.node).toBe('a@sim');
    await candidacies[0]?.resign();
    await sim.until(() => leaderOf(nodes) === 'b@sim', 2_000);
    expect((await sim.settled(reader.next())).value?.node).toBe('b@sim');
    const reason = new Error('enough');
    const waiting = reader.next();
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  test('end what watches when the node closes', async () => {
    const under = await cluster(1, 14);
    const node = under.nodes[0] as BarrelNode;
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const leader of node.leaders.watch(NAME)) seen.push(leader?.node);
    })();
    await node.leaders.campaign(NAME);
    await under.sim.advance(10);
    await under.sim.settled(node.close());
    await under.sim.settled(reading);
    expect(seen.at(-1)).toBeUndefined();
    expect(await codeOf(node.leaders.campaign(NAME))).toBe('ERR_CLOSED');
  });
});

describe('a leader that is cut off', () => {
  test('acts no more before another one does, and after the heal exactly one does', async () => {
    const under = await cluster(4, 15);
    const { sim, nodes } = under;
    await elect(under);
    const [a, ...others] = nodes as [BarrelNode, BarrelNode, BarrelNode, BarrelNode];
    const fence = a.leaders.fence(NAME);
    sim.partition(['a@sim'], ['b@sim', 'c@sim', 'd@sim']);
    const cutMs = sim.now;
    await sim.until(() => !a.leaders.isLeader(NAME), 2_500);
    expect(acting(others)).toEqual([]);
    await sim.until(() => acting(others).length === 1, 6_000);
    expect(sim.now - cutMs).toBeLessThan(6_000);
    expect(a.leaders.fence(NAME)).not.toBe(fence);
    await sim.advance(20_000);
    // Each side is a component of its own by now.
    expect(acting(nodes)).toEqual(['a@sim', 'b@sim']);
    sim.heal();
    await sim.until(() => sim.faults().length === 0, 60_000);
    await sim.until(() => leaderOf(nodes) !== undefined && acting(nodes).length === 1, 5_000);
    await sim.advance(5_000);
    expect(acting(nodes)).toEqual([leaderOf(nodes)]);
  });

  test('has no successor on a side with less than `minMembers`', async () => {
    const under = await cluster(5, 16);
    const { sim, nodes } = under;
    await elect(under, () => ({ minMembers: 3 }));
    const few = nodes.slice(0, 2);
    const most = nodes.slice(2);
    sim.partition(
      few.map(({ name }) => name),
      most.map(({ name }) => name),
    );
    await sim.until(() => acting(few).length === 0, 6_000);
    expect(acting(most)).toEqual([]);
    await sim.until(() => leaderOf(most) === 'c@sim', 8_000);
    await sim.advance(20_000);
    expect(acting(few)).toEqual([]);
    sim.heal();
    await sim.until(() => sim.faults().length === 0 && leaderOf(nodes) === 'c@sim', 60_000);
    expect(acting(nodes)).toEqual(['c@sim']);
  });

  test('does not act while its loop stands still, and not after it', async () => {
    const under = await cluster(3, 17);
    const { sim, nodes } = under;
    await elect(under);
    const a = nodes[0] as BarrelNode;
    const fence = a.leaders.fence(NAME);
    sim.stall('a@sim', 2_500);
    await sim.advance(1_900);
    expect(a.leaders.isLeader(NAME)).toBe(false);
    await sim.advance(5_000);
    expect(acting(nodes)).toHaveLength(1);
    expect(a.leaders.fence(NAME)).not.toBe(fence);
  });
});
