/** Cron expressions while their reader is not loaded, and where it is not installed. */
import { expect, test } from 'vitest';
import type { CronPort } from '../../../src/core/schedule/contract.ts';
import type { ReminderRecord } from '../../../src/core/schedule/record.ts';
import { BarrelError } from '../../../src/errors.ts';
import type { Logger } from '../../../src/host/logger.ts';
import { CronGate } from '../../../src/reminders/cron-gate.ts';
import { settlement } from '../../../src/settlement.ts';
import { recordOf } from './played-reminder-store.ts';

const PORT: CronPort = { nextAfter: (_expression, _zone, afterMs) => afterMs + 60_000 };
const ONCE: ReminderRecord = recordOf();
const CRON: ReminderRecord = {
  ...ONCE,
  schedule: { kind: 'cron', expression: '* * * * *', timeZone: undefined, anchorMs: 0 },
};

function loggerOf(errors: string[]): Logger {
  const quiet = (): void => {};
  return { debug: quiet, info: quiet, warn: quiet, error: (text) => errors.push(text) };
}

test('a record without an expression passes, and loads nothing', () => {
  let loads = 0;
  const gate = new CronGate(async () => {
    loads += 1;
    return PORT;
  }, loggerOf([]));
  expect(gate.admit('id', ONCE)).toBe(ONCE);
  expect(gate.admit('id', undefined)).toBe(undefined);
  expect(loads).toBe(0);
});

test('a record with one is held back until the reader is there, then told of', async () => {
  const loaded = settlement<CronPort>();
  const told: string[] = [];
  const gate = new CronGate(() => loaded.promise, loggerOf([]));
  gate.onOpen((ids) => told.push(...ids));
  expect(gate.admit('one', CRON)).toBe(undefined);
  expect(gate.admit('two', CRON)).toBe(undefined);
  expect(gate.nextAfter('* * * * *', undefined, 0)).toBe(undefined);
  loaded.resolve(PORT);
  await gate.opened();
  expect(told).toEqual(['one', 'two']);
  expect(gate.admit('one', CRON)).toBe(CRON);
  expect(gate.nextAfter('* * * * *', undefined, 0)).toBe(60_000);
});

test('without the reader they are held back for good, and the log is told once', async () => {
  const missing = new BarrelError('ERR_OPTION', 'croner is not installed');
  const errors: string[] = [];
  const gate = new CronGate(() => Promise.reject(missing), loggerOf(errors));
  expect(gate.admit('one', CRON)).toBe(undefined);
  await expect(gate.opened()).rejects.toBe(missing);
  expect(gate.admit('two', CRON)).toBe(undefined);
  await Promise.resolve();
  expect(errors).toEqual(['reminders with cron expressions do not fire on this node']);
});
