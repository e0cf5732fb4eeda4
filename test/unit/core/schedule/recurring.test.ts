import { describe, expect, test } from 'vitest';
import { readReminderId } from '../../../../src/core/schedule/reminder-id.ts';
import { APART_MAX } from '../../../../src/core/schedule/schedule-limits.ts';
import { DrivenBook, LEAST_ONCE, START_MS } from './driven-book.ts';
import { DAY_MS, dueAtTimes, halfPastTwo, leapDays } from './played-cron.ts';

const EVERY = { everyMs: 10_000 };

/** A node that could not handle anything for so long. */
function away(ms: number, options: object): DrivenBook {
  const node = new DrivenBook();
  node.every('k', EVERY, options);
  node.canHandle = () => false;
  node.run(ms);
  node.canHandle = () => true;
  node.do({ kind: 'handlersChanged' });
  return node;
}

describe('a series of which many occurrences are dead', () => {
  const options = { ...LEAST_ONCE, maxAttempts: 1, overlap: 'allow' } as const;

  function failing(count: number): DrivenBook {
    const node = new DrivenBook();
    node.every('k', { everyMs: 1_000 }, options);
    for (let n = 0; n < count; n += 1) {
      node.run(1_000);
      node.reject();
    }
    return node;
  }

  test('looks at no more records for one more than one of which few are', () => {
    const [few, many] = [failing(3), failing(300)].map((node) => {
      const before = node.reads;
      node.run(1_000);
      node.reject();
      return node.reads - before;
    });
    expect(many).toBe(few);
  });

  test('keeps the last 1,000 of them', () => {
    const node = failing(APART_MAX + 3);
    expect([node.apart.length, node.count('dead'), node.count('dropped')]).toEqual([
      APART_MAX,
      APART_MAX + 3,
      3,
    ]);
    const [oldest] = node.apart;
    expect(readReminderId(oldest ?? '').occurrence).toBe(3);
  });
});

describe('what a store that is full refuses', () => {
  test('is counted when it is written, once', () => {
    const node = new DrivenBook();
    node.every('k', EVERY, { ...LEAST_ONCE, maxAttempts: 1 });
    node.run(10_000);
    node.disk = 'refuses';
    node.reject();
    node.run(60_000);
    expect([node.count('dead'), node.count('skipped')]).toEqual([0, 0]);
    node.disk = 'works';
    node.run(2_000);
    expect([node.count('dead'), node.apart.length]).toEqual([1, 1]);
  });

  test('passes nothing over, again and again', () => {
    const node = new DrivenBook();
    node.every('k', EVERY);
    node.canHandle = () => false;
    node.run(100_000);
    node.canHandle = () => true;
    node.disk = 'refuses';
    node.do({ kind: 'handlersChanged' });
    node.run(5_000);
    expect(node.count('skipped')).toBe(0);
    node.disk = 'works';
    node.run(2_000);
    expect(node.count('skipped')).toBe(9);
  });
});

describe('a reminder that fires once and may be skipped', () => {
  test('is removed when it is more than a minute late', () => {
    const node = new DrivenBook();
    node.canHandle = () => false;
    const id = node.set('k', 10_000, { missed: 'skip' });
    node.run(70_001);
    node.canHandle = () => true;
    node.do({ kind: 'handlersChanged' });
    expect([node.deliveries.length, node.store.has(id), node.count('skipped')]).toEqual([
      0,
      false,
      1,
    ]);
  });

  test('fires when it is set for a time that is past', () => {
    const node = new DrivenBook();
    node.set('k', -600_000, { missed: 'skip' });
    expect(node.deliveries.length).toBe(1);
  });
});

