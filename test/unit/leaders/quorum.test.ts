/** Elections with a quorum on whole nodes: voters that are away, that forget, and that split. */
import { describe, expect, test } from 'vitest';
import type { BarrelNode, CampaignOptions, Candidacy } from '../../../src/index.ts';
import { createSimulation } from '../../../src/testing/index.ts';
import { acting, clusterOf, leaderOf, NAME } from './clusters.ts';

const VOTERS = ['a@sim', 'b@sim', 'c@sim'];
const QUORUM: CampaignOptions = { quorum: { voters: VOTERS } };

async function campaign(nodes: readonly BarrelNode[]): Promise<void> {
  for (const node of nodes) await node.leaders.campaign(NAME, QUORUM);
}

describe('a cluster of five with three voters', () => {
  test('elects one that most voters agree to, and its side keeps it when a network splits', async () => {
    await using cluster = await clusterOf(5, 1);
    const { sim, nodes } = cluster;
    await sim.settled(campaign(nodes));
    await sim.until(() => leaderOf(nodes) === 'a@sim', 10_000);
    sim.partition(['a@sim', 'b@sim'], ['c@sim', 'd@sim', 'e@sim']);
    await sim.advance(20_000);
    expect(acting(nodes)).toEqual(['a@sim']);
    expect(sim.node('a@sim').leaders.fence(NAME)).toBeDefined();
  });

  test('has no leader on a side without most of the voters, however many nodes are there', async () => {
    await using cluster = await clusterOf(5, 2);
    const { sim, nodes } = cluster;
    await sim.settled(campaign(nodes));
    await sim.until(() => leaderOf(nodes) === 'a@sim', 10_000);
    const before = sim.node('a@sim').leaders.fence(NAME) ?? 0n;
    sim.partition(['a@sim', 'd@sim', 'e@sim'], ['b@sim', 'c@sim']);
    await sim.until(() => acting(nodes).length === 0, 2_000);
    await sim.until(() => acting(nodes).length > 0, 10_000);
    expect(acting(nodes)).toEqual(['b@sim']);
    expect(sim.node('b@sim').leaders.fence(NAME)).toBeGreaterThan(before);
    await sim.advance(20_000);
    expect(acting(nodes)).toEqual(['b@sim']);
    sim.heal();
    await sim.until(() => leaderOf(nodes) === 'b@sim', 60_000);
    expect(acting(nodes)).toEqual(['b@sim']);
  });

  test('three sides of which none has most voters have no leader', async () => {
    await using cluster = await clusterOf(5, 3);
    const { sim, nodes } = cluster;
    await sim.settled(campaign(nodes));
    await sim.until(() => leaderOf(nodes) === 'a@sim', 10_000);
    sim.partition(['a@sim'], ['b@sim', 'd@sim'], ['c@sim', 'e@sim']);
    await sim.advance(2_000);
    expect(acting(nodes)).toEqual([]);
    await sim.advance(30_000);
    expect(acting(nodes)).toEqual([]);
    sim.heal();
    await sim.until(() => acting(nodes).length === 1, 60_000);
  });

  test('a leader that closes is followed at once', async () => {
    await using cluster = await clusterOf(5, 4);
    const { sim, nodes } = cluster;
    await sim.settled(campaign(nodes));
    await sim.until(() => leaderOf(nodes) === 'a@sim', 10_000);
    const closing = nodes[0]?.close();
    await sim.until(() => sim.node('b@sim').leaders.isLeader(NAME), 250);
    await sim.settled(closing ?? Promise.resolve());
  });

  test.each(['closes', 'leaves'])(
    'so is one that %s and reaches a voter through another node only',
    async (how) => {
      await using cluster = await clusterOf(3, 13);
      const { sim, nodes } = cluster;
      const [a, b] = [sim.node('a@sim'), sim.node('b@sim')];
      sim.cut('a@sim', 'b@sim');
      sim.cut('b@sim', 'a@sim');
      await sim.advance(10_000);
      await sim.settled(campaign([a, b]));
      await sim.until(() => leaderOf(nodes) === 'a@sim', 10_000);
      await sim.advance(5_000);
      const ending = how === 'closes' ? a.close() : a.leave();
      await sim.until(() => b.leaders.isLeader(NAME), 250);
      await sim.settled(ending);
    },
  );

  test('a leader that crashes is followed when its death is known', async () => {
    await using cluster = await clusterOf(5, 5);
    const { sim, nodes } = cluster;
    await sim.settled(campaign(nodes));
    await sim.until(() => leaderOf(nodes) === 'a@sim', 10_000);
    sim.crash('a@sim');
    await sim.until(() => sim.node('b@sim').leaders.isLeader(NAME), 6_000);
  });

  test('candidates need not be voters, nor voters candidates', async () => {
    await using cluster = await clusterOf(5, 6);
    const { sim, nodes } = cluster;
    await sim.settled(campaign(nodes.slice(3)));
    await sim.until(() => leaderOf(nodes) === 'd@sim', 10_000);
    sim.crash('b@sim');
    await sim.advance(10_000);
    expect(acting(nodes.slice(3))).toEqual(['d@sim']);
    sim.crash('c@sim');
    await sim.until(() => !sim.node('d@sim').leaders.isLeader(NAME), 2_000);
    await sim.advance(20_000);
    expect(sim.node('e@sim').leaders.isLeader(NAME)).toBe(false);
  });
});

