import { beforeAll, describe, expect, test } from 'vitest';
import type { CronPort } from '../../../src/core/schedule/contract.ts';
import { openCron } from '../../../src/reminders/cron.ts';

const NEW_YORK = 'America/New_York';
const START_MS = Date.parse('2026-01-01T00:00:00Z');

let cron: CronPort;

beforeAll(async () => {
  cron = await openCron();
});

interface Asked {
  readonly zone?: string | undefined;
  readonly from: string;
  readonly count: number;
}

/** The next times after a time, each after the one before. */
function times(expression: string, { zone, from, count }: Asked): readonly string[] {
  const found: string[] = [];
  let atMs: number | undefined = Date.parse(from);
  for (let left = count; left > 0; left -= 1) {
    atMs = cron.nextAfter(expression, zone, atMs);
    if (atMs === undefined) break;
    found.push(new Date(atMs).toISOString().replace(':00.000Z', 'Z'));
  }
  return found;
}

describe('an expression', () => {
  test('is due in UTC, without a zone, whatever the zone of the machine is', () => {
    expect(times('30 2 * * *', { from: '2026-03-07T12:00Z', count: 2 })).toEqual([
      '2026-03-08T02:30Z',
      '2026-03-09T02:30Z',
    ]);
  });

  test('is due after the given time, never at it', () => {
    const atMs = Date.parse('2026-01-01T00:05:00Z');
    expect(cron.nextAfter('*/5 * * * *', undefined, atMs - 1)).toBe(atMs);
    expect(cron.nextAfter('*/5 * * * *', undefined, atMs)).toBe(atMs + 300_000);
  });

  test('may have seconds and a year, weekdays, the last day, and nicknames', () => {
    expect(cron.nextAfter('*/20 * * * * *', undefined, START_MS + 500)).toBe(START_MS + 20_000);
    const asked = { from: '2026-01-01T00:00Z', count: 2 };
    expect(times('0 0 0 1 1 * 2100', asked)).toEqual(['2100-01-01T00:00Z']);
    expect(times('0 9 * * MON-FRI', asked)).toEqual(['2026-01-01T09:00Z', '2026-01-02T09:00Z']);
    expect(times('0 0 * * 5#3', asked)).toEqual(['2026-01-16T00:00Z', '2026-02-20T00:00Z']);
    expect(times('0 0 L * *', asked)).toEqual(['2026-01-31T00:00Z', '2026-02-28T00:00Z']);
    expect(times('0 0 29 2 *', asked)).toEqual(['2028-02-29T00:00Z', '2032-02-29T00:00Z']);
    expect(times('@daily', asked)).toEqual(['2026-01-02T00:00Z', '2026-01-03T00:00Z']);
  });

  test('gives the same answers again after many others were read', () => {
    const before = cron.nextAfter('0 0 29 2 *', NEW_YORK, START_MS);
    for (let at = 0; at < 1_000; at += 1) {
      const expression = `${at % 60} ${Math.floor(at / 60) % 24} ${1 + Math.floor(at / 1_440)} * *`;
      expect(cron.nextAfter(expression, undefined, START_MS)).toBeGreaterThan(START_MS);
    }
    expect(cron.nextAfter('0 0 29 2 *', NEW_YORK, START_MS)).toBe(before);
  });
});