describe('a recurring reminder', () => {
  test('is due again one period after it was due, however late it was handled', () => {
    const node = new DrivenBook();
    node.every('k', EVERY, LEAST_ONCE);
    for (let i = 0; i < 5; i += 1) {
      node.run(10_000 - (i === 0 ? 0 : 4_321));
      node.run(4_321);
      node.end();
    }
    expect(node.dueSeconds).toEqual([10, 20, 30, 40, 50]);
  });

  test('has a fence of its own for each occurrence, greater each time', () => {
    const node = new DrivenBook();
    node.every('k', EVERY);
    node.run(50_000);
    const fences = node.deliveries.map(({ fence }) => fence);
    expect(fences).toEqual([0n, 1n, 2n, 3n, 4n].map((n) => (fences[0] ?? 0n) + n));
  });

  test('at least once: the next occurrence is written together with the end of this one', () => {
    const node = new DrivenBook();
    const id = node.every('k', EVERY, LEAST_ONCE);
    node.run(10_000);
    const before = node.writes.length;
    node.end();
    expect(node.writes.slice(before).flat()).toMatchObject([
      { id, record: { occurrence: 1, step: 0, dueAtMs: START_MS + 20_000 } },
    ]);
  });

  test('at most once: it is written before delivery', () => {
    const node = new DrivenBook();
    node.disk = 'waits';
    const id = node.every('k', EVERY);
    node.run(10_000);
    expect([node.get(id).occurrence, node.deliveries.length]).toEqual([1, 0]);
    node.written();
    expect(node.deliveries.length).toBe(1);
  });

  test('at most once: deliveries may overlap', () => {
    const node = new DrivenBook();
    node.every('k', EVERY);
    node.run(30_000);
    expect([node.deliveries.length, node.book.busyCount]).toEqual([3, 3]);
  });

  test('ends when it is never due again', () => {
    const times = [START_MS + 1_000, START_MS + 2_000];
    const node = new DrivenBook({ cron: dueAtTimes(times) });
    node.every('k', { cron: 'twice' });
    node.run(5_000);
    expect([node.deliveries.length, node.store.size]).toEqual([2, 0]);
  });

  test('is cancelled between two occurrences', () => {
    const node = new DrivenBook();
    const id = node.every('k', EVERY);
    node.run(25_000);
    node.remove(id);
    node.run(100_000);
    expect(node.deliveries.length).toBe(2);
  });

  test('tries a failed occurrence again, and the next one is due as before', () => {
    const node = new DrivenBook();
    node.every('k', EVERY, LEAST_ONCE);
    node.run(10_000);
    node.reject();
    node.run(1_000);
    node.end();
    node.run(9_000);
    expect(node.dueSeconds).toEqual([10, 10, 20]);
    const [first, again, next] = node.deliveries;
    expect(again?.fence).toBe(first?.fence);
    expect(next?.fence).toBe((first?.fence ?? 0n) + 1n);
  });

  test('goes on when an occurrence is dead, which is kept under an id of its own', () => {
    const node = new DrivenBook();
    const id = node.every('k', EVERY, { ...LEAST_ONCE, maxAttempts: 1 });
    node.run(10_000);
    node.reject('broken');
    const [dead = ''] = node.apart;
    expect([node.state(dead), node.state(id), node.get(id).occurrence]).toEqual([
      'dead 1',
      'scheduled 0',
      1,
    ]);
    node.run(10_000);
    node.end();
    expect([node.dueSeconds, node.store.has(dead)]).toEqual([[10, 20], true]);
  });

  test('retries a dead occurrence beside the series, with its fence', () => {
    const node = new DrivenBook();
    node.every('k', EVERY, { ...LEAST_ONCE, maxAttempts: 1 });
    node.run(10_000);
    node.reject();
    node.change(node.apart[0] ?? '', {
      state: { kind: 'scheduled', attempt: 0, notBeforeMs: node.wallMs, error: 'no' },
    });
    expect(node.deliveries[1]?.fence).toBe(node.deliveries[0]?.fence);
    node.end();
    expect([node.apart.length, node.store.size]).toEqual([0, 1]);
  });
});

