/** The handlers of one node: what they are called with, and how they end. */
import { expect, test } from 'vitest';
import { keyTextOf, reminderId } from '../../../src/core/schedule/reminder-id.ts';
import { REMINDER_HANDLERS_MAX } from '../../../src/core/schedule/schedule-limits.ts';
import type { Key } from '../../../src/core/wire/key.ts';
import { encodeValue } from '../../../src/core/wire/value.ts';
import { BarrelError } from '../../../src/errors.ts';
import type { Logger } from '../../../src/host/logger.ts';
import { type KeyPrefix, keyPrefix } from '../../../src/reminders/key-prefix.ts';
import { type Delivery, OwnHandlers } from '../../../src/reminders/own-handlers.ts';
import type { Firing } from '../../../src/reminders/reminders.ts';

const quiet = (): void => {};
const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

type Change = readonly [prefix: KeyPrefix | undefined, isThere: boolean];

function handlersOf(changes: Change[] = []): OwnHandlers {
  return new OwnHandlers({ logger, onChange: (...change) => changes.push(change) });
}

function deliveryOf(key: Key, payload: Uint8Array = encodeValue('x')): Delivery {
  return { id: reminderId(keyTextOf(key), 5n), attempt: 2, fence: 9n, dueAtMs: 7, payload };
}

test('a handler is called with what was set, after the caller has run on', async () => {
  const handlers = handlersOf();
  const firings: Firing[] = [];
  handlers.attach((firing) => firings.push(firing), undefined);
  const running = handlers.run('n', deliveryOf(['a', 1]));
  expect(firings).toEqual([]);
  expect(await running).toEqual({ kind: 'fulfilled' });
  const [firing] = firings;
  expect(firing).toMatchObject({ key: ['a', 1], payload: 'x', fence: 9n, attempt: 2 });
  expect(firing?.dueAt).toEqual(new Date(7));
});

test('what it throws or rejects with is why the attempt failed, cut and well formed', async () => {
  const handlers = handlersOf();
  const errors: readonly unknown[] = [
    new Error('no'),
    'text',
    { toString: () => ({}) },
    new Error(`${'x'.repeat(511)}\u{1f600}`),
  ];
  let next = 0;
  handlers.attach(() => {
    throw errors[next++];
  }, undefined);
  const outcomes: unknown[] = [];
  for (const _ of errors) outcomes.push(await handlers.run('n', deliveryOf('a')));
  expect(outcomes).toEqual([
    { kind: 'rejected', error: 'no' },
    { kind: 'rejected', error: 'text' },
    { kind: 'rejected', error: 'it cannot be shown' },
    { kind: 'rejected', error: `${'x'.repeat(511)}\ufffd` },
  ]);
});

test('a payload that is no value is a failed attempt, and the handler is not called', async () => {
  const handlers = handlersOf();
  let calls = 0;
  handlers.attach(() => (calls += 1), undefined);
  const outcome = await handlers.run('n', deliveryOf('a', new Uint8Array([0xc1])));
  expect(outcome.kind).toBe('rejected');
  expect(calls).toBe(0);
});

test('without a handler for the key it is undelivered', async () => {
  const handlers = handlersOf();
  handlers.attach(quiet, keyPrefix(['a']));
  expect(await handlers.run('n', deliveryOf(['b']))).toEqual({ kind: 'undelivered' });
});

test('others are told of a prefix with its first handler and with its last', () => {
  const changes: Change[] = [];
  const handlers = handlersOf(changes);
  const one = handlers.attach(quiet, keyPrefix(['a']));
  const two = handlers.attach(quiet, keyPrefix(['a']));
  one[Symbol.dispose]();
  one[Symbol.dispose]();
  expect(changes).toHaveLength(1);
  two[Symbol.dispose]();
  expect(changes).toEqual([
    [keyPrefix(['a']), true],
    [keyPrefix(['a']), false],
  ]);
});

test('one more than the bound is refused, as is one of which others cannot be told', () => {
  const handlers = handlersOf();
  for (let n = 0; n < REMINDER_HANDLERS_MAX; n += 1) handlers.attach(quiet, undefined);
  expect(() => handlers.attach(quiet, undefined)).toThrow(/1024 handlers/);
  const full = new BarrelError('ERR_OVERLOADED', 'full');
  const untold = new OwnHandlers({
    logger,
    onChange: () => {
      throw full;
    },
  });
  expect(() => untold.attach(quiet, undefined)).toThrow(full);
  expect(untold.canHandle(keyTextOf('a'))).toBe(false);
});

test('a close aborts what runs and waits for it; who is given up on has failed', async () => {
  const handlers = handlersOf();
  const firings: Firing[] = [];
  handlers.attach((firing) => {
    firings.push(firing);
    return new Promise(() => {});
  }, undefined);
  const running = handlers.run('n', deliveryOf('a'));
  await Promise.resolve();
  await Promise.resolve();
  let isClosed = false;
  const closing = handlers.close().then(() => {
    isClosed = true;
  });
  await Promise.resolve();
  expect(firings[0]?.signal.aborted).toBe(true);
  expect(isClosed).toBe(false);
  expect(await handlers.run('m', deliveryOf('a'))).toEqual({ kind: 'undelivered' });
  handlers.giveUp();
  await closing;
  expect((await running).kind).toBe('rejected');
});
