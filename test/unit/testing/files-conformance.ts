/** What all files must do, the real ones and the simulated ones; the setup gives a fresh folder. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Files } from '../../../src/host/files.ts';

export interface FilesUnderTest {
  readonly files: Files;
  /** An empty folder. */
  readonly folder: string;
  /** Lets what takes virtual time come to its end. */
  settle<T>(work: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Registers the suite under that name. The setup is called once for each test. */
export function filesConformance(name: string, setup: () => Promise<FilesUnderTest>): void {
  describe(name, () => {
    let bench: FilesUnderTest;
    beforeEach(async () => {
      bench = await setup();
    });
    afterEach(() => bench.close());
    contentTests(() => bench);
    directoryTests(() => bench);
  });
}

function contentTests(bench: () => FilesUnderTest): void {
  test('what is written is read back and belongs to the file', async () => {
    const { files, folder, settle } = bench();
    const content = new Uint8Array([1, 2, 3]);
    await settle(files.write(`${folder}/a`, content));
    content.fill(0);
    const read = await settle(files.read(`${folder}/a`));
    expect([...(read ?? [])]).toEqual([1, 2, 3]);
    read?.fill(9);
    expect([...((await settle(files.read(`${folder}/a`))) ?? [])]).toEqual([1, 2, 3]);
  });

  test('a file is replaced as a whole and has mode 0600', async () => {
    const { files, folder, settle } = bench();
    await settle(files.write(`${folder}/a`, new Uint8Array(5)));
    await settle(files.write(`${folder}/a`, new Uint8Array(2)));
    expect(await settle(files.status(`${folder}/a`))).toEqual({ mode: 0o600, bytes: 2 });
    expect(await settle(files.list(folder))).toEqual(['a']);
  });

  test('writes of one file at once leave one whole content', async () => {
    const { files, folder, settle } = bench();
    const contents = [1, 2, 3, 4].map((byte) => new Uint8Array(1_000).fill(byte));
    await settle(Promise.all(contents.map((content) => files.write(`${folder}/a`, content))));
    const read = (await settle(files.read(`${folder}/a`))) ?? new Uint8Array();
    expect(read.length).toBe(1_000);
    expect(new Set(read).size).toBe(1);
  });

  test('what is not there is undefined, empty, or nothing to remove', async () => {
    const { files, folder, settle } = bench();
    expect(await settle(files.read(`${folder}/none`))).toBeUndefined();
    expect(await settle(files.status(`${folder}/none`))).toBeUndefined();
    expect(await settle(files.list(`${folder}/none`))).toEqual([]);
    await settle(files.remove(`${folder}/none`));
  });

  test('what is removed is gone', async () => {
    const { files, folder, settle } = bench();
    await settle(files.write(`${folder}/a`, new Uint8Array(1)));
    await settle(files.remove(`${folder}/a`));
    expect(await settle(files.read(`${folder}/a`))).toBeUndefined();
    expect(await settle(files.list(folder))).toEqual([]);
  });
}

function directoryTests(bench: () => FilesUnderTest): void {
  test('a file needs its directory', async () => {
    const { files, folder, settle } = bench();
    const write = settle(files.write(`${folder}/none/a`, new Uint8Array()));
    await expect(write).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('directories are made with their parents, have mode 0700 and list what is in them', async () => {
    const { files, folder, settle } = bench();
    await settle(files.makeDirectory(`${folder}/data/pins`));
    await settle(files.makeDirectory(`${folder}/data/pins`));
    for (const name of ['b', 'a']) {
      await settle(files.write(`${folder}/data/pins/${name}`, new Uint8Array()));
    }
    expect(await settle(files.list(`${folder}/data/pins`))).toEqual(['a', 'b']);
    expect(await settle(files.list(`${folder}/data`))).toEqual(['pins']);
    expect((await settle(files.status(`${folder}/data`)))?.mode).toBe(0o700);
  });

  test('a directory is no file and a file no directory', async () => {
    const { files, folder, settle } = bench();
    await settle(files.write(`${folder}/a`, new Uint8Array()));
    await expect(settle(files.read(folder))).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(settle(files.list(`${folder}/a`))).rejects.toMatchObject({ code: 'ENOTDIR' });
    const inside = settle(files.makeDirectory(`${folder}/a/b`));
    await expect(inside).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(settle(files.makeDirectory(`${folder}/a`))).rejects.toMatchObject({
      code: 'EEXIST',
    });
  });
}
