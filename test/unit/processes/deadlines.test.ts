/** Few lists and timers, whatever time-outs are asked for. */
import { expect, test } from 'vitest';
import {
  type DeadlineEntry,
  type DeadlineList,
  Deadlines,
} from '../../../src/processes/deadlines.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

test('ten thousand different time-outs that are over leave few lists', () => {
  const time = new VirtualTime();
  const deadlines = new Deadlines({ clock: time, timers: time });
  for (let n = 0; n < 10_000; n += 1) {
    const entry = new Entry(() => {});
    deadlines.add(entry, 50_000 + n * 37.5);
    deadlines.remove(entry);
  }
  expect(deadlines.listCount).toBeLessThanOrEqual(64);
});

test('time-outs are rounded up: by less than a millisecond, long ones by a hundredth', async () => {
  const time = new VirtualTime();
  const deadlines = new Deadlines({ clock: time, timers: time });
  const ended: [number, number][] = [];
  for (const timeoutMs of [0, 0.5, 12.25, 999, 1_001, 59_999, 60_001, 2 ** 31 - 1]) {
    deadlines.add(new Entry(() => ended.push([timeoutMs, time.monotonicMs()])), timeoutMs);
  }
  await time.advance(61_000);
  expect(ended.map(([, atMs]) => atMs)).toEqual([0, 1, 13, 999, 1_010, 60_000, 60_500]);
  deadlines.close();
});

test('an entry that expires may begin the next one of the same time-out', async () => {
  const time = new VirtualTime();
  const deadlines = new Deadlines({ clock: time, timers: time });
  // So many others that lists without entries are dropped at once.
  for (let n = 0; n < 100; n += 1) deadlines.add(new Entry(() => {}), 10_000 + n * 10);
  let count = 0;
  const again = (): void => {
    count += 1;
    if (count < 5) deadlines.add(new Entry(again), 10);
  };
  again();
  await time.advance(200);
  expect(count).toBe(5);
  deadlines.close();
});

class Entry implements DeadlineEntry {
  dueMs = 0;
  earlier: DeadlineEntry | undefined;
  later: DeadlineEntry | undefined;
  list: DeadlineList | undefined;
  readonly expire: () => void;

  constructor(expire: () => void) {
    this.expire = expire;
  }
}
