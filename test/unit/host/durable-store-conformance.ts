/** What all durable stores must do, the real one and the simulated one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type {
  DurableStore,
  OpenDurableStore,
  StoreOperation,
} from '../../../src/host/durable-store.ts';

export interface StoreUnderTest {
  readonly open: OpenDurableStore;
  /** An absolute path at which nothing is. */
  readonly directory: string;
  /** Lets what takes virtual time come to its end. */
  settle<T>(work: Promise<T>): Promise<T>;
  /** Flips a bit of one of the stored values; the store is closed. */
  damage(): Promise<void>;
  close(): Promise<void>;
}

type Bench = () => StoreUnderTest;

/** Registers the suite under that name. The setup is called once for each test. */
export function storeConformance(name: string, setup: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let bench: StoreUnderTest;
    beforeEach(async () => {
      bench = await setup();
    });
    afterEach(() => bench.close());
    readingTests(() => bench);
    writingTests(() => bench);
    openingTests(() => bench);
    damageTests(() => bench);
  });
}

function readingTests(bench: Bench): void {
  test('a range has the keys of its prefix alone, in the order of their bytes', async () => {
    const store = await opened(bench());
    const keys = [[2], [1, 255], [1], [1, 0], [1, 255, 255], [0, 9], [], [1, 128], [1, 127], [255]];
    await bench().settle(store.batch(keys.map((key) => put(key, 'v'))));
    const ordered = [[1], [1, 0], [1, 127], [1, 128], [1, 255], [1, 255, 255]];
    expect(await keysOf(store, [1])).toEqual(ordered);
    expect(await keysOf(store, [1, 255])).toEqual([
      [1, 255],
      [1, 255, 255],
    ]);
    expect(await keysOf(store, [])).toEqual([[], [0, 9], ...ordered, [2], [255]]);
    expect(await keysOf(store, [3])).toEqual([]);
    await bench().settle(store.close());
  });

  test('a long range has every key, and one that is left early ends', async () => {
    const store = await opened(bench());
    const names = Array.from({ length: 5_000 }, (_, index) => [index >> 8, index & 255]);
    await bench().settle(store.batch(names.map((key) => put(key, 'v'.repeat(200)))));
    expect(await keysOf(store, [])).toEqual(names);
    for await (const { key } of store.range(new Uint8Array())) {
      expect([...key]).toEqual([0, 0]);
      break;
    }
    await bench().settle(store.close());
  });

  test('values of any bytes and none come back as they were', async () => {
    const store = await opened(bench());
    const value = Uint8Array.from({ length: 256 }, (_, index) => index);
    const operations = [
      { key: bytes([1]), value },
      { key: bytes([2]), value: new Uint8Array() },
    ];
    const batch = store.batch(operations);
    operations[0]?.key.fill(9);
    value.fill(9);
    await bench().settle(batch);
    const items = await itemsOf(store);
    expect(items.map(({ key }) => key)).toEqual([[1], [2]]);
    expect(items[0]?.value).toEqual(Array.from({ length: 256 }, (_, index) => index));
    expect(items[1]?.value).toEqual([]);
    await bench().settle(store.close());
  });
}

function writingTests(bench: Bench): void {
  test('the last write of a key wins, in one batch and over batches of one tick', async () => {
    const store = await opened(bench());
    await bench().settle(
      Promise.all([
        store.batch([put([1], 'a'), put([1], 'b'), put([2], 'a'), remove([2]), remove([3])]),
        store.batch([put([3], 'c'), put([4], 'a')]),
        store.batch([put([4], 'd')]),
        store.batch([remove([4]), put([4], 'e')]),
      ]),
    );
    expect(await textsOf(store)).toEqual(['1 b', '3 c', '4 e']);
    await bench().settle(store.close());
  });

  test('what is removed is gone, also after it was opened again', async () => {
    const store = await opened(bench());
    await bench().settle(store.batch([put([1], 'a'), put([2], 'b')]));
    await bench().settle(store.batch([remove([1]), remove([9])]));
    expect(await textsOf(store)).toEqual(['2 b']);
    expect(await textsOf(await reopened(bench(), store))).toEqual(['2 b']);
  });

  test('batches become durable in the order of their calls', async () => {
    const store = await opened(bench());
    const done: number[] = [];
    const batches = Array.from({ length: 50 }, async (_, index) => {
      await store.batch([put([1], `${index}`)]);
      done.push(index);
    });
    await bench().settle(Promise.all(batches));
    expect(done).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(await textsOf(store)).toEqual(['1 49']);
    await bench().settle(store.close());
  });

  test('a batch of nothing is done', async () => {
    const store = await opened(bench());
    await bench().settle(store.batch([]));
    expect(await textsOf(store)).toEqual([]);
    await bench().settle(store.close());
  });
}

