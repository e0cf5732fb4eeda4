import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DurableStore } from '../../../src/host/durable-store.ts';
import { openLevelStore } from '../../../src/host/level-store.ts';
import { keysOf, put, textsOf } from './durable-store-conformance.ts';

/** Enough for two tables. */
const KEYS = 600;
const LOGGED = 40;
const VALUE = 'v'.repeat(8_000);

let folder: string;
let directory: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'barrel-level-'));
  directory = join(folder, 'store');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the directory of a store', () => {
  test('is made with its parents for its owner alone', async () => {
    directory = join(folder, 'a', 'b');
    await (await openLevelStore(directory)).close();
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  test('a file in its place is refused, and so is a folder inside a file', async () => {
    await writeFile(directory, '');
    for (const path of [directory, join(directory, 'below')]) {
      await expect(openLevelStore(path)).rejects.toMatchObject({
        code: 'ERR_STORE',
        message: expect.stringContaining(path),
      });
    }
  });

  test('a directory in the place of a file of LevelDB is refused', async () => {
    await mkdir(join(directory, 'LOCK'), { recursive: true });
    await expect(openLevelStore(directory)).rejects.toMatchObject({ code: 'ERR_STORE' });
    await rm(join(directory, 'LOCK'), { recursive: true });
    await (await openLevelStore(directory)).close();
  });

  test('what an open that was refused leaves behind is still a new store', async () => {
    await mkdir(directory);
    for (const name of ['LOCK', 'LOG']) await writeFile(join(directory, name), '');
    const store = await openLevelStore(directory);
    expect(store.wasRepaired).toBe(false);
    await store.close();
  });

  test('a store is found again after its directory was moved', async () => {
    await fill();
    await cp(directory, `${directory}-moved`, { recursive: true });
    directory = `${directory}-moved`;
    expect(await seen()).toEqual({ wasRepaired: false, keys: KEYS });
  });
});