describe('missed occurrences', () => {
  test('once: the latest is fired', () => {
    const node = away(45_000, { missed: 'once' });
    expect(node.dueSeconds).toEqual([40]);
    expect(node.count('skipped')).toBe(3);
    node.run(5_000);
    expect(node.dueSeconds).toEqual([40, 50]);
  });

  test('once: also when it is hours late', () => {
    const node = new DrivenBook();
    node.every('k', { everyMs: DAY_MS });
    node.canHandle = () => false;
    node.run(DAY_MS + 5 * 3_600_000);
    node.canHandle = () => true;
    node.do({ kind: 'handlersChanged' });
    expect(node.dueSeconds).toEqual([86_400]);
  });

  test('skip: an earlier one is passed over, the latest fires while it is not 60 s late', () => {
    const node = away(45_000, { missed: 'skip' });
    expect(node.dueSeconds).toEqual([40]);
  });

  test.each([
    [60_000, 1, 0],
    [60_001, 0, 1],
  ])('skip: one that is %i ms late, with none after it', (lateMs, fired, skipped) => {
    const node = new DrivenBook();
    const id = node.every('k', { everyMs: 600_000 }, { missed: 'skip' });
    node.canHandle = () => false;
    node.run(600_000 + lateMs);
    node.canHandle = () => true;
    node.do({ kind: 'handlersChanged' });
    expect([node.deliveries.length, node.count('skipped')]).toEqual([fired, skipped]);
    expect(node.get(id)).toMatchObject({ occurrence: 1, dueAtMs: START_MS + 1_200_000 });
  });

  test.each(['at-most-once', 'at-least-once'])('catchUp: the latest few, %s', (delivery) => {
    const node = away(95_000, { delivery, missed: { catchUp: 3 } });
    node.end();
    if (delivery === 'at-least-once') for (const _ of [1, 2]) node.end();
    expect(node.dueSeconds).toEqual([70, 80, 90]);
    expect(node.count('skipped')).toBe(6);
    node.run(5_000);
    expect(node.dueSeconds).toEqual([70, 80, 90, 100]);
  });

  test('catchUp: one after the other', () => {
    const node = away(35_000, { ...LEAST_ONCE, missed: { catchUp: 1_000 } });
    expect(node.dueSeconds).toEqual([10]);
    node.end();
    expect(node.dueSeconds).toEqual([10, 20]);
    expect(node.count('skipped')).toBe(0);
  });

  test('catchUp: goes on from an occurrence that was written to before', () => {
    const node = new DrivenBook();
    const id = node.every('k', EVERY, { ...LEAST_ONCE, missed: { catchUp: 5 } });
    node.run(10_000);
    node.end({ kind: 'undelivered' });
    node.canHandle = () => false;
    node.run(25_000);
    expect(node.state(id)).toBe('scheduled 0');
    node.canHandle = () => true;
    node.do({ kind: 'handlersChanged' });
    expect([node.dueSeconds, node.get(id).catchUpLeft]).toEqual([[10, 10], 2]);
  });

  test('an occurrence that was begun is not missed, however long it takes', () => {
    const node = new DrivenBook();
    node.every('k', EVERY, { ...LEAST_ONCE, missed: 'skip', backoffMs: 300_000 });
    node.run(10_000);
    node.reject();
    node.run(300_000);
    expect(node.deliveries.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(node.dueSeconds).toEqual([10, 10]);
  });

  test('a step of the wall clock over many occurrences fires the latest', () => {
    const node = new DrivenBook();
    node.every('k', EVERY);
    node.step(3_600_000);
    node.run(30_000);
    expect(node.dueSeconds[0]).toBe(3_600 + 10);
  });

  test('a wall clock that was set back fires no occurrence again', () => {
    const node = new DrivenBook();
    node.every('k', EVERY);
    node.run(30_000);
    node.step(-25_000);
    node.run(34_999);
    expect(node.dueSeconds).toEqual([10, 20, 30]);
    node.run(1);
    expect(node.dueSeconds).toEqual([10, 20, 30, 40]);
  });
});

describe('overlap', () => {
  /** Handled from 10 s to 45 s. */
  function overlapped(overlap: string): DrivenBook {
    const node = new DrivenBook();
    node.every('k', EVERY, { ...LEAST_ONCE, overlap });
    node.run(45_000);
    node.end(undefined, 0);
    return node;
  }

  test('skip: what was due meanwhile is passed over', () => {
    const node = overlapped('skip');
    expect([node.dueSeconds, node.count('skipped')]).toEqual([[10], 3]);
    node.run(5_000);
    expect(node.dueSeconds).toEqual([10, 50]);
  });

  test('queue: one of them, the latest, has its turn afterwards', () => {
    const node = overlapped('queue');
    expect([node.dueSeconds, node.count('skipped')]).toEqual([[10, 40], 2]);
    node.end();
    node.run(5_000);
    expect(node.dueSeconds).toEqual([10, 40, 50]);
  });

  test('queue: the queued one is not missed, though it is late', () => {
    const node = new DrivenBook();
    node.every('k', { everyMs: 600_000 }, { ...LEAST_ONCE, overlap: 'queue', missed: 'skip' });
    node.run(1_500_000);
    node.end();
    expect(node.dueSeconds).toEqual([600, 1_200]);
  });

  test('allow: each fires in its time, those that run have ids of their own', () => {
    const node = new DrivenBook();
    const id = node.every('k', EVERY, { ...LEAST_ONCE, overlap: 'allow' });
    node.run(35_000);
    expect([node.dueSeconds, node.apart.length]).toEqual([[10, 20, 30], 2]);
    expect(node.deliveries.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
    node.end(undefined, 1);
    node.end(undefined, 0);
    expect(node.apart).toEqual([]);
    node.end(undefined, 2);
    expect([node.state(id), node.get(id).occurrence]).toEqual(['scheduled 0', 3]);
    expect(node.book.busyCount).toBe(0);
  });

  test('allow: one of its own is renewed, fails, is tried again, and is done', () => {
    const node = new DrivenBook();
    node.every('k', EVERY, { ...LEAST_ONCE, overlap: 'allow' });
    node.run(20_000);
    const [own = ''] = node.apart;
    const { step } = node.get(own);
    node.run(5_000);
    expect(node.get(own).step).toBeGreaterThan(step);
    node.reject('no', 0);
    node.run(1_000);
    expect(node.deliveries.at(-1)).toMatchObject({ attempt: 2, fence: node.deliveries[0]?.fence });
    node.end();
    expect(node.store.has(own)).toBe(false);
  });

  test('allow: a retry does not delay the next one', () => {
    const node = new DrivenBook();
    node.every('k', EVERY, { ...LEAST_ONCE, overlap: 'allow', backoffMs: 15_000 });
    node.run(10_000);
    node.reject();
    node.run(10_000);
    expect(node.dueSeconds).toEqual([10, 20]);
    node.run(5_000);
    expect(node.dueSeconds).toEqual([10, 20, 10]);
  });

  test('allow: what could not be split off is not delivered a second time', () => {
    const node = new DrivenBook();
    const id = node.every('k', EVERY, { ...LEAST_ONCE, overlap: 'allow' });
    node.run(10_000);
    node.disk = 'refuses';
    node.run(10_500);
    expect([node.deliveries.length, node.apart.length]).toEqual([1, 0]);
    node.disk = 'works';
    node.end();
    node.run(0);
    expect(node.dueSeconds).toEqual([10, 20]);
    expect(node.get(id).occurrence).toBe(1);
  });

  test('allow: set again gives up all that runs', () => {
    const node = new DrivenBook();
    node.every('k', EVERY, { ...LEAST_ONCE, overlap: 'allow' });
    node.run(25_000);
    node.every('k', { everyMs: 3_600_000 });
    expect([node.abandoned.length, node.apart.length, node.store.size]).toEqual([2, 0, 1]);
  });
});

describe('cron', () => {
  test('is due in 2104 for the leap day after that of 2096', () => {
    const node = new DrivenBook({ cron: leapDays });
    const id = node.every('k', { cron: '0 12 29 2 *' });
    const dueAtMs = Date.UTC(2096, 1, 29, 12);
    const { schedule } = node.get(id);
    node.change(id, { schedule: { ...schedule, anchorMs: dueAtMs } as typeof schedule, dueAtMs });
    node.step(dueAtMs - node.wallMs);
    node.run(30_000);
    expect(node.deliveries).toMatchObject([{ dueAtMs }]);
    expect(node.get(id).dueAtMs).toBe(Date.UTC(2104, 1, 29, 12));
  });

  test('skips a local time that does not exist, and fires one that comes twice once', () => {
    const day = Math.floor(START_MS / DAY_MS) + 10;
    const summer = [day * DAY_MS + 2 * 3_600_000, (day + 3) * DAY_MS + 2 * 3_600_000] as const;
    const node = new DrivenBook({ cron: halfPastTwo(summer) });
    node.every('k', { cron: '30 2 * * *', timeZone: 'Played/Zone' });
    node.step((day - 1) * DAY_MS - node.wallMs);
    node.run(6 * DAY_MS);
    const hours = node.deliveries.slice(1).map(({ dueAtMs }) => dueAtMs / 3_600_000 - day * 24);
    // 02:30 of the day before, then in summer time, then once on the day that has it twice.
    expect(hours).toEqual([-21.5, 25.5, 49.5, 73.5, 98.5]);
  });

  test('finds the latest of very many that were missed with few questions', () => {
    let asked = 0;
    const node = new DrivenBook({
      cron: {
        nextAfter: (_expression, _timeZone, afterMs) => {
          asked += 1;
          return (Math.floor(afterMs / 60_000) + 1) * 60_000;
        },
      },
    });
    node.every('k', { cron: '* * * * *' });
    node.step(400 * DAY_MS);
    asked = 0;
    node.run(30_000);
    expect(node.deliveries.length).toBe(1);
    expect(node.deliveries[0]?.lateMs).toBeLessThan(60_000);
    expect(asked).toBeLessThan(100);
  });
});
