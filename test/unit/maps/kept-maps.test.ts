/** Maps that are kept on disk, on whole nodes in the simulator: crashes, full and rotten disks. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../src/host/logger.ts';
import type { NodeOptions, ReplicatedMap } from '../../../src/index.ts';
import { createSimulation, type Simulation } from '../../../src/testing/index.ts';

const KEPT = { persist: true } as const;

let sim: Simulation;
let seed = 0;

beforeEach(() => {
  seed += 1;
  sim = createSimulation({ seed });
});

afterEach(() => sim[Symbol.asyncDispose]());

async function start(name: string): Promise<ReplicatedMap<number>> {
  await sim.start({ name, dataDir: name, contacts: name === 'a@one' ? [] : ['a@one'] });
  return openOn(name);
}

async function startWith(
  options: Pick<NodeOptions, 'logger'>,
): Promise<ReplicatedMap<number | string>> {
  await sim.start({ name: 'a@one', dataDir: 'a@one', ...options });
  return sim.settled(sim.node('a@one').maps.open<number | string>('stock', KEPT));
}

async function dispose(map: AsyncDisposable): Promise<void> {
  await map[Symbol.asyncDispose]();
}

async function restart(name: string): Promise<ReplicatedMap<number>> {
  await sim.restart(name);
  return openOn(name);
}

function openOn(name: string): Promise<ReplicatedMap<number>> {
  return sim.settled(sim.node(name).maps.open<number>('stock', KEPT));
}

describe('a crash', () => {
  test.each(Array.from({ length: 25 }, (_, i) => (i * 2) / 5))(
    'after %f ms of many puts loses none that was acknowledged',
    async (crashMs) => {
      const map = await start('a@one');
      const acknowledged: number[] = [];
      for (let i = 0; i < 40; i += 1) {
        void map.put(`k${i}`, i).then(() => acknowledged.push(i));
        if (i % 4 === 3) await sim.advance(crashMs / 10);
      }
      sim.crash('a@one');
      const again = await restart('a@one');
      expect(acknowledged.filter((i) => again.get(`k${i}`) !== i)).toEqual([]);
    },
  );
});

test('a removal is forgotten in the end, though a node with a disk has started anew', async () => {
  await start('a@one');
  await start('b@one');
  await sim.settled(sim.node('b@one').maps.drop('stock'));
  sim.crash('a@one');
  await restart('a@one');
  await sim.advance(600_000);
  const tombstones = ['a@one', 'b@one'].map(
    (name) => sim.node(name).metrics.snapshot()['barrel_store_tombstones'],
  );
  expect(tombstones).toEqual([0, 0]);
});

describe('a full disk', () => {
  test('is ERR_STORE and degraded; with room again everything is durable', async () => {
    const map = await start('a@one');
    await sim.settled(map.put('before', 1));
    sim.disk('a@one', { full: true });
    await expect(sim.settled(map.put('while', 2))).rejects.toMatchObject({ code: 'ERR_STORE' });
    expect(sim.node('a@one').status().state).toBe('degraded');
    expect(map.get('while')).toBe(2);
    sim.disk('a@one', { full: false });
    await sim.until(() => sim.node('a@one').status().state === 'ready', 10_000);
    await sim.settled(map.put('after', 3));
    sim.crash('a@one');
    const again = await restart('a@one');
    expect(['before', 'while', 'after'].map((key) => again.get(key))).toEqual([1, 2, 3]);
  });
});

describe('more than the disk takes at one time', () => {
  const value = 'x'.repeat(61_000);

  test('in one `putAll` is refused, and nothing has changed', async () => {
    const map = await startWith({});
    const entries = Array.from({ length: 1_200 }, (_, at) => [at, value] as const);
    await expect(sim.settled(map.putAll(entries))).rejects.toMatchObject({
      code: 'ERR_OVERLOADED',
    });
    expect([map.size, sim.node('a@one').status().state]).toEqual([0, 'ready']);
  });

  test('in many puts: what was refused is not there, the rest is, also after a crash', async () => {
    const map = await startWith({});
    const puts = Array.from({ length: 1_400 }, (_, at) => map.put(at, value));
    const outcomes = await sim.settled(Promise.allSettled(puts));
    const written = outcomes.flatMap(({ status }, at) => (status === 'fulfilled' ? [at] : []));
    const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
    expect(new Set(refused)).toEqual(new Set(['ERR_OVERLOADED']));
    expect(written.length).toBeGreaterThan(900);
    expect([...map.keys()]).toEqual(expect.arrayContaining(written));
    expect([map.size, sim.node('a@one').status().state]).toEqual([written.length, 'ready']);
    sim.crash('a@one');
    const again = await restart('a@one');
    expect(again.size).toBe(written.length);
  });
});

describe('what is not on disk when its map ends', () => {
  test('is tried once more: a node that is closed loses nothing', async () => {
    const map = await start('a@one');
    sim.disk('a@one', { full: true });
    await expect(sim.settled(map.put('k', 1))).rejects.toMatchObject({ code: 'ERR_STORE' });
    sim.disk('a@one', { full: false });
    await sim.settled(sim.node('a@one').close());
    expect((await restart('a@one')).get('k')).toBe(1);
  });

  test('is tried once more: nor does a map whose last handle is disposed', async () => {
    const map = await start('a@one');
    sim.disk('a@one', { full: true });
    await expect(sim.settled(map.put('k', 1))).rejects.toMatchObject({ code: 'ERR_STORE' });
    sim.disk('a@one', { full: false });
    await sim.settled(dispose(map));
    expect((await openOn('a@one')).get('k')).toBe(1);
  });

  test('is told with the map where it stays lost', async () => {
    const errors: unknown[] = [];
    const map = await startWith({
      logger: { ...silentLogger, error: (text, fields) => errors.push([text, fields]) },
    });
    sim.disk('a@one', { full: true });
    for (const key of ['a', 'b']) {
      await expect(sim.settled(map.put(key, 1))).rejects.toMatchObject({ code: 'ERR_STORE' });
    }
    await sim.settled(dispose(map));
    expect(errors.at(-1)).toEqual([
      'a store ends with entries that are not on disk',
      { store: 'map:stock', entries: 2 },
    ]);
  });
});

describe('flipped bits', () => {
  test('are reported, and what they hit is fetched from the other replica', async () => {
    let rotten = 0;
    for (let run = 0; run < 12; run += 1) {
      await sim[Symbol.asyncDispose]();
      sim = createSimulation({ seed: 1_000 + run });
      const damaged = await damagedAfterRot();
      if (damaged > 0) rotten += 1;
    }
    expect(rotten).toBeGreaterThan(2);
  });
});

/** How many values were reported as damaged; 0 when the rot hit the keys of the node instead. */
async function damagedAfterRot(): Promise<number> {
  const a = await start('a@one');
  await start('b@one');
  const entries = Array.from({ length: 300 }, (_, i) => [`key ${i}`, i] as const);
  await sim.settled(a.putAll(entries));
  await sim.until(() => sim.node('b@one').maps.get('stock')?.size === 300, 20_000);
  await sim.advance(20_000);
  sim.crash('a@one');
  sim.disk('a@one', { flipBits: 8 });
  const node = await sim.restart('a@one').catch((error: unknown) => error);
  if (node instanceof Error) {
    expect(node).toMatchObject({ code: expect.stringMatching(/^ERR_(STORE|IDENTITY)$/) });
    return 0;
  }
  const again = await openOn('a@one');
  await sim.until(() => again.size === 300, 60_000);
  expect(entries.filter(([key, value]) => again.get(key) !== value)).toEqual([]);
  return sim.node('a@one').metrics.snapshot()['barrel_store_damaged_total'] ?? 0;
}
