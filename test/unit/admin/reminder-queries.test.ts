import { describe, expect, test } from 'vitest';
import { parseRequest } from '../../../src/admin/control-protocol.ts';
import { EventStream } from '../../../src/admin/control-server.ts';
import { answerReminders } from '../../../src/admin/node-reminders.ts';
import type { ReminderQuery } from '../../../src/admin/reminder-queries.ts';
import { BarrelError } from '../../../src/errors.ts';
import { PlayedReminders, reminderOf } from './played-reminders.ts';

const NEVER = new AbortController().signal;
const KEY = '["invoice",{"$bigint":"7"}]';

describe('requests about reminders', () => {
  test('carry a key, a payload, a time and options', () => {
    const more = `"key":${KEY},"payload":{"$undefined":true},"options":{"maxAttempts":3}`;
    const words = { key: ['invoice', 7n], payload: undefined, options: { maxAttempts: 3 } };
    expect(parseRequest(`{"id":1,"method":"remindSet","atMs":9,${more}}`).query).toEqual({
      method: 'remindSet',
      atMs: 9,
      ...words,
    });
    expect(parseRequest(`{"id":1,"method":"remindAfter","delayMs":9,${more}}`).query).toEqual({
      method: 'remindAfter',
      delayMs: 9,
      ...words,
    });
    const schedule = { cron: '@daily', timeZone: 'Europe/Berlin' };
    const every = `{"id":1,"method":"remindEvery","schedule":${JSON.stringify(schedule)},${more}}`;
    expect(parseRequest(every).query).toEqual({ method: 'remindEvery', schedule, ...words });
  });

  test('name a key, or those that are listed', () => {
    for (const method of ['remindCancel', 'remindRetry']) {
      const line = `{"id":1,"method":"${method}","key":${KEY}}`;
      expect(parseRequest(line).query).toEqual({ method, key: ['invoice', 7n] });
    }
    expect(parseRequest('{"id":1,"method":"remindList"}').query).toEqual({ method: 'remindList' });
    const line = `{"id":1,"method":"remindList","prefix":${KEY},"state":"dead","limit":5}`;
    expect(parseRequest(line).query).toEqual({
      method: 'remindList',
      prefix: ['invoice', 7n],
      state: 'dead',
      limit: 5,
    });
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['"method":"remindSet","key":"k","atMs":1', /`payload` is missing/],
    ['"method":"remindSet","payload":1,"atMs":1', /`key` is missing/],
    ['"method":"remindSet","key":{"a":1},"payload":1,"atMs":1', /key/],
    ['"method":"remindSet","key":"k","payload":1', /`atMs` must be a number/],
    ['"method":"remindAfter","key":"k","payload":1,"delayMs":"1"', /`delayMs` must be a number/],
    ['"method":"remindAfter","key":"k","payload":1,"delayMs":1,"options":[]', /`options` must be/],
    [
      '"method":"remindAfter","key":"k","payload":1,"delayMs":1,"options":{"signal":1}',
      /`signal` is not an option/,
    ],
    ['"method":"remindEvery","key":"k","payload":1', /`schedule` must be/],
    ['"method":"remindEvery","key":"k","payload":1,"schedule":{}', /`schedule` must be/],
    ['"method":"remindEvery","key":"k","payload":1,"schedule":"@daily"', /`schedule` must be/],
    ['"method":"remindCancel"', /`key` is missing/],
    ['"method":"remindList","prefix":"k"', /`prefix` must be a list/],
    ['"method":"remindList","prefix":[{"a":1}]', /key/],
    ['"method":"remindList","state":"late"', /`state` must be one of scheduled, claimed, dead/],
    ['"method":"remindList","limit":0', /`limit` must be an integer from 1 to/],
    ['"method":"remindDrop"', /`method` must be one of .*remindList/],
  ];
  test.each(wrong)('that are wrong are refused and say why: %s', (words, why) => {
    expect(() => parseRequest(`{"id":1,${words}}`)).toThrow(why);
    expect(() => parseRequest(`{"id":1,${words}}`)).toThrow(BarrelError);
  });
});

describe('the reminders of a node', () => {
  const words = { key: 'tea', payload: 7n, options: { delivery: 'at-least-once' } } as const;

  test('are set, and what is set is told, until it has fired', async () => {
    const tea = reminderOf({ key: 'tea', payload: 7n, dueAt: new Date(9) });
    const played = new PlayedReminders([tea]);
    expect(await asked(played, { method: 'remindSet', atMs: 9, ...words })).toEqual({
      key: 'tea',
      dueAt: '1970-01-01T00:00:00.009Z',
      payload: { $bigint: '7' },
      state: 'scheduled',
      attempt: 0,
      error: null,
    });
    const none = new PlayedReminders();
    expect(await asked(none, { method: 'remindAfter', delayMs: 9, ...words })).toBeNull();
    const schedule = { everyMs: 1_000 };
    expect(await asked(none, { method: 'remindEvery', schedule, ...words })).toBeNull();
    const options = { delivery: 'at-least-once' };
    expect(played.calls).toEqual([['set', 'tea', 9, 7n, options]]);
    expect(none.calls).toEqual([
      ['after', 'tea', 9, 7n, options],
      ['every', 'tea', schedule, 7n, options],
    ]);
  });

  test('are cancelled and retried', async () => {
    const played = new PlayedReminders();
    expect(await asked(played, { method: 'remindCancel', key: ['a', 1] })).toBeNull();
    expect(await asked(played, { method: 'remindRetry', key: 'b' })).toBeNull();
    expect(played.calls).toEqual([
      ['cancel', ['a', 1], {}],
      ['retry', 'b', {}],
    ]);
    expect(played.signals).toEqual([NEVER, NEVER]);
  });

  test('are listed one by one, not more than are wanted', async () => {
    const there = [1, 2, 3].map((number) => {
      const state = number === 2 ? 'dead' : 'scheduled';
      return reminderOf({
        key: ['n', number],
        state,
        error: number === 2 ? 'no paper' : undefined,
      });
    });
    const played = new PlayedReminders(there);
    const query = { method: 'remindList', prefix: ['n'], state: undefined } as const;
    expect(await listed(played, { ...query, limit: undefined })).toMatchObject([
      { key: ['n', 1], state: 'scheduled', error: null },
      { key: ['n', 2], state: 'dead', error: 'no paper' },
      { key: ['n', 3], state: 'scheduled', error: null },
    ]);
    const limited = new PlayedReminders(there);
    expect(await listed(limited, { ...query, state: 'dead', limit: 2 })).toHaveLength(2);
    expect(limited.read).toBe(2);
    expect(limited.calls).toEqual([['list', { prefix: ['n'], state: 'dead' }]]);
  });
});

function asked(played: PlayedReminders, query: ReminderQuery): Promise<unknown> {
  return answerReminders(played, query, NEVER);
}

async function listed(played: PlayedReminders, query: ReminderQuery): Promise<readonly unknown[]> {
  const stream = await asked(played, query);
  if (!(stream instanceof EventStream)) throw new Error('no stream of events');
  const events: unknown[] = [];
  for await (const event of stream.events) events.push(event);
  return events;
}