function openingTests(bench: Bench): void {
  test('a store that is opened again has all that was acknowledged', async () => {
    let store = await opened(bench());
    for (const key of [1, 2, 3]) {
      await bench().settle(store.batch([put([key], 'v')]));
      store = await reopened(bench(), store);
    }
    expect(store.wasRepaired).toBe(false);
    expect(await keysOf(store, [])).toEqual([[1], [2], [3]]);
    await bench().settle(store.close());
  });

  test('closing waits for what is under way, and then nothing more is taken', async () => {
    const store = await opened(bench());
    const batch = store.batch([put([1], 'a')]);
    const closed = bench().settle(Promise.all([store.close(), store.close()]));
    const late = expect(store.batch([put([2], 'b')])).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await closed;
    await batch;
    await late;
    await expect(textsOf(store)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(await textsOf(await opened(bench()))).toEqual(['1 a']);
  });

  test('a range under way ends with the store', async () => {
    const store = await opened(bench());
    const operations = Array.from({ length: 2_000 }, (_, at) => put([at >> 8, at & 255], 'v'));
    await bench().settle(store.batch(operations));
    const range = store.range(new Uint8Array())[Symbol.asyncIterator]();
    await range.next();
    await bench().settle(store.close());
    const rest = async (): Promise<void> => {
      while ((await range.next()).done !== true);
    };
    await expect(rest()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('a second opener is refused, and the first one keeps the store', async () => {
    const { open, directory, settle } = bench();
    const store = await opened(bench());
    for (const name of [directory, `${directory}/`]) {
      const second = settle(open(name));
      await expect(second).rejects.toMatchObject({ code: 'ERR_STORE' });
    }
    await settle(store.batch([put([1], 'a')]));
    expect(await textsOf(await reopened(bench(), store))).toEqual(['1 a']);
  });

  test('of many that open at once one gets it', async () => {
    const { open, directory, settle } = bench();
    const opens = Array.from({ length: 5 }, () => open(directory));
    const outcomes = await settle(Promise.allSettled(opens));
    const stores = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(stores).toHaveLength(1);
    for (const store of stores) await settle(store.close());
  });
}

function damageTests(bench: Bench): void {
  test('a damaged value is reported until its key is written', async () => {
    const { settle, damage } = bench();
    let store = await opened(bench());
    await settle(store.batch([1, 2, 3].map((key) => put([key], `value ${key}`))));
    // Opened again: the real one has it in a table then.
    store = await reopened(bench(), store);
    await settle(store.close());
    await damage();
    store = await opened(bench());
    const damaged = (await itemsOf(store)).filter(({ value }) => value === undefined);
    const [key = []] = damaged.map((item) => item.key);
    expect(damaged).toHaveLength(1);
    const expected = [1, 2, 3].map((at) => `${at} ${at === key[0] ? 'damaged' : `value ${at}`}`);
    store = await reopened(bench(), store);
    expect(await textsOf(store)).toEqual(expected);
    await settle(store.batch([put(key, `value ${key[0]}`)]));
    store = await reopened(bench(), store);
    expect(await textsOf(store)).toEqual(['1 value 1', '2 value 2', '3 value 3']);
    await settle(store.close());
  });
}

export function opened({ open, directory, settle }: StoreUnderTest): Promise<DurableStore> {
  return settle(open(directory));
}

export async function reopened(bench: StoreUnderTest, store: DurableStore): Promise<DurableStore> {
  await bench.settle(store.close());
  return opened(bench);
}

export function put(key: readonly number[], value: string): StoreOperation {
  return { key: bytes(key), value: Buffer.from(value) };
}

export function remove(key: readonly number[]): StoreOperation {
  return { key: bytes(key), value: undefined };
}

interface SeenItem {
  readonly key: readonly number[];
  readonly value: readonly number[] | undefined;
}

async function itemsOf(store: DurableStore): Promise<SeenItem[]> {
  const items: SeenItem[] = [];
  for await (const item of store.range(new Uint8Array())) {
    const value = item.kind === 'value' ? [...item.value] : undefined;
    items.push({ key: [...item.key], value });
  }
  return items;
}

export async function keysOf(
  store: DurableStore,
  prefix: readonly number[],
): Promise<readonly (readonly number[])[]> {
  const keys: number[][] = [];
  for await (const { key } of store.range(bytes(prefix))) keys.push([...key]);
  return keys;
}

/** `1.2 text` for the key of the bytes 1 and 2. */
export async function textsOf(store: DurableStore): Promise<readonly string[]> {
  return (await itemsOf(store)).map(({ key, value }) => {
    return `${key.join('.')} ${value === undefined ? 'damaged' : Buffer.from(value)}`;
  });
}

function bytes(key: readonly number[]): Uint8Array {
  return Uint8Array.from(key);
}
