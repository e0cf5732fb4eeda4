import { describe, expect, test } from 'vitest';
import { versionOf } from '../../../../src/core/schedule/reminder-id.ts';
import { decodeValue } from '../../../../src/core/wire/value.ts';
import { DrivenBook, LEAST_ONCE, OTHER, SELF, START_MS } from './driven-book.ts';

describe('a reminder delivered at most once', () => {
  test('is delivered when it is due and not before', () => {
    const node = new DrivenBook();
    node.set('k', 150);
    node.run(149);
    expect(node.deliveries).toEqual([]);
    node.run(1);
    expect(node.deliveries).toMatchObject([{ attempt: 1, dueAtMs: START_MS + 150, lateMs: 0 }]);
    expect(decodeValue(node.deliveries[0]?.payload ?? new Uint8Array())).toEqual({ for: 2 });
  });

  test('is gone durably before it is delivered', () => {
    const node = new DrivenBook();
    node.disk = 'waits';
    const id = node.set('k', 10);
    node.run(10);
    expect([node.store.has(id), node.deliveries.length]).toEqual([false, 0]);
    node.written();
    expect(node.deliveries.length).toBe(1);
  });

  test('is delivered once, whatever its handler does', () => {
    const node = new DrivenBook();
    node.set('k', 10);
    node.run(10);
    node.reject();
    node.run(100_000);
    expect([node.deliveries.length, node.count('fired'), node.count('rejected')]).toEqual([
      1, 1, 1,
    ]);
    expect(node.book.busyCount).toBe(0);
  });

  test('is not delivered when its removal could not be made durable, and counts as lost', () => {
    const node = new DrivenBook();
    node.disk = 'loses';
    node.set('k', 10);
    node.run(5_000);
    expect([node.deliveries.length, node.count('lost')]).toEqual([0, 1]);
  });

  test('is tried again a second after its removal was refused', () => {
    const node = new DrivenBook();
    node.disk = 'refuses';
    node.set('k', 10);
    node.run(500);
    node.disk = 'works';
    node.run(509);
    expect(node.deliveries.length).toBe(0);
    node.run(1);
    expect(node.deliveries.length).toBe(1);
    expect(node.count('lost')).toBe(0);
  });

  test('counts as lost when it reaches no handler after it was removed', () => {
    const node = new DrivenBook();
    node.set('k', 10);
    node.run(10);
    node.end({ kind: 'undelivered' });
    expect(node.count('lost')).toBe(1);
  });

  test('is not delivered when it is cancelled before it is due', () => {
    const node = new DrivenBook();
    node.remove(node.set('k', 500));
    node.run(900);
    expect(node.deliveries).toEqual([]);
  });

  test('set for a past time is delivered at once', () => {
    const node = new DrivenBook();
    node.set('k', -5_000);
    expect(node.deliveries).toMatchObject([{ lateMs: 5_000 }]);
  });
});

