import { beforeEach, describe, expect, test } from 'vitest';
import { type KeptStore, StoreDisk } from '../../../src/cluster/store-disk.ts';
import type { StoreWrite } from '../../../src/core/store/contract.ts';
import type { Entry } from '../../../src/core/store/entry.ts';
import { bytesOfOperation, type DurableStore } from '../../../src/host/durable-store.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { STORE_GROUP_BYTES_MAX } from '../../../src/limits.ts';
import { MemoryFiles } from '../../../src/testing/memory-files.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { SimulatedStores } from '../../../src/testing/simulated-store.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

const KNOWLEDGE = { floor: 5n, known: [] };
const ENTRY: Entry = {
  key: 'tea',
  stamp: 7n,
  writer: { node: 'a@h', incarnation: 1n },
  value: new Uint8Array([1, 2, 3]),
  expiresAtMs: 0,
};
/** In the order in which `begin` writes them. */
const KEPT_AT = 0;
const ENTRY_AT = 1;

/** With these no batch of all of them fits into what may wait for the disk. */
const LARGE = new Uint8Array(60_000);
const LARGE_COUNT = 1_200;

const logger = {
  ...silentLogger,
  error: (...words: readonly unknown[]) => void errors.push(words),
};

const FAULTS = { isFull: false, failsSync: false };

let time: VirtualTime;
let meter: Meter;
let stores: SimulatedStores;
let durable: DurableStore;
let disk: StoreDisk;
let errors: (readonly unknown[])[];
/** Bytes of each batch that was handed to the disk. */
let batches: number[];
let entriesInMemory: ReadonlyMap<string, Entry>;

beforeEach(async () => {
  time = new VirtualTime();
  errors = [];
  batches = [];
  FAULTS.isFull = false;
  stores = new SimulatedStores({
    random: new SeededRandom(1),
    faults: FAULTS,
    sync: async () => {},
  });
  expect(await restarted()).toEqual({
    incarnation: 1n,
    entries: [],
    exchangedAt: 0n,
    knowledge: { floor: 0n, known: [] },
    heard: [],
  });
  keep(ENTRY);
  exchanged(true);
  await time.advance(10);
});

test('what was kept is there after a restart, and who the replica was', async () => {
  expect(await restarted()).toEqual({
    incarnation: 1n,
    entries: [ENTRY],
    exchangedAt: 9n,
    knowledge: KNOWLEDGE,
    heard: [],
  });
  expect(disk.faults).toEqual([]);
});

describe('a damaged value is a fault, and what was known is not trusted', () => {
  beforeEach(async () => {
    damage(ENTRY_AT);
    expect(await restarted()).toMatchObject({ entries: [], knowledge: undefined });
    expect(disk.faults).toEqual(['map:m: 1 damaged values']);
  });

  test('until it is written again', async () => {
    keep(ENTRY);
    await time.advance(10);
    expect(disk.faults).toEqual([]);
    expect(await restarted()).toMatchObject({ entries: [ENTRY], knowledge: undefined });
  });

  test('until an exchange shows that nobody has it', async () => {
    exchanged(false);
    await time.advance(10);
    expect(disk.faults).toEqual([]);
    expect(await restarted()).toMatchObject({ entries: [], knowledge: KNOWLEDGE });
    expect(disk.faults).toEqual([]);
  });

  test('and what an exchange brought is not removed as if nobody had it', async () => {
    keep(ENTRY);
    exchanged(true);
    await time.advance(10);
    expect(await restarted()).toMatchObject({ entries: [ENTRY], knowledge: KNOWLEDGE });
  });
});

test('where who it was is damaged, it is a new replica, and no fault stays', async () => {
  damage(KEPT_AT);
  expect(await restarted(2n)).toMatchObject({
    incarnation: 2n,
    entries: [ENTRY],
    knowledge: undefined,
  });
  expect(disk.faults).toEqual([]);
});

test('a batch that fails is counted once, and nothing is said to be known meanwhile', async () => {
  FAULTS.isFull = true;
  keep({ ...ENTRY, key: 'more' });
  exchanged(true);
  await time.advance(10);
  expect(meter.counter('barrel_store_disk_failures_total').value).toBe(1);
  expect(disk.faults).toEqual(['map:m: 1 entries not on disk']);
});