describe('damaged files of a store', () => {
  beforeEach(fill);

  test('without damage nothing is repaired', async () => {
    expect(await seen()).toEqual({ wasRepaired: false, keys: KEYS });
  });

  test('without CURRENT it is repaired, never taken for a new one', async () => {
    await rm(join(directory, 'CURRENT'));
    expect(await seen()).toEqual({ wasRepaired: true, keys: KEYS });
    expect(await seen()).toEqual({ wasRepaired: false, keys: KEYS });
  });

  test('a CURRENT that is empty or names nothing is repaired', async () => {
    for (const content of ['', 'MANIFEST-999999\n']) {
      await writeFile(join(directory, 'CURRENT'), content);
      expect(await seen()).toEqual({ wasRepaired: true, keys: KEYS });
    }
  });

  test('a manifest that ends anywhere loses nothing', async () => {
    const manifest = await fileOf(/^MANIFEST-/);
    const { size } = await stat(manifest);
    const original = `${directory}-original`;
    await cp(directory, original, { recursive: true });
    for (let bytes = 0; bytes < size; bytes += Math.ceil(size / 12)) {
      await rm(directory, { recursive: true });
      await cp(original, directory, { recursive: true });
      await truncate(manifest, bytes);
      expect(await seen()).toEqual({ wasRepaired: true, keys: KEYS });
    }
  });

  test('a flipped byte in the manifest loses nothing', async () => {
    await flipByte(await fileOf(/^MANIFEST-/), 20);
    expect(await seen()).toEqual({ wasRepaired: true, keys: KEYS });
  });

  test('a table that ends too early is repaired when it is read', async () => {
    const table = await fileOf(/\.ldb$/);
    await truncate(table, Math.floor((await stat(table)).size / 2));
    const { wasRepaired, keys } = await seen();
    expect(wasRepaired).toBe(true);
    expect(keys).toBeLessThan(KEYS);
    expect(keys).toBeGreaterThan(0);
    // What is left can be written to and opened as ever.
    await fill();
    expect(await seen()).toEqual({ wasRepaired: false, keys: KEYS });
  });

  test('a missing table is noticed', async () => {
    await rm(await fileOf(/\.ldb$/));
    const { wasRepaired, keys } = await seen();
    expect(wasRepaired).toBe(true);
    expect(keys).toBeLessThan(KEYS);
  });

  test('a log that ends early has what was before, as after a crash', async () => {
    const log = await fileOf(/\.log$/);
    await truncate(log, Math.floor((await stat(log)).size / 2));
    const store = await openLevelStore(directory);
    const keys = await keysOf(store, []);
    expect(store.wasRepaired).toBe(false);
    expect(keys.map(([high = 0, low = 0]) => high * 256 + low)).toEqual(
      keys.map((_, index) => index),
    );
    expect(keys.length).toBeLessThan(KEYS);
    await store.close();
  });

  test('a missing log is noticed', async () => {
    await rm(await fileOf(/\.log$/));
    expect(await seen()).toEqual({ wasRepaired: true, keys: KEYS - LOGGED });
  });

  test('a flipped byte in the log is noticed', async () => {
    await flipByte(await fileOf(/\.log$/), 30_000);
    const { wasRepaired, keys } = await seen();
    expect(wasRepaired).toBe(true);
    expect(keys).toBeLessThan(KEYS);
  });

  test('a flipped byte in a table costs one value', async () => {
    const table = await fileOf(/\.ldb$/);
    await flipByte(table, (await readFile(table)).indexOf('vvvv') + 100);
    const store = await openLevelStore(directory);
    const texts = await textsOf(store);
    expect(texts.filter((text) => text.endsWith('damaged'))).toHaveLength(1);
    expect(texts).toHaveLength(KEYS);
    await store.close();
  });

  test('writes and other ranges go on while a range has it repaired', async () => {
    const table = await fileOf(/\.ldb$/);
    await truncate(table, (await stat(table)).size - 100);
    const store = await openLevelStore(directory);
    const ranges = [0, 1, 2].map(() => keysOf(store, []));
    const writes = Array.from({ length: 40 }, async (_, index) => {
      for (let round = 0; round < 5; round += 1) await store.batch([put([9, index], `${round}`)]);
    });
    await Promise.all(writes);
    const counts = (await Promise.all(ranges)).map(({ length }) => length);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(store.wasRepaired).toBe(true);
    expect(await keysOf(store, [9])).toHaveLength(40);
    await store.close();
  });
});

/** The first keys are in tables then, the rest in the log. */
async function fill(): Promise<void> {
  const first = await openLevelStore(directory);
  for (let key = 0; key < KEYS - LOGGED; key += 20) await write(first, key, key + 20);
  await first.close();
  const second = await openLevelStore(directory);
  await write(second, KEYS - LOGGED, KEYS);
  await second.close();
}

async function write(store: DurableStore, from: number, end: number): Promise<void> {
  const keys = Array.from({ length: end - from }, (_, index) => from + index);
  await Promise.all(keys.map((key) => store.batch([put([key >> 8, key & 255], VALUE)])));
}

async function seen(): Promise<{ readonly wasRepaired: boolean; readonly keys: number }> {
  const store: DurableStore = await openLevelStore(directory);
  const keys = (await keysOf(store, [])).length;
  const { wasRepaired } = store;
  await store.close();
  return { wasRepaired, keys };
}

/** The first one by its name. */
async function fileOf(pattern: RegExp): Promise<string> {
  const name = (await readdir(directory)).sort().find((file) => pattern.test(file));
  if (name === undefined) throw new Error(`no ${pattern} in the store`);
  return join(directory, name);
}

async function flipByte(path: string, at: number): Promise<void> {
  const content = await readFile(path);
  content[at] = (content[at] ?? 0) ^ 1;
  await writeFile(path, content);
}