describe('with daylight saving', () => {
  test('a time in the skipped hour is due at the end of the gap', () => {
    // 02:00 to 03:00 does not exist on the 8th; 03:00 is 07:00 UTC.
    const asked = { zone: NEW_YORK, from: '2026-03-07T12:00Z', count: 3 };
    expect(times('30 2 * * *', asked)).toEqual([
      '2026-03-08T07:00Z',
      '2026-03-09T06:30Z',
      '2026-03-10T06:30Z',
    ]);
    // Those of a list fall together.
    expect(times('15,30 2 * * *', asked)).toEqual([
      '2026-03-08T07:00Z',
      '2026-03-09T06:15Z',
      '2026-03-09T06:30Z',
    ]);
  });

  test('a time in the repeated hour is due once, the first time', () => {
    // 01:00 to 02:00 comes twice on the 1st: from 05:00 UTC and from 06:00 UTC.
    const asked = { zone: NEW_YORK, from: '2026-10-31T12:00Z', count: 3 };
    const twice = ['2026-11-01T05:30Z', '2026-11-02T06:30Z', '2026-11-03T06:30Z'];
    expect(times('30 1 * * *', asked)).toEqual(twice);
    // Also for whoever asks in the middle of it.
    for (const from of ['2026-11-01T05:30Z', '2026-11-01T05:59Z', '2026-11-01T06:29Z']) {
      expect(times('30 1 * * *', { ...asked, from, count: 2 })).toEqual(twice.slice(1));
    }
    expect(times('0,30 1 * * *', asked)).toEqual([
      '2026-11-01T05:00Z',
      '2026-11-01T05:30Z',
      '2026-11-02T06:00Z',
    ]);
  });

  test('steps go on by elapsed time, through the gap and through both hours', () => {
    expect(times('*/30 * * * *', { zone: NEW_YORK, from: '2026-03-08T06:00Z', count: 3 })).toEqual([
      '2026-03-08T06:30Z',
      '2026-03-08T07:00Z',
      '2026-03-08T07:30Z',
    ]);
    expect(times('*/30 * * * *', { zone: NEW_YORK, from: '2026-11-01T05:00Z', count: 4 })).toEqual([
      '2026-11-01T05:30Z',
      '2026-11-01T06:00Z',
      '2026-11-01T06:30Z',
      '2026-11-01T07:00Z',
    ]);
  });

  test('a gap of half an hour ends after half an hour', () => {
    // 02:00 to 02:30 does not exist on the 4th; 02:30 is 15:30 UTC of the 3rd.
    const asked = { zone: 'Australia/Lord_Howe', from: '2026-10-03T00:00Z', count: 2 };
    expect(times('15 2 * * *', asked)).toEqual(['2026-10-03T15:30Z', '2026-10-04T15:15Z']);
  });
});

describe('has no next time', () => {
  test.each([
    ['', undefined],
    ['now and then', undefined],
    ['* * * *', undefined],
    ['60 * * * *', undefined],
    ['@reboot', undefined],
  ])('what is no expression: %j', (expression, zone) => {
    expect(cron.nextAfter(expression, zone, START_MS)).toBeUndefined();
  });

  test('a date', () => {
    expect(cron.nextAfter('2026-12-01T00:00:00', undefined, START_MS)).toBeUndefined();
  });

  test('an expression that is never due, or not any more', () => {
    expect(cron.nextAfter('0 0 30 2 *', undefined, START_MS)).toBeUndefined();
    expect(cron.nextAfter('0 0 31 4,6,9,11 *', NEW_YORK, START_MS)).toBeUndefined();
    expect(cron.nextAfter('0 0 0 1 1 * 2020', undefined, START_MS)).toBeUndefined();
    // After the last year that it knows, and after the last time that there is.
    expect(cron.nextAfter('@daily', undefined, Date.UTC(10_500, 0))).toBeUndefined();
    expect(cron.nextAfter('@daily', undefined, Number.MAX_SAFE_INTEGER)).toBeUndefined();
  });

  test('one of more than 256 characters', () => {
    const longest = `${'5,'.repeat(123)}55 * * * *`;
    expect(longest).toHaveLength(256);
    expect(cron.nextAfter(longest, undefined, START_MS)).toBe(START_MS + 300_000);
    expect(cron.nextAfter(`${longest} `, undefined, START_MS)).toBeUndefined();
  });

  test.each(['Mars/Base', '+02:00', '', 'x'.repeat(65)])('in the zone %j', (zone) => {
    expect(cron.nextAfter('@daily', zone, START_MS)).toBeUndefined();
  });
});

test('a package that is not installed is named', async () => {
  const missing = Object.assign(new Error('not there'), { code: 'ERR_MODULE_NOT_FOUND' });
  await expect(openCron(() => Promise.reject(missing))).rejects.toMatchObject({
    code: 'ERR_OPTION',
    message: expect.stringContaining('npm install croner@11.0.1'),
    cause: missing,
  });
});
