/** Reminders of three nodes: who fires, what survives, and what a restart does not repeat. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keyOwnedBy, ReminderCluster } from './reminder-cluster.ts';

const NAMES = ['a@sim', 'b@sim', 'c@sim'] as const;
const [A, B, C] = NAMES;
const MINUTE_MS = 60_000;
const ARMED = 1_000;
const AT_LEAST_ONCE = { delivery: 'at-least-once' } as const;

let cluster: ReminderCluster;

beforeEach(async () => {
  cluster = new ReminderCluster(3);
  await cluster.start(...NAMES);
});

afterEach(() => cluster[Symbol.asyncDispose]());

describe('a quiet cluster', () => {
  test('delivers each reminder exactly once, on the node that owns its key (T11)', async () => {
    cluster.handleAt(NAMES);
    const keys = Array.from({ length: 30 }, (_, n) => `key ${n}`);
    const { reminders, shards } = cluster.node(B);
    await cluster.settled(Promise.all(keys.map((key) => reminders.after(key, 3_000, key))));
    await cluster.untilFired(30);
    await cluster.sim.advance(MINUTE_MS);
    expect(cluster.fired.map(({ key }) => key).sort()).toEqual([...keys].sort());
    for (const { key, node } of cluster.fired) expect(node).toBe(shards.place(key));
  });

  test('knows a reminder everywhere, and lets any node replace or cancel it', async () => {
    cluster.handleAt(NAMES);
    await cluster.settled(cluster.node(A).reminders.after('k', 5_000, 'a'));
    await cluster.sim.advance(100);
    expect(await cluster.node(C).reminders.get('k')).toMatchObject({ payload: 'a' });
    await cluster.settled(cluster.node(B).reminders.after('k', 5_000, 'b'));
    await cluster.settled(cluster.node(C).reminders.after('gone', 5_000, 'c'));
    await cluster.sim.advance(100);
    await cluster.settled(cluster.node(A).reminders.cancel('gone'));
    await cluster.sim.advance(MINUTE_MS);
    expect(cluster.fired.map(({ payload }) => payload)).toEqual(['b']);
  });
});

describe('armed reminders that are not due', () => {
  test('cost a quiet cluster nothing on the network', async () => {
    cluster.handleAt(NAMES);
    const { reminders } = cluster.node(A);
    await cluster.settled(reminders.after('first', 2 * 86_400_000, 0));
    await cluster.sim.advance(MINUTE_MS);
    const empty = await trafficOfMinute();
    const sets = Array.from({ length: ARMED }, (_, n) => reminders.after(n, 86_400_000, n));
    await cluster.settled(Promise.all(sets));
    await cluster.sim.advance(MINUTE_MS);
    const armed = await trafficOfMinute();
    expect(armed.messages).toBeLessThan(1.2 * empty.messages);
    expect(armed.bytes).toBeLessThan(1.2 * empty.bytes);
  });
});

async function trafficOfMinute(): Promise<{ readonly messages: number; readonly bytes: number }> {
  const { messages, bytes } = cluster.sim.traffic;
  await cluster.sim.advance(MINUTE_MS);
  const { traffic } = cluster.sim;
  return { messages: traffic.messages - messages, bytes: traffic.bytes - bytes };
}

describe('set', () => {
  test('resolves when another node has it: the death of the first one loses nothing', async () => {
    cluster.handleAt(NAMES);
    const key = keyOwnedBy(cluster.node(A));
    await cluster.settled(cluster.node(A).reminders.after(key, 5_000, 1, AT_LEAST_ONCE));
    cluster.sim.crash(A, { wipe: true });
    await cluster.untilFired(1);
    expect(cluster.fired[0]?.node).not.toBe(A);
  });

  test('is ERR_TIMEOUT while no other member answers, and asks one after the other', async () => {
    const { reminders } = cluster.node(A);
    await cluster.settled(reminders.after('first', MINUTE_MS, 1));
    cluster.sim.partition([A], [B, C]);
    const since = cluster.now;
    const setting = cluster.settled(reminders.after('k', MINUTE_MS, 1, { timeoutMs: 800 }));
    await expect(setting).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(cluster.now - since).toBeCloseTo(800);
  });

  test('asks a second node after a second when the first one does not answer', async () => {
    const { reminders, shards } = cluster.node(A);
    await cluster.settled(reminders.after('first', MINUTE_MS, 1));
    const [first = B] = shards.owners('k', 3).filter((node) => node !== A);
    cluster.sim.stall(first, 3_000);
    const since = cluster.now;
    await cluster.settled(reminders.after('k', MINUTE_MS, 1));
    expect(cluster.now - since).toBeGreaterThanOrEqual(1_000);
    expect(cluster.now - since).toBeLessThan(1_500);
  });

  test('resolves when nobody else lives any more', async () => {
    const { reminders } = cluster.node(A);
    await cluster.settled(reminders.after('first', MINUTE_MS, 1));
    cluster.sim.crash(B);
    cluster.sim.crash(C);
    await cluster.settled(reminders.after('k', MINUTE_MS, 1, { timeoutMs: 30_000 }));
    expect(cluster.node(A).members()).toEqual([A]);
  });
});

describe('the death of an owner', () => {
  test('before the due time lets one survivor fire, the new owner (T12)', async () => {
    cluster.handleAt(NAMES);
    const key = keyOwnedBy(cluster.node(A), C);
    await cluster.settled(cluster.node(A).reminders.after(key, 6_500, 1));
    cluster.sim.crash(C);
    await cluster.untilFired(1);
    await cluster.sim.advance(MINUTE_MS);
    expect(cluster.fired.map(({ node }) => node)).toEqual([cluster.node(A).shards.place(key)]);
  });

  test('while its handler runs lets the next one try again, with the same fence', async () => {
    cluster.handleAt(NAMES, ({ attempt }) =>
      attempt === 1 ? new Promise(() => {}) : Promise.resolve(),
    );
    const key = keyOwnedBy(cluster.node(A), C);
    await cluster.settled(cluster.node(A).reminders.after(key, 2_000, 1, AT_LEAST_ONCE));
    await cluster.untilFired(1);
    await cluster.sim.advance(100);
    cluster.sim.crash(C);
    await cluster.untilFired(2);
    await cluster.sim.advance(MINUTE_MS);
    const [first, second] = cluster.fired;
    expect(cluster.fired).toHaveLength(2);
    expect(second?.node).not.toBe(C);
    expect(second?.fence).toBe(first?.fence);
    expect(second?.attempt).toBe(2);
  });
});

describe('a restart', () => {
  test('of the whole cluster fires each overdue reminder exactly once (T13)', async () => {
    cluster.handleAt(NAMES);
    const { reminders } = cluster.node(A);
    const keys = Array.from({ length: 12 }, (_, n) => n);
    await cluster.settled(Promise.all(keys.map((key) => reminders.after(key, 5_000, 1))));
    await cluster.sim.advance(500);
    for (const name of NAMES) cluster.sim.crash(name);
    await cluster.sim.advance(10_000);
    for (const name of NAMES) await cluster.restart(name);
    await cluster.untilFired(12);
    await cluster.sim.advance(2 * MINUTE_MS);
    expect(cluster.fired.map(({ key }) => Number(key)).sort((a, b) => a - b)).toEqual(keys);
  });

  test('of one node does not repeat what others fired meanwhile (T7)', async () => {
    cluster.handleAt(NAMES);
    await cluster.settled(cluster.node(A).reminders.after('k', 5_000, 1));
    await cluster.sim.advance(500);
    cluster.sim.crash(C);
    await cluster.untilFired(1, MINUTE_MS);
    await cluster.restart(C);
    await cluster.sim.advance(2 * MINUTE_MS);
    expect(cluster.fired).toHaveLength(1);
  });

  test('after longer than removals are remembered repeats nothing either', async () => {
    cluster.handleAt(NAMES);
    await cluster.settled(cluster.node(A).reminders.after('k', 5_000, 1));
    await cluster.sim.advance(500);
    cluster.sim.crash(C);
    await cluster.untilFired(1, MINUTE_MS);
    await cluster.sim.advance(2 * 3_600_000);
    await cluster.restart(C);
    await cluster.sim.advance(2 * MINUTE_MS);
    expect(cluster.fired).toHaveLength(1);
    expect(await cluster.node(C).reminders.get('k')).toBe(undefined);
  });
});

describe('a node that never touched reminders', () => {
  test('hands what falls to it over to one that has a handler', async () => {
    cluster.handle(A);
    const key = keyOwnedBy(cluster.node(A), B);
    await cluster.settled(cluster.node(A).reminders.after(key, 3_000, 'x', AT_LEAST_ONCE));
    await cluster.untilFired(1);
    await cluster.sim.advance(MINUTE_MS);
    expect(cluster.fired).toMatchObject([{ node: A, payload: 'x', attempt: 1 }]);
    expect(cluster.metric(B, 'fired_total')).toBe(1);
    expect(await cluster.node(C).reminders.get(key)).toBe(undefined);
  });

  test('tries again when the handler there fails, and when its node dies', async () => {
    cluster.handle(A, () => {
      throw new Error('no');
    });
    const key = keyOwnedBy(cluster.node(A), B);
    await cluster.settled(cluster.node(A).reminders.after(key, 3_000, 'x', AT_LEAST_ONCE));
    await cluster.untilFired(2);
    await cluster.sim.advance(100);
    cluster.sim.crash(A);
    cluster.handle(C);
    await cluster.sim.until(() => cluster.fired.some(({ node }) => node === C), MINUTE_MS);
    await cluster.sim.advance(MINUTE_MS);
    expect(new Set(cluster.fired.map(({ fence }) => fence)).size).toBe(1);
    expect(cluster.fired.filter(({ node }) => node === C)).toHaveLength(1);
  });

  test('tells a handler elsewhere to give up when the reminder is cancelled', async () => {
    cluster.handle(A, () => new Promise(() => {}));
    const key = keyOwnedBy(cluster.node(A), B);
    await cluster.settled(cluster.node(A).reminders.after(key, 3_000, 'x', AT_LEAST_ONCE));
    await cluster.untilFired(1);
    expect(cluster.fired[0]?.signal.aborted).toBe(false);
    await cluster.settled(cluster.node(C).reminders.cancel(key));
    await cluster.sim.until(() => cluster.fired[0]?.signal.aborted === true, 5_000);
    expect(cluster.fired).toHaveLength(1);
  });
});

describe('close', () => {
  test('tells handlers to give up, and others try again at once', async () => {
    cluster.handleAt(
      NAMES,
      ({ attempt, signal }) =>
        new Promise<void>((yes, no) => {
          if (attempt > 1) yes();
          signal.addEventListener('abort', () => no(new Error('told to')));
        }),
    );
    const key = keyOwnedBy(cluster.node(A), C);
    await cluster.settled(cluster.node(A).reminders.after(key, 3_000, 1, AT_LEAST_ONCE));
    await cluster.untilFired(1);
    await cluster.sim.advance(100);
    const since = cluster.now;
    await cluster.settled(cluster.node(C).close());
    await cluster.untilFired(2);
    expect(cluster.fired[0]).toMatchObject({ node: C, attempt: 1 });
    expect(cluster.fired[0]?.signal.aborted).toBe(true);
    expect(cluster.fired[1]?.attempt).toBe(2);
    expect(cluster.now - since).toBeLessThan(4_000);
  });

  test.each([0, 500])('gives back what does not end within %i ms, at once', async (drainMs) => {
    const stubborn = new ReminderCluster(6, { drainMs });
    await stubborn.start(A, B);
    for (const name of [A, B]) {
      stubborn.handle(name, ({ attempt }) => attempt === 1 && new Promise(() => {}));
    }
    const key = keyOwnedBy(stubborn.node(A), B);
    await stubborn.settled(stubborn.node(A).reminders.after(key, 2_000, 1, AT_LEAST_ONCE));
    await stubborn.untilFired(1);
    await stubborn.sim.advance(100);
    const since = stubborn.now;
    await stubborn.settled(stubborn.node(B).close());
    await stubborn.untilFired(2);
    expect(stubborn.fired[1]).toMatchObject({ node: A, attempt: 2 });
    expect(stubborn.now - since).toBeLessThan(drainMs + 4_000);
    await stubborn[Symbol.asyncDispose]();
  });

  test('ends sets that wait with ERR_CLOSED', async () => {
    const { reminders } = cluster.node(A);
    await cluster.settled(reminders.after('first', MINUTE_MS, 1));
    cluster.sim.partition([A], [B, C]);
    const setting = reminders.after('k', MINUTE_MS, 1);
    const refused = expect(cluster.settled(setting)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    const closing = cluster.node(A).close();
    await refused;
    await cluster.settled(closing);
  });

  test('waits for a handler that goes on, for drainMs at most', async () => {
    const slow = new ReminderCluster(5, { drainMs: 2_000 });
    await slow.start(A);
    slow.handle(A, () => new Promise(() => {}));
    await slow.settled(slow.node(A).reminders.after('k', 0, 1, AT_LEAST_ONCE));
    await slow.untilFired(1);
    const since = slow.now;
    await slow.settled(slow.node(A).close());
    expect(slow.now - since).toBeGreaterThanOrEqual(2_000);
    expect(slow.now - since).toBeLessThan(3_500);
    await slow[Symbol.asyncDispose]();
  });
});

describe('leave', () => {
  test('lets the others fire, and the node fires again after it has joined (T14)', async () => {
    cluster.handleAt(NAMES);
    const key = keyOwnedBy(cluster.node(A), C);
    await cluster.settled(cluster.node(A).reminders.after(key, 3_000, 'out'));
    await cluster.settled(cluster.node(C).leave());
    await cluster.untilFired(1);
    expect(cluster.fired[0]?.node).not.toBe(C);
    await cluster.settled(cluster.node(C).join(A));
    await cluster.met(...NAMES);
    await cluster.settled(cluster.node(A).reminders.after(key, 5_000, 'back'));
    await cluster.untilFired(2);
    expect(cluster.fired.map(({ payload }) => payload)).toEqual(['out', 'back']);
    expect(cluster.fired[1]?.node).toBe(C);
  });
});

describe('a member that comes', () => {
  test('keeps reminders from firing for 1.5 s, and no longer', async () => {
    const [D] = ['d@sim'] as const;
    cluster.handleAt(NAMES);
    const key = keyOwnedBy(cluster.node(A));
    await cluster.settled(cluster.node(A).reminders.after('first', 0, 1));
    await cluster.untilFired(1);
    await cluster.settled(cluster.node(A).reminders.after(key, 6_000, 1));
    const dueMs = cluster.now + 6_000;
    await cluster.sim.advance(5_500);
    let metMs = 0;
    cluster.node(A).on('memberUp', () => {
      metMs = cluster.now;
    });
    await cluster.sim.start({ name: D, contacts: [A] });
    await cluster.untilFired(2);
    const firedMs = cluster.fired[1]?.atMs ?? 0;
    expect(metMs).toBeLessThan(dueMs);
    expect(firedMs).toBeGreaterThanOrEqual(metMs + 1_500);
    expect(firedMs).toBeLessThan(metMs + 4_000);
  });
});

describe('a key that goes to a newcomer', () => {
  test('is fired there when the work here has ended, and not before', async () => {
    const D = 'd@sim';
    const aborted: (() => void)[] = [];
    const isFirst = new Map<unknown, boolean>();
    cluster.handleAt(NAMES, ({ key, signal }) => {
      if (isFirst.has(key)) return undefined;
      isFirst.set(key, true);
      return new Promise<void>((_, no) =>
        signal.addEventListener('abort', () => aborted.push(() => no(new Error('moved')))),
      );
    });
    const { reminders } = cluster.node(A);
    const keys = Array.from({ length: 16 }, (_, n) => `key ${n}`);
    const setting = keys.map((key) => reminders.after(key, 0, 1, AT_LEAST_ONCE));
    await cluster.settled(Promise.all(setting));
    await cluster.untilFired(16);
    await cluster.sim.start({ name: D, contacts: [A] });
    cluster.handle(D);
    await cluster.sim.until(() => aborted.length > 0, 30_000);
    await cluster.sim.advance(3_000);
    const moved = keys.filter((key) => cluster.node(A).shards.place(key) === D);
    expect(aborted.length).toBeGreaterThanOrEqual(moved.length);
    expect(cluster.fired).toHaveLength(16);
    expect(moved.some((key) => cluster.node(D).shards.isOwner(key))).toBe(false);
    for (const end of aborted) end();
    await cluster.untilFired(16 + aborted.length);
    const again = cluster.fired.slice(16);
    expect(again.map(({ attempt }) => attempt)).toEqual(again.map(() => 2));
    const firedThere = again.flatMap(({ node, key }) => (node === D ? [String(key)] : []));
    expect(firedThere.sort()).toEqual(moved.sort());
  });
});

describe('a user who authorizes calls', () => {
  test('is not asked about reminders, which reach handlers elsewhere', async () => {
    const asked: unknown[] = [];
    const strict = new ReminderCluster(7, {
      authorize: (call) => {
        asked.push(call);
        return false;
      },
    });
    await strict.start(A, B);
    strict.handle(A);
    const key = keyOwnedBy(strict.node(A), B);
    await strict.settled(strict.node(B).reminders.after(key, 2_000, 1));
    await strict.untilFired(1);
    expect(strict.fired[0]?.node).toBe(A);
    expect(asked).toEqual([]);
    await strict[Symbol.asyncDispose]();
  });
});

describe('a split', () => {
  test('with `fire` lets both sides fire, with the same fence', async () => {
    cluster.handleAt(NAMES);
    const key = keyOwnedBy(cluster.node(A), C);
    await cluster.settled(cluster.node(A).reminders.after(key, 20_000, 1, AT_LEAST_ONCE));
    await cluster.sim.advance(500);
    cluster.sim.partition([A, B], [C]);
    await cluster.untilFired(2, MINUTE_MS);
    cluster.sim.heal();
    await cluster.sim.advance(2 * MINUTE_MS);
    expect(cluster.fired).toHaveLength(2);
    expect(cluster.fired.some(({ node }) => node === C)).toBe(true);
    expect(new Set(cluster.fired.map(({ fence }) => fence)).size).toBe(1);
  });

  test('with `hold` lets the majority fire, and the other side nothing', async () => {
    cluster.handleAt(NAMES);
    const key = keyOwnedBy(cluster.node(A), C);
    const options = { ...AT_LEAST_ONCE, onPartition: 'hold' } as const;
    await cluster.settled(cluster.node(A).reminders.after(key, 20_000, 1, options));
    await cluster.sim.advance(500);
    cluster.sim.partition([A, B], [C]);
    await cluster.untilFired(1, MINUTE_MS);
    await cluster.sim.advance(MINUTE_MS);
    cluster.sim.heal();
    await cluster.sim.advance(2 * MINUTE_MS);
    expect(cluster.fired).toHaveLength(1);
    expect(cluster.fired[0]?.node).not.toBe(C);
  });
});
