/** `BARREL_SCHEDULE_SEED=n`: that seed alone. */
import { describe, expect, test } from 'vitest';
import { ScheduleRun, type ScheduleRunOptions } from './schedule-seeds.ts';

const ONLY = process.env['BARREL_SCHEDULE_SEED'];
const COUNT = Number(process.env['BARREL_SCHEDULE_SEEDS'] ?? 40);
const SEEDS = ONLY === undefined ? Array.from({ length: COUNT }, (_, i) => i + 1) : [Number(ONLY)];

function expectSeeds(options: Omit<ScheduleRunOptions, 'seed'>): void {
  for (const seed of SEEDS) {
    const run = new ScheduleRun({ seed, ...options });
    expect(run.run(), `BARREL_SCHEDULE_SEED=${seed}`).toEqual([]);
  }
}

describe('reminders on several nodes', () => {
  test('are delivered exactly once while nothing happens to the nodes', () => {
    expectSeeds({ trouble: 'none' });
  });

  test('are handled at least once by handlers that fail', () => {
    expectSeeds({ trouble: 'none', failures: 0.3 });
  });

  test('that come and leave: at most once is exactly once, at least once is not lost', () => {
    expectSeeds({ trouble: 'moves', failures: 0.1 });
  });

  test('that crash: at most once is 0 or 1, at least once is not lost', () => {
    expectSeeds({ trouble: 'crashes', failures: 0.1 });
  });

  test('that are split: at most once on each side, with hold at most once at all', () => {
    expectSeeds({ trouble: 'splits', failures: 0.1 });
  });
});
