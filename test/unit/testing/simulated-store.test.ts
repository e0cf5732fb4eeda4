import { describe, expect, test } from 'vitest';
import type { DurableStore } from '../../../src/host/durable-store.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { SimulatedDisk } from '../../../src/testing/simulated-disk.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { keysOf, put, textsOf } from '../host/durable-store-conformance.ts';

const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);
/** Longer than any sync. */
const WHILE_MS = 10;

describe('a store on a simulated disk, at a crash', () => {
  test('keeps what was acknowledged, and of the rest the first so many whole batches', async () => {
    const counts = await Promise.all(SEEDS.map(crashedInWriting));
    expect(new Set(counts)).toEqual(new Set([0, 1, 2, 3, 4]));
  });

  test('loses the batches that waited behind the write under way', async () => {
    const bench = await Bench.open(1);
    const batches = [bench.store.batch([put([1], 'a')])];
    await bench.time.advance(0.1);
    batches.push(bench.store.batch([put([2], 'b')]));
    bench.disk.crash();
    const settled = Promise.allSettled(batches);
    await bench.reopen();
    expect(await keysOf(bench.store, [2])).toEqual([]);
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('one seed gives one outcome', async () => {
    for (const seed of SEEDS.slice(0, 10)) {
      expect(await crashedInWriting(seed)).toBe(await crashedInWriting(seed));
    }
  });

  test('is free for the next start, which the crashed one cannot touch', async () => {
    const bench = await Bench.open(1);
    const before = bench.store;
    bench.disk.crash();
    await bench.reopen();
    const late = before.batch([put([1], 'late')]);
    await expect(bench.settled(late)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(await textsOf(bench.store)).toEqual([]);
  });

  test('a wiped disk has no store', async () => {
    const bench = await Bench.open(1);
    await bench.settled(bench.store.batch([put([1], 'a')]));
    bench.disk.crash();
    bench.disk.wipe();
    await bench.reopen();
    expect(await textsOf(bench.store)).toEqual([]);
  });
});

describe('a store on a simulated disk, with faults', () => {
  test('a full disk refuses batches, keeps the old values and goes on when there is room', async () => {
    const bench = await Bench.open(1);
    await bench.settled(bench.store.batch([put([1], 'a')]));
    bench.disk.isFull = true;
    const refused = bench.settled(bench.store.batch([put([1], 'b'), put([2], 'c')]));
    await expect(refused).rejects.toMatchObject({ code: 'ERR_STORE' });
    expect(await textsOf(bench.store)).toEqual(['1 a']);
    bench.disk.isFull = false;
    await bench.settled(bench.store.batch([put([2], 'd')]));
    expect(await textsOf(bench.store)).toEqual(['1 a', '2 d']);
  });

  test('a batch whose sync fails is there as a whole or not at all', async () => {
    const outcomes = await Promise.all(SEEDS.map(failedInSyncing));
    expect(new Set(outcomes)).toEqual(new Set(['1 a', '1 b,2 c']));
  });

  test('a store cannot be opened on a full or failing disk, and can later', async () => {
    const bench = await Bench.open(1);
    await bench.settled(bench.store.batch([put([1], 'a')]));
    await bench.settled(bench.store.close());
    for (const fault of ['isFull', 'failsSync'] as const) {
      bench.disk[fault] = true;
      await expect(bench.reopen()).rejects.toMatchObject({ code: 'ERR_STORE' });
      bench.disk[fault] = false;
    }
    await bench.reopen();
    expect(await textsOf(bench.store)).toEqual(['1 a']);
  });

  test('flipped bits are reported as damage, wherever they are in a value', async () => {
    const bench = await Bench.open(1);
    await bench.settled(bench.store.batch([put([1], 'ab')]));
    bench.disk.flipBits(1);
    expect(await textsOf(bench.store)).toEqual(['1 damaged']);
  });

  test('bits of files and of values are flipped alike', async () => {
    const bench = await Bench.open(1);
    await bench.settled(bench.files.write('/file', new Uint8Array(100)));
    await bench.settled(bench.store.batch([put([1], 'a')]));
    bench.disk.flipBits(9);
    expect(await textsOf(bench.store)).toEqual(['1 damaged']);
    expect((await bench.files.read('/file'))?.some((byte) => byte !== 0)).toBe(true);
  });

  test('a file in the place of the directory is refused', async () => {
    const bench = await Bench.open(1);
    await bench.settled(bench.files.write('/file', new Uint8Array()));
    const opened = bench.settled(bench.disk.storeOpener(bench.time)('/file'));
    await expect(opened).rejects.toMatchObject({ code: 'ERR_STORE' });
  });
});

class Bench {
  readonly time: VirtualTime;
  readonly disk: SimulatedDisk;
  readonly files: ReturnType<SimulatedDisk['open']>;
  store: DurableStore;

  static async open(seed: number): Promise<Bench> {
    const disk = new SimulatedDisk(new SeededRandom(seed));
    const time = new VirtualTime();
    const opening = disk.storeOpener(time)('/store');
    await time.advance(WHILE_MS);
    return new Bench(disk, time, await opening);
  }

  private constructor(disk: SimulatedDisk, time: VirtualTime, store: DurableStore) {
    this.disk = disk;
    this.time = time;
    this.files = disk.open(time);
    this.store = store;
  }

  async settled<T>(work: Promise<T>): Promise<T> {
    work.catch(() => {});
    await this.time.advance(WHILE_MS);
    return work;
  }

  async reopen(): Promise<void> {
    this.store = await this.settled(this.disk.storeOpener(this.time)('/store'));
  }
}

/** How many of four batches under way are there after a crash. */
async function crashedInWriting(seed: number): Promise<number> {
  const bench = await Bench.open(seed);
  await bench.settled(bench.store.batch([put([0], 'v')]));
  for (const key of [1, 2, 3, 4]) {
    bench.store.batch([put([key, 0], 'v'), put([key, 1], 'v')]).catch(() => {});
  }
  await bench.time.advance(0.1);
  bench.disk.crash();
  await bench.reopen();
  const keys = await keysOf(bench.store, []);
  const count = (keys.length - 1) / 2;
  const whole = [1, 2, 3, 4].slice(0, count).flatMap((key) => [
    [key, 0],
    [key, 1],
  ]);
  expect(keys).toEqual([[0], ...whole]);
  return count;
}

async function failedInSyncing(seed: number): Promise<string> {
  const bench = await Bench.open(seed);
  await bench.settled(bench.store.batch([put([1], 'a')]));
  bench.disk.failsSync = true;
  const failing = bench.settled(bench.store.batch([put([1], 'b'), put([2], 'c')]));
  await expect(failing).rejects.toMatchObject({ code: 'ERR_STORE' });
  bench.disk.failsSync = false;
  bench.disk.crash();
  await bench.reopen();
  return (await textsOf(bench.store)).join();
}
