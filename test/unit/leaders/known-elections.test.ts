/** What whole nodes tell of the elections that they know. */
import { expect, test } from 'vitest';
import type { BarrelNode } from '../../../src/index.ts';
import { clusterOf, elect, leaderOf, NAME } from './clusters.ts';

test('every node knows every election, its leader with the fence, and who stands', async () => {
  await using under = await clusterOf(3, 31);
  const { sim, nodes } = under;
  const [a, b, c] = nodes as [BarrelNode, BarrelNode, BarrelNode];
  expect(c.leaders.list()).toEqual([]);
  const candidacies = await elect(under, (node) => ({ priority: node === b ? 1 : 0 }));
  await sim.until(() => leaderOf(nodes) === 'b@sim', 5_000);
  const leader = { ...c.leaders.leader(NAME), fence: b.leaders.fence(NAME) };
  const candidates = ['b@sim', 'a@sim', 'c@sim'];
  for (const node of nodes) {
    expect(node.leaders.list()).toEqual([{ name: NAME, leader, candidates, mode: 'lease' }]);
  }
  for (const candidacy of candidacies) await sim.settled(candidacy.resign());
  await sim.until(() => a.leaders.list().length === 0, 5_000);
});

test('the elections of global names are among them, sorted by name', async () => {
  await using under = await clusterOf(2, 32);
  const { sim, nodes } = under;
  const [a, b] = nodes as [BarrelNode, BarrelNode];
  await sim.settled(a.services.register('shop', { open: () => true }));
  await sim.settled(a.leaders.campaign(NAME));
  const pid = await sim.settled(a.services.globalRegister('shop'));
  await sim.until(() => b.leaders.list().every(({ leader }) => leader !== undefined), 5_000);
  const known = b.leaders.list();
  expect(known.map(({ name }) => name)).toEqual(['barrel:global:shop', NAME]);
  expect(known[0]).toMatchObject({ leader: { node: 'a@sim', pid }, candidates: ['a@sim'] });
});
