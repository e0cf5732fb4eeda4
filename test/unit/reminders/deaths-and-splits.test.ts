/** Reminders whose handlers bring nodes down, whose owners go, and of which two sides differ. */
import { afterEach, describe, expect, test } from 'vitest';
import { keyOwnedBy, ReminderCluster } from './reminder-cluster.ts';

const NAMES = ['a@sim', 'b@sim', 'c@sim'] as const;
const [A, B, C] = NAMES;
const MINUTE_MS = 60_000;
const AT_LEAST_ONCE = { delivery: 'at-least-once' } as const;
const HOLD = { ...AT_LEAST_ONCE, onPartition: 'hold' } as const;

let cluster: ReminderCluster;

afterEach(() => cluster[Symbol.asyncDispose]());

async function started(options: object = {}, seed = 1): Promise<ReminderCluster> {
  cluster = new ReminderCluster(seed, options);
  await cluster.start(...NAMES);
  return cluster;
}

describe('a handler that brings its node down', () => {
  test.each([
    ['without a disk', undefined],
    ['with a disk', '/data'],
  ])('%s: is called once, of what is delivered at most once', async (_, dataDir) => {
    await started({ dataDir });
    cluster.handleAt(NAMES, ({ node }) => cluster.sim.crash(node));
    await cluster.settled(cluster.node(A).reminders.after('poison', 2_000, null));
    await cluster.sim.advance(MINUTE_MS);
    expect(cluster.fired).toHaveLength(1);
  });

  test('without a disk: is called as often as attempts are allowed', async () => {
    await started({ dataDir: undefined });
    cluster.handleAt(NAMES, ({ node }) => cluster.sim.crash(node));
    const options = { ...AT_LEAST_ONCE, maxAttempts: 1 };
    await cluster.settled(cluster.node(A).reminders.after('poison', 2_000, null, options));
    await cluster.sim.advance(2 * MINUTE_MS);
    expect(cluster.fired).toHaveLength(1);
    const [left] = NAMES.filter((name) => name !== cluster.fired[0]?.node);
    expect(await cluster.node(left ?? A).reminders.get('poison')).toMatchObject({ state: 'dead' });
  });
});

test('a handler is told to give up when the node dies that handed it its work', async () => {
  await started();
  const signals: AbortSignal[] = [];
  cluster.handle(A, ({ signal }) => {
    signals.push(signal);
    return new Promise(() => {});
  });
  const key = keyOwnedBy(cluster.node(A), B);
  await cluster.settled(cluster.node(A).reminders.after(key, 1_000, null, AT_LEAST_ONCE));
  await cluster.untilFired(1);
  cluster.sim.crash(B);
  await cluster.untilFired(2, MINUTE_MS);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
});

describe('with `hold`', () => {
  const setFor = async (delayMs: number, options: object = {}): Promise<void> => {
    const { reminders } = cluster.node(A);
    await cluster.settled(reminders.after('k', delayMs, null, { ...HOLD, ...options }));
  };

  test('owners that left do not count, although the last one was started anew', async () => {
    await started();
    cluster.handleAt(NAMES);
    await setFor(90_000);
    for (const name of [B, C]) await cluster.settled(cluster.node(name).leave());
    await cluster.sim.advance(1_000);
    cluster.sim.crash(A);
    await cluster.restart(A);
    await cluster.untilFired(1, 2 * MINUTE_MS);
  });

  test('nor for one that came when they had left', async () => {
    await started();
    cluster.handleAt(NAMES);
    await setFor(90_000);
    for (const name of [B, C]) await cluster.settled(cluster.node(name).leave());
    await cluster.sim.start({ name: 'd@sim', contacts: [A], dataDir: '/data' });
    cluster.handle('d@sim');
    await cluster.met(A, 'd@sim');
    await cluster.settled(cluster.node(A).leave());
    await cluster.untilFired(1, 2 * MINUTE_MS);
    expect(cluster.fired[0]?.node).toBe('d@sim');
  });

  test('one that left and is back counts again', async () => {
    await started();
    cluster.handleAt(NAMES);
    await cluster.settled(cluster.node(B).leave());
    await cluster.settled(cluster.node(B).join(A));
    await cluster.met(...NAMES);
    await setFor(10_000);
    cluster.sim.partition([A], [B, C]);
    await cluster.untilFired(1, MINUTE_MS);
    expect(cluster.fired[0]?.node).not.toBe(A);
  });

  test('what the majority found dead stays dead after the heal', async () => {
    await started({}, 3);
    cluster.handleAt(NAMES, () => {
      throw new Error('no');
    });
    await setFor(20_000, { maxAttempts: 3 });
    cluster.sim.partition([A, B], [C]);
    await cluster.sim.advance(2 * MINUTE_MS);
    cluster.sim.heal();
    await cluster.sim.advance(MINUTE_MS);
    expect(cluster.fired.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(await cluster.node(C).reminders.get('k')).toMatchObject({ state: 'dead' });
  });

  test('the pause of the majority goes on after the heal', async () => {
    await started({}, 3);
    cluster.handleAt(NAMES, () => {
      throw new Error('no');
    });
    await setFor(20_000, { backoffMs: 10 * MINUTE_MS });
    cluster.sim.partition([A, B], [C]);
    await cluster.sim.advance(90_000);
    cluster.sim.heal();
    await cluster.sim.advance(MINUTE_MS);
    expect(cluster.fired).toHaveLength(1);
  });
});

test('a cancel covers what was moved out of the series before anybody heard of it', async () => {
  cluster = new ReminderCluster(4);
  await cluster.start(A, B);
  cluster.handleAt([A, B], () => {
    throw new Error('no');
  });
  const options = { ...AT_LEAST_ONCE, overlap: 'allow', backoffMs: 30_000 } as const;
  const { reminders, shards } = cluster.node(A);
  await cluster.settled(reminders.every('k', { everyMs: 10_000 }, null, options));
  const other = shards.place('k') === A ? B : A;
  cluster.sim.link({ latencyMs: [100, 100] });
  await cluster.untilFired(1);
  await cluster.sim.advance(20);
  await cluster.settled(cluster.node(other).reminders.cancel('k'));
  await cluster.sim.advance(3 * MINUTE_MS);
  expect(cluster.fired).toHaveLength(1);
});
