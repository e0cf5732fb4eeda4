/** `BARREL_CUSTODY_SEED=n`: that seed alone. */
import { describe, expect, test } from 'vitest';
import { CustodyRun, type CustodyRunOptions } from './custody-seeds.ts';

const ONLY = process.env['BARREL_CUSTODY_SEED'];
const SEEDS = ONLY === undefined ? Array.from({ length: 150 }, (_, i) => i + 1) : [Number(ONLY)];

function expectSeeds(options: Omit<CustodyRunOptions, 'seed'>): void {
  for (const seed of SEEDS) {
    const run = new CustodyRun({ seed, ...options });
    expect(run.run(), `BARREL_CUSTODY_SEED=${seed}`).toEqual([]);
  }
}

describe('custody under random joins and leaves', () => {
  test('never has two holders, and ends with the owners', () => {
    expectSeeds({ hasCrashes: false });
  });

  test('never has two holders while work takes its time to end', () => {
    expectSeeds({ hasCrashes: false, workMs: [0, 3_000] });
  });

  test('never has two holders with crashes, either', () => {
    expectSeeds({ hasCrashes: true });
  });

  test('with crashes while work takes its time, has one when members are stable', () => {
    expectSeeds({ hasCrashes: true, workMs: [0, 3_000] });
  });
});
