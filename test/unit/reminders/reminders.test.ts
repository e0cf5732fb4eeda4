/** One node with reminders: what each sentence of their interface promises. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BarrelNode, Reminders } from '../../../src/index.ts';
import { all, ReminderCluster } from './reminder-cluster.ts';

const A = 'a@sim';
const MINUTE_MS = 60_000;

let cluster: ReminderCluster;
let node: BarrelNode;
let reminders: Reminders;

beforeEach(async () => {
  cluster = new ReminderCluster();
  [node = cluster.node(A)] = await cluster.start(A);
  reminders = node.reminders;
});

afterEach(() => cluster[Symbol.asyncDispose]());

function wallMs(): number {
  return node.clock.wallTime(node.clock.now()).getTime();
}

async function advance(ms: number): Promise<void> {
  await cluster.sim.advance(ms);
}

describe('a reminder', () => {
  test('for a time is delivered then, with its payload and an integer fence (T1)', async () => {
    cluster.handle(A);
    // What it holds with its first handler fires after a second of grace.
    await advance(1_500);
    const at = wallMs() + 150;
    await cluster.settled(reminders.set(['bill', 7], at, { sum: 3 }));
    await cluster.untilFired(1);
    const [fired] = cluster.fired;
    expect(fired).toMatchObject({ key: ['bill', 7], payload: { sum: 3 }, attempt: 1 });
    expect(fired?.dueAt.getTime()).toBe(at);
    expect(wallMs() - at).toBeLessThan(10);
  });

  test('after a delay is delivered then, and not before (T2)', async () => {
    cluster.handle(A);
    const since = cluster.now;
    await cluster.settled(reminders.after('tea', 150, 'hot'));
    await cluster.untilFired(1);
    expect((cluster.fired[0]?.atMs ?? 0) - since).toBeGreaterThanOrEqual(150);
    expect(cluster.fired[0]?.payload).toBe('hot');
  });

  test('has a positive fence, greater for each later set of its key (T3)', async () => {
    cluster.handle(A);
    await cluster.settled(reminders.set('k', 0, 1));
    await cluster.untilFired(1);
    await cluster.settled(reminders.set('k', 0, 2));
    await cluster.untilFired(2);
    const [first, second] = cluster.fired;
    expect(first?.fence).toBeGreaterThan(0n);
    expect(second?.fence).toBeGreaterThan(first?.fence ?? 0n);
  });

  test('that is cancelled before its time is never delivered (T4)', async () => {
    cluster.handle(A);
    await cluster.settled(reminders.after('k', 500, 1));
    await cluster.settled(reminders.cancel('k'));
    await advance(900);
    expect(cluster.fired).toEqual([]);
    expect(await reminders.get('k')).toBe(undefined);
  });

  test('that was delivered is not delivered again (T5)', async () => {
    cluster.handle(A);
    await cluster.settled(reminders.after('k', 100, 1));
    await cluster.untilFired(1);
    await advance(MINUTE_MS);
    expect(cluster.fired).toHaveLength(1);
  });

  test('that is set again replaces the one before, sooner or later (T6)', async () => {
    cluster.handle(A);
    await cluster.settled(reminders.after('k', MINUTE_MS, 'far'));
    await cluster.settled(reminders.after('k', 200, 'near'));
    await advance(2 * MINUTE_MS);
    expect(cluster.fired.map(({ payload }) => payload)).toEqual(['near']);
  });

  test('whose time is past fires at once', async () => {
    cluster.handle(A);
    const since = cluster.now;
    await cluster.settled(reminders.set('k', new Date(0), 1));
    await cluster.untilFired(1);
    expect((cluster.fired[0]?.atMs ?? 0) - since).toBeLessThan(1_500);
  });

  test('is known by all that was said of it while it waits', async () => {
    await cluster.settled(reminders.after(['k', 1], 5_000, { a: 1n }));
    const found = await reminders.get(['k', 1]);
    expect(found).toMatchObject({ key: ['k', 1], payload: { a: 1n }, state: 'scheduled' });
    expect(found).toMatchObject({ attempt: 0, error: undefined });
    expect(await reminders.get(['k', 2])).toBe(undefined);
  });

  test('waits while no handler matches it, and fires when one is attached', async () => {
    const other = cluster.handle(A, undefined, ['other']);
    await cluster.settled(reminders.after(['mine', 1], 100, 1));
    await advance(MINUTE_MS);
    expect(cluster.fired).toEqual([]);
    expect(cluster.metric(A, 'unheard')).toBe(1);
    other[Symbol.dispose]();
    cluster.handle(A, undefined, ['mine']);
    await cluster.untilFired(1);
    expect(cluster.fired).toHaveLength(1);
  });
});

describe('what is over', () => {
  test('is forgotten altogether minutes later (T9)', async () => {
    const tombstones = (): number => node.metrics.snapshot()['barrel_store_tombstones'] ?? 0;
    cluster.handle(A);
    const before = tombstones();
    await cluster.settled(reminders.after('k', 100, 1));
    await cluster.untilFired(1);
    await advance(4 * MINUTE_MS);
    expect(tombstones()).toBe(before + 1);
    await advance(10 * MINUTE_MS);
    expect(tombstones()).toBe(before);
  });

  test('is what was cancelled, and what was set beside it fires (T10)', async () => {
    cluster.handle(A, undefined, ['invoice']);
    await cluster.settled(reminders.after(['invoice', 7], 500, { euros: 12 }));
    await cluster.settled(reminders.after(['invoice', 8], 500, { euros: 30 }));
    await cluster.settled(reminders.cancel(['invoice', 8]));
    await advance(MINUTE_MS);
    expect(cluster.fired.map(({ payload }) => payload)).toEqual([{ euros: 12 }]);
  });
});

describe('at least once', () => {
  const OPTIONS = { delivery: 'at-least-once', maxAttempts: 3, backoffMs: 1_000 } as const;

  test('tries again after a pause that doubles, with the same fence, then it is dead', async () => {
    cluster.handle(A, () => {
      throw new Error('no ink');
    });
    await cluster.settled(reminders.after('k', 0, 1, OPTIONS));
    await cluster.untilFired(3);
    await advance(MINUTE_MS);
    const times = cluster.fired.map(({ atMs }) => atMs);
    const [first = 0, second = 0, third = 0] = times;
    expect(times).toHaveLength(3);
    expect(second - first).toBeGreaterThanOrEqual(1_000);
    expect(third - second).toBeGreaterThanOrEqual(2_000);
    expect(new Set(cluster.fired.map(({ fence }) => fence)).size).toBe(1);
    expect(cluster.fired.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(await reminders.get('k')).toMatchObject({ state: 'dead', attempt: 3, error: 'no ink' });
    expect(cluster.metric(A, 'dead_total')).toBe(1);
    expect(cluster.metric(A, 'retried_total')).toBe(2);
  });

  test('is over when the promise of the handler is fulfilled, and claimed until then', async () => {
    let finish = (): void => {};
    cluster.handle(A, () => new Promise<void>((resolve) => (finish = resolve)));
    await cluster.settled(reminders.after('k', 0, 1, OPTIONS));
    await cluster.untilFired(1);
    await advance(MINUTE_MS);
    expect(await reminders.get('k')).toMatchObject({ state: 'claimed', attempt: 1 });
    finish();
    await advance(1_000);
    expect(await reminders.get('k')).toBe(undefined);
    expect(cluster.fired).toHaveLength(1);
  });

  test('a dead one fires again when it is retried, with its old fence', async () => {
    let isBroken = true;
    cluster.handle(A, () => {
      if (isBroken) throw new Error('broken');
    });
    await cluster.settled(reminders.after('k', 0, 1, { ...OPTIONS, maxAttempts: 1 }));
    await cluster.untilFired(1);
    await advance(1_000);
    expect(await cluster.settled(all(reminders.list({ state: 'dead' })))).toHaveLength(1);
    isBroken = false;
    await cluster.settled(reminders.retry('k'));
    await cluster.untilFired(2);
    await advance(1_000);
    expect(cluster.fired[1]?.fence).toBe(cluster.fired[0]?.fence);
    expect(await reminders.get('k')).toBe(undefined);
    await expect(cluster.settled(reminders.retry('k'))).rejects.toMatchObject({
      code: 'ERR_NOT_FOUND',
    });
  });

  test('the signal aborts when the reminder is cancelled, or set again', async () => {
    cluster.handle(A, ({ signal }) => new Promise((_, no) => signal.addEventListener('abort', no)));
    await cluster.settled(reminders.after('k', 0, 1, OPTIONS));
    await cluster.untilFired(1);
    expect(cluster.fired[0]?.signal.aborted).toBe(false);
    await cluster.settled(reminders.after('k', 0, 2, OPTIONS));
    await cluster.untilFired(2);
    expect(cluster.fired[0]?.signal.aborted).toBe(true);
    expect(cluster.fired[1]?.signal.aborted).toBe(false);
    await cluster.settled(reminders.cancel('k'));
    await advance(MINUTE_MS);
    expect(cluster.fired.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  });
});

describe('at most once', () => {
  test('is gone before it is delivered, whatever becomes of the handler', async () => {
    const seen: unknown[] = [];
    cluster.handle(A, async () => {
      seen.push(await reminders.get('k'));
      throw new Error('too bad');
    });
    await cluster.settled(reminders.after('k', 0, 1));
    await cluster.untilFired(1);
    await advance(MINUTE_MS);
    expect(seen).toEqual([undefined]);
    expect(cluster.fired).toHaveLength(1);
  });
});

describe('every', () => {
  test('fires once each period, counted from the due time, with a fence of its own', async () => {
    cluster.handle(A, () => new Promise((resolve) => setImmediate(resolve)));
    await cluster.settled(reminders.every('k', { everyMs: 2_000 }, 1));
    await cluster.untilFired(5);
    const dues = cluster.fired.map(({ dueAt }) => dueAt.getTime());
    expect(dues.map((due) => due - (dues[0] ?? 0))).toEqual([0, 2_000, 4_000, 6_000, 8_000]);
    expect(new Set(cluster.fired.map(({ fence }) => fence)).size).toBe(5);
  });

  test('goes on after an occurrence that is dead, which is listed and retried', async () => {
    const isBad = new Set([1]);
    cluster.handle(A, () => {
      if (isBad.has(cluster.fired.length)) throw new Error('once');
    });
    const options = { delivery: 'at-least-once', maxAttempts: 1 } as const;
    await cluster.settled(reminders.every('k', { everyMs: 5_000 }, 1, options));
    await cluster.untilFired(2);
    const dead = await cluster.settled(all(reminders.list({ state: 'dead' })));
    expect(dead.map(({ dueAt }) => dueAt)).toEqual([cluster.fired[0]?.dueAt]);
    expect(await reminders.get('k')).toMatchObject({ state: 'scheduled' });
    await cluster.settled(reminders.retry('k'));
    await cluster.untilFired(3);
    expect(cluster.fired[2]?.fence).toBe(cluster.fired[0]?.fence);
  });
});

describe('cron', () => {
  test('fires at the times of the expression, also after a restart', async () => {
    cluster.handle(A);
    await cluster.settled(reminders.every('k', { cron: '*/10 * * * *' }, 1));
    await cluster.untilFired(1, 11 * MINUTE_MS);
    cluster.sim.crash(A);
    await advance(MINUTE_MS);
    await cluster.restart(A);
    await cluster.untilFired(2, 11 * MINUTE_MS);
    const dues = cluster.fired.map(({ dueAt }) => dueAt.toISOString().slice(11, 19));
    expect(dues).toEqual(['00:10:00', '00:20:00']);
  });

  test('that cannot be read, or is never due, is ERR_VALUE', async () => {
    const value = { code: 'ERR_VALUE' };
    for (const schedule of [
      { cron: 'soon' },
      { cron: '0 0 31 2 *' },
      { cron: '0 0 * * *', timeZone: 'Nowhere/Land' },
    ]) {
      const setting = cluster.settled(reminders.every('k', schedule, 1));
      await expect(setting).rejects.toMatchObject(value);
    }
  });
});

