import { describe, expect, test } from 'vitest';
import { DrivenBook, LEAST_ONCE } from './driven-book.ts';

const HOUR_MS = 3_600_000;

describe('the wall clock', () => {
  test('set forward fires what is due within 30 s', () => {
    const node = new DrivenBook();
    node.set('k', 5 * HOUR_MS);
    node.run(1_000);
    node.step(5 * HOUR_MS);
    node.run(28_999);
    expect(node.deliveries).toEqual([]);
    node.run(1);
    expect(node.deliveries.length).toBe(1);
  });

  test('that went on while this machine was suspended for hours is as one that was set', () => {
    const node = new DrivenBook();
    for (const inMs of [HOUR_MS, 2 * HOUR_MS, 9 * HOUR_MS]) node.set(`k${inMs}`, inMs);
    node.step(8 * HOUR_MS);
    node.run(30_000);
    expect(node.deliveries.map(({ dueAtMs }) => dueAtMs).length).toBe(2);
  });

  test('set back delays what was not due yet, and nothing fires early', () => {
    const node = new DrivenBook();
    node.set('k', 10_000);
    node.run(9_000);
    node.step(-HOUR_MS);
    node.run(HOUR_MS + 999);
    expect(node.deliveries).toEqual([]);
    node.run(1);
    expect(node.deliveries.length).toBe(1);
  });

  test('set back before its turn makes what was due wait for its time again', () => {
    const node = new DrivenBook();
    node.canHandle = () => false;
    node.set('k', 1_000);
    node.run(1_000);
    node.step(-5_000);
    node.canHandle = () => true;
    node.do({ kind: 'handlersChanged' });
    node.run(4_999);
    expect(node.deliveries).toEqual([]);
    node.run(1);
    expect(node.deliveries.length).toBe(1);
  });

  test('set forward ends no claim of others', () => {
    const node = new DrivenBook();
    const id = node.set('k', 1_000, LEAST_ONCE);
    node.claimByOther(id);
    node.step(HOUR_MS);
    node.run(9_999);
    expect(node.deliveries).toEqual([]);
    node.run(1);
    expect(node.deliveries.length).toBe(1);
  });

  test('set back does not stretch the pause before an attempt', () => {
    const node = new DrivenBook();
    node.set('k', 0, { ...LEAST_ONCE, backoffMs: 2_000 });
    node.reject();
    node.step(-HOUR_MS);
    node.run(2_000);
    expect(node.deliveries.length).toBe(2);
  });

  test('of a node that writes in the future does not stretch it either', () => {
    const node = new DrivenBook();
    const id = node.set('k', 500, LEAST_ONCE);
    const later = node.wallMs + 50_000;
    node.change(id, {
      state: { kind: 'scheduled', attempt: 1, notBeforeMs: later, error: 'no' },
    });
    node.run(1_000);
    expect(node.deliveries).toMatchObject([{ attempt: 2 }]);
  });
});

describe('the timer', () => {
  test('is one, read again every 30 s, for any number of reminders that are far', () => {
    const node = new DrivenBook();
    for (let i = 0; i < 1_000; i += 1) node.set(i, 10 * HOUR_MS + i);
    const { timersSet } = node;
    expect(timersSet).toBe(1);
    node.run(10 * 60_000);
    expect(node.timersSet - timersSet).toBe(20);
  });

  test('is not set while nothing is armed', () => {
    const node = new DrivenBook();
    node.remove(node.set('k', 1_000));
    node.run(60_000);
    const { timersSet } = node;
    node.run(HOUR_MS);
    expect(node.timersSet).toBe(timersSet);
  });

  test('of a fraction of a millisecond comes late, not early', () => {
    const node = new DrivenBook();
    node.run(0.5);
    node.set('k', 3);
    node.run(3);
    expect(node.deliveries).toEqual([]);
    node.run(1);
    expect(node.deliveries.length).toBe(1);
  });
});
