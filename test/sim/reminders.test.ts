/**
 * Reminders of whole nodes under random faults. `BARREL_REMINDER_SEED=n`: that seed alone;
 * `BARREL_REMINDER_SEED=1..300`: those, of each kind.
 */
import { describe, expect, test } from 'vitest';
import { ReminderRun } from './reminder-cluster.ts';

const ONLY = process.env['BARREL_REMINDER_SEED'];

function seeds(count: number): readonly number[] {
  const [first = 1, last = first] = (ONLY ?? `1..${count}`).split('..').map(Number);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
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