describe('what is not on disk', () => {
  test('counts until it is, also while it is tried again', async () => {
    FAULTS.isFull = true;
    keep(...many(3));
    await time.advance(10);
    FAULTS.isFull = false;
    const done = disk.entries.retry(entryOf);
    expect(disk.faults).toEqual(['map:m: 3 entries not on disk']);
    await time.advance(10);
    await done;
    expect(disk.faults).toEqual([]);
  });

  test('is written in pieces, however much has gathered', async () => {
    FAULTS.isFull = true;
    const entries = many(LARGE_COUNT, LARGE);
    for (let at = 0; at < entries.length; at += 100) {
      keep(...entries.slice(at, at + 100));
      await time.advance(10);
    }
    expect(disk.faults).toEqual([`map:m: ${LARGE_COUNT} entries not on disk`]);
    FAULTS.isFull = false;
    batches.length = 0;
    void disk.entries.retry(entryOf);
    await time.advance(1_000);
    expect(disk.faults).toEqual([]);
    expect(batches.every((bytes) => bytes <= STORE_GROUP_BYTES_MAX)).toBe(true);
    expect(await restarted()).toMatchObject({ entries: { length: LARGE_COUNT + 1 } });
  });

  test('is tried with one piece while the disk stays full', async () => {
    FAULTS.isFull = true;
    const entries = many(200, LARGE);
    keep(...entries);
    await time.advance(10);
    batches.length = 0;
    await Promise.all([disk.entries.retry(entryOf), time.advance(10)]);
    expect(batches).toHaveLength(1);
    expect(disk.faults).toEqual(['map:m: 200 entries not on disk']);
  });

  test('is written as it is by then, and a key that was forgotten is removed', async () => {
    FAULTS.isFull = true;
    const [old, gone] = many(2);
    if (old === undefined || gone === undefined) throw new Error('two');
    keep(old, gone, ENTRY);
    await time.advance(10);
    FAULTS.isFull = false;
    const current = { ...old, stamp: 8n };
    void disk.entries.retry((key) => (key === old.key ? current : undefined));
    await time.advance(10);
    expect(await restarted()).toMatchObject({ entries: [current] });
  });

  test('is tried once more at the end', async () => {
    FAULTS.isFull = true;
    keep(...many(3));
    await time.advance(10);
    FAULTS.isFull = false;
    await Promise.all([disk.close(entryOf), time.advance(10)]);
    expect(errors).toHaveLength(1);
    expect(await restarted()).toMatchObject({ entries: { length: 4 } });
  });

  test('is told with its count where it ends so', async () => {
    FAULTS.isFull = true;
    keep(...many(3));
    await Promise.all([disk.close(entryOf), time.advance(10)]);
    expect(errors.at(-1)).toEqual([
      'a store ends with entries that are not on disk',
      { store: 'map:m', entries: 3 },
    ]);
  });
});

describe('more than the disk takes at one time', () => {
  test('is refused before it is written, and says why', async () => {
    const [entry] = many(1, LARGE);
    if (entry === undefined) throw new Error('one');
    const { key, value } = entry;
    const writes = (count: number): StoreWrite[] =>
      Array.from({ length: count }, () => ({ key, value }));
    disk.entries.checkRoom(writes(1_000));
    const refusal = expect.objectContaining({ code: 'ERR_OVERLOADED' });
    expect(() => disk.entries.checkRoom(writes(LARGE_COUNT))).toThrow(refusal);
    expect(() => disk.entries.checkRoom(writes(LARGE_COUNT))).toThrow(/one write of \d+ bytes/);
    keep(...many(800, LARGE));
    expect(() => disk.entries.checkRoom(writes(400))).toThrow(refusal);
    expect(() => disk.entries.checkRoom(writes(400))).toThrow(/\d+ bytes wait for the disk/);
    await time.advance(10);
    disk.entries.checkRoom(writes(400));
  });

  test('comes to the disk later where it came from others, and is no failure', async () => {
    keep(...many(LARGE_COUNT, LARGE));
    const durable = expect(disk.entries.durable()).rejects.toMatchObject({ code: 'ERR_STORE' });
    await time.advance(10);
    await durable;
    expect(disk.faults).toEqual([`map:m: ${LARGE_COUNT} entries not on disk`]);
    void disk.entries.retry(entryOf);
    await time.advance(1_000);
    expect([disk.faults, errors]).toEqual([[], []]);
    expect(meter.counter('barrel_store_disk_failures_total').value).toBe(0);
    expect(await restarted()).toMatchObject({ entries: { length: LARGE_COUNT + 1 } });
  });

  test('is erased in pieces, and what is known goes first', async () => {
    keep(...many(60_000));
    await time.advance(10);
    batches.length = 0;
    const order: string[] = [];
    const { batch } = durable;
    durable.batch = (operations) => {
      for (const { key } of operations) order.push(Buffer.from(key).toString('latin1'));
      return batch.call(durable, operations);
    };
    await Promise.all([disk.erase(), time.advance(100)]);
    expect(batches.length).toBeGreaterThan(1);
    expect(Math.max(...batches)).toBeLessThanOrEqual(STORE_GROUP_BYTES_MAX);
    expect(order.findIndex((key) => key.startsWith('map:m\0e'))).toBeGreaterThan(0);
    expect(order.slice(1).every((key) => key.startsWith('map:m\0e'))).toBe(true);
    expect(await restarted(2n)).toMatchObject({ incarnation: 2n, entries: [] });
  });
});