describe('handlers', () => {
  test('of several the one with the longest prefix is called', async () => {
    const called: string[] = [];
    const note = (name: string) => () => called.push(name);
    cluster.handle(A, note('any'));
    cluster.handle(A, note('a b'), ['a', 'b']);
    cluster.handle(A, note('a'), ['a']);
    cluster.handle(A, note('a again'), ['a']);
    for (const key of [['a', 'b', 'c'], ['a', 'c'], ['x'], 'a']) {
      await cluster.settled(reminders.after(key, 0, 1));
    }
    await cluster.untilFired(4);
    expect(called.sort()).toEqual(['a', 'a b', 'any', 'any']);
  });

  test('are called no more when they are disposed, and what runs is not ended', async () => {
    const handle = cluster.handle(A, () => new Promise(() => {}));
    const options = { delivery: 'at-least-once' } as const;
    await cluster.settled(reminders.after('k', 0, 1, options));
    await cluster.untilFired(1);
    handle[Symbol.dispose]();
    await cluster.settled(reminders.after('other', 0, 1, options));
    await advance(MINUTE_MS);
    expect(cluster.fired).toHaveLength(1);
    expect(cluster.fired[0]?.signal.aborted).toBe(false);
  });
});

describe('list', () => {
  test('tells all that is set, by prefix and by state', async () => {
    for (const key of [['a', 1], ['a', 2], ['b', 1], 'a']) {
      await cluster.settled(reminders.after(key, MINUTE_MS, 1));
    }
    const keysOf = async (filter: Parameters<Reminders['list']>[0]): Promise<unknown[]> => {
      const found = await cluster.settled(all(reminders.list(filter)));
      return found.map(({ key }) => JSON.stringify(key)).sort();
    };
    expect(await keysOf({})).toEqual(['"a"', '["a",1]', '["a",2]', '["b",1]']);
    expect(await keysOf({ prefix: ['a'] })).toEqual(['["a",1]', '["a",2]']);
    expect(await keysOf({ prefix: [] })).toHaveLength(3);
    expect(await keysOf({ state: 'dead' })).toEqual([]);
    expect(await keysOf({ state: 'scheduled' })).toHaveLength(4);
  });

  test('ends with the reason of its signal', async () => {
    await cluster.settled(reminders.after('k', MINUTE_MS, 1));
    const reason = new Error('enough');
    const listing = all(reminders.list({ signal: AbortSignal.abort(reason) }));
    await expect(listing).rejects.toBe(reason);
  });
});

