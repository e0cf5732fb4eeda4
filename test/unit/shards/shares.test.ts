import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SELF, settledShards, shardsOf } from './played-port.ts';

test('shares are what members own by the table, by name, and make up the ring', async () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}@test$/), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(names, async (others) => {
      const { shards } = await settledShards(others.filter((name) => name !== SELF));
      const ring = [...Array(shards.ringSize).keys()];
      const shares = shards.shares();
      expect(shares.map(({ node }) => node)).toEqual([...new Set([SELF, ...others])].sort());
      for (const { node, partitions } of shares) {
        const own = ring.filter((partition) => shards.ownerOf(partition) === node);
        expect(partitions).toBe(own.length);
      }
    }),
    { numRuns: 30 },
  );
});

test('the epoch is that of the members that are known now', async () => {
  const { shards, port } = await shardsOf();
  const alone = shards.epoch;
  expect(alone).toMatch(/^[0-9a-f]{16}$/);
  shards.join();
  port.live([SELF, 'a@test']);
  const two = shards.epoch;
  expect(two).not.toBe(alone);
  expect(shards.shares()).toMatchObject([{ node: 'a@test' }, { node: SELF }].sort(byName));
  port.live([SELF]);
  expect(shards.epoch).toBe(alone);
});

test('a member with weight 0 has a share of nothing', async () => {
  const { shards, port } = await settledShards(['a@test']);
  port.live([SELF, 'a@test'], { 'a@test': 0 });
  expect(shards.shares()).toMatchObject([
    { node: 'a@test', weight: 0, partitions: 0 },
    { node: SELF, weight: 1, partitions: shards.ringSize },
  ]);
});

function byName(one: { readonly node: string }, other: { readonly node: string }): number {
  return one.node < other.node ? -1 : 1;
}