describe('whose writes have come', () => {
  const heard = [{ replica: ENTRY.writer, had: [{ after: 0n, upTo: 7n }] }];
  const more = { ...ENTRY, key: 'more' };

  test('is kept behind the entries, until an exchange keeps all that is known', async () => {
    disk.keep({ changes: [], stored: [more], forgotten: [], heard });
    await time.advance(10);
    expect(await restarted()).toMatchObject({ entries: [more, ENTRY], heard: [] });
    disk.keep({ changes: [], stored: [more], forgotten: [], heard });
    disk.keepHeard();
    await time.advance(10);
    expect(await restarted()).toMatchObject({ knowledge: KNOWLEDGE, heard });
    exchanged(true);
    await time.advance(10);
    expect(await restarted()).toMatchObject({ knowledge: KNOWLEDGE, heard: [] });
  });

  test('is not kept while an entry is not on disk, and once it is', async () => {
    FAULTS.isFull = true;
    disk.keep({ changes: [], stored: [more], forgotten: [], heard });
    disk.keepHeard();
    await time.advance(10);
    FAULTS.isFull = false;
    disk.keepHeard();
    await time.advance(10);
    void disk.entries.retry(() => more);
    await time.advance(10);
    disk.keepHeard();
    await time.advance(10);
    expect(await restarted()).toMatchObject({ entries: [more, ENTRY], heard });
  });

  test('is nothing to trust after damage, not even after the next start', async () => {
    disk.keep({ changes: [], stored: [more], forgotten: [], heard });
    disk.keepHeard();
    await time.advance(10);
    damage(ENTRY_AT);
    expect(await restarted()).toMatchObject({ knowledge: undefined });
    keep(ENTRY);
    await time.advance(10);
    expect(await restarted()).toMatchObject({ knowledge: undefined, heard: [] });
  });
});

function keep(...stored: readonly Entry[]): void {
  disk.keep({ changes: [], stored, forgotten: [], heard: [] });
}

function many(count: number, value: Uint8Array = new Uint8Array([1])): readonly Entry[] {
  entriesInMemory = new Map(
    Array.from({ length: count }, (_, at) => [`key ${at}`, { ...ENTRY, key: `key ${at}`, value }]),
  );
  return [...entriesInMemory.values()];
}

function entryOf(key: string): Entry | undefined {
  return entriesInMemory.get(key);
}

async function restarted(incarnation = 1n): Promise<KeptStore> {
  stores.crash();
  const work = async (): Promise<KeptStore> => {
    const files = new MemoryFiles();
    meter = new Meter();
    durable = counted(await stores.opener(files, time)('/store'));
    disk = new StoreDisk({
      store: durable,
      name: 'map:m',
      host: { logger, meter },
    });
    return disk.load(incarnation);
  };
  const kept = work();
  kept.catch(() => {});
  await time.advance(10);
  return kept;
}

function counted(store: DurableStore): DurableStore {
  const { batch } = store;
  store.batch = (operations) => {
    batches.push(operations.reduce((sum, operation) => sum + bytesOfOperation(operation), 0));
    return batch.call(store, operations);
  };
  return store;
}

function exchanged(hasEntry: boolean): void {
  disk.exchanged({ knowledge: KNOWLEDGE, exchangedAt: 9n, has: () => hasEntry });
}

function damage(at: number): void {
  const bytes = stores.values()[at];
  if (bytes === undefined) throw new Error(`no value ${at}`);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
}