describe('a reminder delivered at least once', () => {
  /** Delivered for the first time. */
  function running(options: object = {}): { readonly node: DrivenBook; readonly id: string } {
    const node = new DrivenBook();
    const id = node.set('k', 10, { ...LEAST_ONCE, ...options });
    node.run(10);
    return { node, id };
  }

  test('is claimed durably before it is delivered', () => {
    const node = new DrivenBook();
    node.disk = 'waits';
    const id = node.set('k', 10, LEAST_ONCE);
    node.run(10);
    expect([node.state(id), node.deliveries.length]).toEqual(['claimed 1', 0]);
    expect(node.get(id).state).toMatchObject({ by: SELF, leaseMs: 10_000 });
    node.written();
    expect(node.deliveries).toMatchObject([{ attempt: 1 }]);
  });

  test('is removed when its handler is done', () => {
    const { node, id } = running();
    node.end();
    expect(node.store.has(id)).toBe(false);
    node.run(100_000);
    expect([node.deliveries.length, node.count('fulfilled')]).toEqual([1, 1]);
  });

  test('is tried again after a pause that doubles, with the same fence', () => {
    const { node, id } = running({ backoffMs: 500 });
    for (const pauseMs of [500, 1_000, 2_000]) {
      node.reject();
      const { length } = node.deliveries;
      node.run(pauseMs - 1);
      expect(node.deliveries.length).toBe(length);
      node.run(1);
      expect(node.deliveries.length).toBe(length + 1);
    }
    expect(node.deliveries.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    expect(new Set(node.deliveries.map(({ fence }) => fence))).toEqual(new Set([versionOf(id)]));
    expect([node.count('fired'), node.count('retried')]).toEqual([1, 3]);
  });

  test('pauses for an hour at most', () => {
    const { node } = running({ backoffMs: 3_600_000 });
    node.reject();
    node.run(3_600_000);
    node.reject();
    node.run(3_600_000);
    expect(node.deliveries.length).toBe(3);
  });

  test('is dead after its last attempt, with the reason, and stays so', () => {
    const { node, id } = running({ maxAttempts: 2 });
    node.reject('first');
    node.run(1_000);
    node.reject(`second ${'x'.repeat(600)}`);
    node.run(1_000_000);
    expect([node.deliveries.length, node.state(id), node.count('dead')]).toEqual([2, 'dead 2', 1]);
    expect(node.get(id).state.error).toBe(`second ${'x'.repeat(505)}`);
  });

  test('tells the reason of the last failure while it waits and runs', () => {
    const { node, id } = running();
    node.reject('broken');
    expect(node.get(id).state.error).toBe('broken');
    node.run(1_000);
    expect([node.state(id), node.get(id).state.error]).toEqual(['claimed 2', 'broken']);
  });

  test('renews its claim every 3 s while its handler runs', () => {
    const { node, id } = running();
    const { step } = node.get(id);
    node.run(2_999);
    expect(node.get(id).step).toBe(step);
    node.run(6_001);
    expect([node.get(id).step, node.state(id)]).toEqual([step + 3, 'claimed 1']);
  });

  test('renews no faster than its disk', () => {
    const { node } = running();
    node.disk = 'waits';
    const before = node.writes.length;
    node.run(30_000);
    expect(node.writes.length).toBe(before + 1);
    node.written();
    node.run(3_000);
    expect(node.writes.length).toBe(before + 2);
  });

  test('reached no handler: the attempt does not count, and it is tried again', () => {
    const { node, id } = running({ maxAttempts: 1 });
    node.end({ kind: 'undelivered' });
    expect(node.state(id)).toBe('scheduled 0');
    node.run(999);
    expect(node.deliveries.length).toBe(1);
    node.run(1);
    expect(node.deliveries.map(({ attempt }) => attempt)).toEqual([1, 1]);
  });

  test('is not delivered while its claim is not durable, and the attempt does not count', () => {
    const node = new DrivenBook();
    node.disk = 'loses';
    node.set('k', 10, LEAST_ONCE);
    node.run(5_000);
    expect(node.deliveries).toEqual([]);
    node.disk = 'works';
    node.run(1_000);
    expect(node.deliveries).toMatchObject([{ attempt: 1 }]);
  });

  test('is not delivered again while its end is not durable, and ends when it is', () => {
    const { node, id } = running();
    node.disk = 'refuses';
    node.end();
    node.run(60_000);
    expect([node.store.has(id), node.deliveries.length]).toEqual([true, 1]);
    node.disk = 'works';
    node.run(1_000);
    expect([node.store.has(id), node.deliveries.length, node.book.busyCount]).toEqual([
      false,
      1,
      0,
    ]);
  });

  test('is given up when it is cancelled, and nothing is written about it afterwards', () => {
    const { node, id } = running();
    node.remove(id);
    expect(node.abandoned).toEqual([node.deliveries[0]?.token]);
    const writes = node.writes.length;
    node.reject();
    node.run(100_000);
    expect([node.writes.length, node.book.busyCount, node.deliveries.length]).toEqual([
      writes,
      0,
      1,
    ]);
  });

  test('cancelled while its claim is written is not delivered', () => {
    const node = new DrivenBook();
    node.disk = 'waits';
    const id = node.set('k', 10, LEAST_ONCE);
    node.run(10);
    node.remove(id);
    node.written();
    expect([node.deliveries.length, node.book.busyCount]).toEqual([0, 0]);
  });

  test('is given up when somebody else has claimed it, and is done all the same if it is done', () => {
    const { node, id } = running();
    node.claimByOther(id, 2);
    expect(node.abandoned.length).toBe(1);
    node.end();
    expect(node.store.has(id)).toBe(false);
  });

  test('failed after somebody else has claimed it: their attempt counts, not this one', () => {
    const { node, id } = running();
    node.claimByOther(id, 2);
    node.reject();
    expect([node.state(id), node.get(id).state]).toMatchObject(['claimed 2', { by: OTHER }]);
  });

  test('can be retried when it is dead, with the same fence and attempts from one', () => {
    const { node, id } = running({ maxAttempts: 1 });
    node.reject();
    node.change(id, {
      state: { kind: 'scheduled', attempt: 0, notBeforeMs: node.wallMs, error: 'no' },
    });
    expect(node.deliveries.map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect(node.deliveries[1]?.fence).toBe(node.deliveries[0]?.fence);
  });
});

describe('a key that is set again', () => {
  test('fires what was set last only', () => {
    const node = new DrivenBook();
    const first = node.set('k', 1_000);
    const second = node.set('k', 100);
    expect([node.store.has(first), node.store.has(second)]).toEqual([false, true]);
    node.run(10_000);
    expect(node.deliveries).toMatchObject([{ fence: versionOf(second) }]);
  });

  test('gives up what is being handled of it, whose end then touches nothing', () => {
    const node = new DrivenBook();
    const first = node.set('k', 0, LEAST_ONCE);
    const second = node.set('k', 1_000, LEAST_ONCE);
    expect([node.abandoned.length, node.store.has(first)]).toEqual([1, false]);
    node.end();
    expect(node.state(second)).toBe('scheduled 0');
    node.run(1_000);
    expect(node.deliveries.length).toBe(2);
  });

  test('removes an older version that comes later, without firing it', () => {
    const node = new DrivenBook();
    const older = node.set('k', 60_000);
    const record = node.get(older);
    node.set('k', 90_000);
    node.put({ id: older, record: { ...record, dueAtMs: START_MS } });
    expect(node.store.has(older)).toBe(false);
    expect(node.deliveries).toEqual([]);
  });

  test('does not fire the new one while the old one cannot be removed', () => {
    const node = new DrivenBook();
    node.set('k', 60_000);
    node.disk = 'refuses';
    node.set('k', 0);
    node.run(5_000);
    expect(node.deliveries).toEqual([]);
    node.disk = 'works';
    node.run(1_000);
    expect(node.deliveries.length).toBe(1);
    node.run(100_000);
    expect(node.deliveries.length).toBe(1);
  });

  test('ends the pause before a retry of the old one', () => {
    const node = new DrivenBook();
    const first = node.set('k', 0, { ...LEAST_ONCE, backoffMs: 3_600_000 });
    node.reject();
    node.set('k', 1_000);
    expect(node.store.has(first)).toBe(false);
  });
});

describe('what nobody can handle', () => {
  test.each(['at-most-once', 'at-least-once'])('stays as it is and waits: %s', (delivery) => {
    const node = new DrivenBook();
    node.canHandle = () => false;
    const id = node.set('k', 10, { delivery });
    node.run(100_000);
    expect([node.writes.length, node.book.unheardCount, node.state(id)]).toEqual([
      0,
      1,
      'scheduled 0',
    ]);
    node.canHandle = () => true;
    node.do({ kind: 'handlersChanged' });
    expect(node.deliveries).toMatchObject([{ attempt: 1, lateMs: 99_990 }]);
    expect(node.book.unheardCount).toBe(0);
  });

  test('is cancelled like anything else', () => {
    const node = new DrivenBook();
    node.canHandle = () => false;
    node.remove(node.set('k', 0));
    node.canHandle = () => true;
    node.do({ kind: 'handlersChanged' });
    expect([node.book.unheardCount, node.deliveries.length]).toEqual([0, 0]);
  });

  test('costs no timer while it waits', () => {
    const node = new DrivenBook();
    node.canHandle = () => false;
    node.set('k', 0);
    const { timersSet } = node;
    node.run(1_000_000);
    expect(node.timersSet).toBe(timersSet);
  });

  test('does not stop what others can handle', () => {
    const node = new DrivenBook();
    node.canHandle = (keyText) => !keyText.includes('a');
    node.set('a', 10);
    node.set('b', 20);
    node.run(20);
    expect(node.deliveries.length).toBe(1);
  });
});

describe('bounds', () => {
  test('at most so many occurrences are worked on; more wait in due order', () => {
    const node = new DrivenBook({ config: { deliveriesMax: 2 } });
    for (const inMs of [30, 10, 20, 40]) node.set(`k${inMs}`, inMs, LEAST_ONCE);
    node.run(50);
    expect(node.book.busyCount).toBe(2);
    node.end(undefined, 0);
    node.end(undefined, 1);
    const due = node.deliveries.map(({ dueAtMs }) => dueAtMs - START_MS);
    expect(due).toEqual([10, 20, 30, 40]);
  });

  test('10,000 that are due at once are all delivered, by one timer and 2,048 looks at a time', () => {
    const node = new DrivenBook();
    node.canHandle = () => false;
    for (let i = 0; i < 10_000; i += 1) node.set(i, 1_000);
    const { timersSet } = node;
    node.run(1_000);
    expect(node.book.unheardCount).toBe(10_000);
    expect(node.timersSet - timersSet).toBeLessThanOrEqual(6);
    node.canHandle = () => true;
    node.do({ kind: 'handlersChanged' });
    while (node.book.busyCount > 0) {
      for (const { token } of node.deliveries.slice(-1_024)) {
        node.do({ kind: 'outcome', token, outcome: { kind: 'fulfilled' } });
      }
      node.run(0);
    }
    expect([node.deliveries.length, node.store.size, node.book.heldCount]).toEqual([10_000, 0, 0]);
  });

  test('an input looks at no record but its own, however many are armed', () => {
    const node = new DrivenBook({ partitions: 16 });
    for (let i = 0; i < 5_000; i += 1) node.set(i, 3_600_000 + i);
    const { reads } = node;
    node.set('one', 10);
    node.run(60_000);
    expect(node.deliveries.length).toBe(1);
    expect(node.reads - reads).toBeLessThan(10);
  });

  test('answers that nobody waits for change nothing', () => {
    const node = new DrivenBook();
    const id = node.set('k', 1_000);
    node.do({ kind: 'written', token: 99, isDurable: true });
    node.do({ kind: 'acknowledged', token: 99, isMajority: true });
    node.do({ kind: 'outcome', token: 99, outcome: { kind: 'fulfilled' } });
    expect([node.state(id), node.deliveries.length]).toEqual(['scheduled 0', 0]);
  });
});