describe('what is given', () => {
  test('is judged before anything is set, with all faults named', async () => {
    const bad = { delivery: 'twice', maxAttempts: 0, colour: 1 } as object;
    await expect(reminders.set('k', 0, 1, bad)).rejects.toMatchObject({
      code: 'ERR_OPTION',
      message: expect.stringMatching(/delivery.*maxAttempts.*colour/s),
    });
    const value = { code: 'ERR_VALUE' };
    await expect(reminders.set('k', Number.NaN, 1)).rejects.toMatchObject(value);
    await expect(reminders.after('k', 1.5, 1)).rejects.toMatchObject(value);
    await expect(reminders.after('k', 0, () => {})).rejects.toMatchObject(value);
    await expect(reminders.after('k', 0, new Uint8Array(70_000))).rejects.toMatchObject(value);
    await expect(reminders.every('k', { everyMs: 10 }, 1)).rejects.toMatchObject(value);
    const option = { code: 'ERR_OPTION' };
    await expect(reminders.every('k', {} as never, 1)).rejects.toMatchObject(option);
    expect(() => reminders.handle(1 as never)).toThrow(expect.objectContaining(option));
    const prefix = 'a' as never;
    expect(() => reminders.handle(() => {}, { prefix })).toThrow(expect.objectContaining(option));
    expect(() => reminders.list({ state: 'late' as never })).toThrow(/`state` must be/);
    expect(await reminders.get('k')).toBe(undefined);
  });

  test('is refused when the node is closed', async () => {
    await cluster.settled(node.close());
    const closed = { code: 'ERR_CLOSED' };
    await expect(reminders.set('k', 0, 1)).rejects.toMatchObject(closed);
    await expect(reminders.cancel('k')).rejects.toMatchObject(closed);
    expect(() => reminders.handle(() => {})).toThrow(expect.objectContaining(closed));
  });
});