describe('voters that restart', () => {
  test.each([
    ['with a disk', '/data'],
    ['without', undefined],
  ])('%s, one after the other: the leader keeps its term', async (_, dataDir) => {
    await using cluster = await clusterOf(4, 7, { dataDir, drainMs: 0 });
    const { sim, nodes } = cluster;
    const leader = sim.node('d@sim');
    await sim.settled(campaign([leader]));
    await sim.until(() => leader.leaders.isLeader(NAME), 10_000);
    const fence = leader.leaders.fence(NAME);
    expect(nodes).toHaveLength(4);
    for (const voter of VOTERS) {
      sim.crash(voter);
      await sim.advance(1_000);
      await sim.restart(voter);
      await sim.advance(15_000);
    }
    expect(leader.leaders.fence(NAME)).toBe(fence);
  });

  test('all at once, with disks: the next term has a greater token', async () => {
    await using cluster = await clusterOf(4, 8, { dataDir: '/data', drainMs: 0 });
    const { sim } = cluster;
    const leader = sim.node('d@sim');
    await sim.settled(campaign([leader]));
    await sim.until(() => leader.leaders.isLeader(NAME), 10_000);
    const fence = leader.leaders.fence(NAME) ?? 0n;
    for (const voter of VOTERS) sim.crash(voter);
    for (const voter of VOTERS) await sim.restart(voter);
    await sim.until(() => !leader.leaders.isLeader(NAME), 2_000);
    await sim.until(() => leader.leaders.isLeader(NAME), 30_000);
    expect(leader.leaders.fence(NAME)).toBeGreaterThan(fence);
  });
});

describe('other voters', () => {
  const OTHERS: CampaignOptions = { quorum: { voters: ['d@sim'] } };

  test('are refused, with the reason', async () => {
    await using cluster = await clusterOf(4, 9);
    const { sim } = cluster;
    await sim.settled(sim.node('b@sim').leaders.campaign(NAME, QUORUM));
    await sim.advance(1_000);
    const refused = sim.node('a@sim').leaders.campaign(NAME, OTHERS);
    const text = /"nightly".*other voters: b@sim is one, with a@sim, b@sim, c@sim/;
    const fault = { code: 'ERR_CONFLICT', message: expect.stringMatching(text) };
    await expect(sim.settled(refused)).rejects.toThrow(expect.objectContaining(fault));
    await sim.until(() => sim.node('b@sim').leaders.isLeader(NAME), 10_000);
    expect(sim.node('c@sim').leaders.list()).toMatchObject([{ name: NAME, mode: 'quorum' }]);
  });

  test('are taken when all candidacies have ended, also right after a start', async () => {
    await using cluster = await clusterOf(3, 12, { dataDir: '/data', drainMs: 0 });
    const { sim, nodes } = cluster;
    await sim.settled(campaign(nodes));
    await sim.until(() => leaderOf(nodes) === 'a@sim', 10_000);
    for (const node of nodes) await sim.settled(node.close());
    await sim.restart('a@sim');
    const node = await sim.restart('b@sim');
    await sim.settled(node.leaders.campaign(NAME, { quorum: { voters: ['b@sim'] } }));
    await sim.until(() => node.leaders.isLeader(NAME), 10_000);
  });

  test('of two that meet one goes, and a job under it ends with the reason', async () => {
    await using cluster = await clusterOf(4, 10);
    const { sim } = cluster;
    sim.partition(['a@sim', 'b@sim', 'c@sim'], ['d@sim']);
    await sim.advance(20_000);
    const stays: Candidacy = await sim.settled(sim.node('b@sim').leaders.campaign(NAME, QUORUM));
    await sim.until(() => stays.role === 'leader', 10_000);
    const job = async ({ signal }: { signal: AbortSignal }): Promise<void> => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    const run = sim.node('d@sim').leaders.run(NAME, job, { quorum: { voters: ['a@sim'] } });
    const ended = expect(run).rejects.toThrow(expect.objectContaining({ code: 'ERR_CONFLICT' }));
    sim.heal();
    await sim.until(
      () => !sim.node('d@sim').leaders.list()[0]?.candidates.includes('d@sim'),
      60_000,
    );
    await sim.settled(ended);
    expect(stays.role).toBe('leader');
  });

  test('a global name with voters has one holder in all', async () => {
    await using cluster = await clusterOf(4, 11);
    const { sim, nodes } = cluster;
    for (const node of nodes) await node.services.register('printer', {});
    const quorum = { voters: VOTERS };
    const [first, last] = [sim.node('a@sim'), sim.node('d@sim')];
    const pid = await sim.settled(first.services.globalRegister('printer', { quorum }));
    sim.partition(['a@sim'], ['b@sim', 'c@sim', 'd@sim']);
    await sim.until(() => last.services.globalWhereis('printer') === undefined, 20_000);
    await sim.settled(last.services.globalRegister('printer', { quorum }));
    expect(first.services.globalWhereis('printer')).toBeUndefined();
    expect(last.services.globalWhereis('printer')).not.toBe(pid);
  });

  test('options that are no quorum are refused, with the rule', async () => {
    const sim = createSimulation({ seed: 1 });
    const node = await sim.start({ name: 'a@sim' });
    for (const voters of [
      [],
      ['a@sim', 'b@sim'],
      ['a@sim', 'a@sim', 'b@sim'],
      ['a'],
      [1],
      'a@sim',
    ]) {
      const wrong = node.leaders.campaign(NAME, { quorum: { voters } } as CampaignOptions);
      const text = /`quorum` must be { voters: \[...\] } with an odd number of different names/;
      await expect(wrong).rejects.toThrow(text);
    }
    await sim[Symbol.asyncDispose]();
  });
});
