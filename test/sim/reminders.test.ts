/** Reminders of whole nodes under random faults. `BARREL_REMINDER_SEED=n`: one seed. */
import { describe, expect, test } from 'vitest';
import { ReminderRun } from './reminder-cluster.ts';

const ONLY = process.env['BARREL_REMINDER_SEED'];

function seeds(count: number): readonly number[] {
  return ONLY === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(ONLY)];
}

describe('whole nodes', () => {
  test.each(seeds(3))('seed %i: without faults each is delivered exactly once', async (seed) => {
    const run = new ReminderRun({ seed, faults: 'none' });
    expect(await run.run(), `BARREL_REMINDER_SEED=${seed}`).toEqual([]);
  });

  test.each(seeds(4))('seed %i: crashes lose and double nothing', async (seed) => {
    const run = new ReminderRun({ seed, faults: 'crashes' });
    expect(await run.run(), `BARREL_REMINDER_SEED=${seed}`).toEqual([]);
  });

  test.each(seeds(4))('seed %i: partitions lose nothing, doubles have one fence', async (seed) => {
    const run = new ReminderRun({ seed, faults: 'all' });
    expect(await run.run(), `BARREL_REMINDER_SEED=${seed}`).toEqual([]);
  });
});