describe('a wall clock', () => {
  test('that is set ahead makes nothing late, nor early when it is set back', async () => {
    cluster.handle(A);
    await cluster.settled(reminders.after('ahead', 3_600_000, 1));
    cluster.sim.clock(A, { offsetMs: 3_600_000 });
    const since = cluster.now;
    await cluster.untilFired(1, 2 * MINUTE_MS);
    expect((cluster.fired[0]?.atMs ?? 0) - since).toBeLessThanOrEqual(MINUTE_MS);
    await cluster.settled(reminders.after('back', 10_000, 1));
    cluster.sim.clock(A, { offsetMs: 0 });
    await advance(3_600_000);
    expect(cluster.fired).toHaveLength(1);
    await advance(10_000 + MINUTE_MS);
    expect(cluster.fired).toHaveLength(2);
  });

  test('that stood still for hours fires what is due at its next look', async () => {
    cluster.handle(A);
    await cluster.settled(reminders.after('k', 10 * MINUTE_MS, 1));
    cluster.sim.stall(A, 120 * MINUTE_MS);
    await cluster.untilFired(1, 121 * MINUTE_MS);
    expect(cluster.fired).toHaveLength(1);
  });
});

describe('a disk', () => {
  test('keeps reminders over a crash, and none fires twice', async () => {
    cluster.handle(A);
    await cluster.settled(reminders.after('soon', 1_000, 1));
    await cluster.settled(reminders.after('late', 5_000, 2));
    await cluster.untilFired(1);
    cluster.sim.crash(A);
    await advance(10_000);
    await cluster.restart(A);
    await cluster.untilFired(2);
    await advance(MINUTE_MS);
    expect(cluster.fired.map(({ key }) => key)).toEqual(['soon', 'late']);
  });

  test('that fails rejects a set with ERR_STORE', async () => {
    cluster.sim.disk(A, { failSync: true });
    const setting = cluster.settled(reminders.after('k', MINUTE_MS, 1));
    await expect(setting).rejects.toMatchObject({ code: 'ERR_STORE' });
  });
});
