/** Replicated stores under random faults: 200 seeds. `BARREL_STORE_SEED=n` runs that one alone. */
import { expect, test } from 'vitest';
import { StoreRun } from './store-seeds.ts';

const ONLY = process.env['BARREL_STORE_SEED'];
const SEEDS = ONLY === undefined ? Array.from({ length: 200 }, (_, i) => i + 1) : [Number(ONLY)];
const SHARD = 25;

for (let from = 0; from < SEEDS.length; from += SHARD) {
  const seeds = SEEDS.slice(from, from + SHARD);
  test(`seeds ${seeds[0]} to ${seeds.at(-1)}: all replicas end equal, and nothing is lost or comes back`, async () => {
    for (const seed of seeds) {
      const faults = await new StoreRun(seed).run();
      expect(faults, `BARREL_STORE_SEED=${seed}`).toEqual([]);
    }
  });
}
