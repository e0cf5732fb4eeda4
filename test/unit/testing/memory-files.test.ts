import { describe, expect, test } from 'vitest';
import { MemoryFiles } from '../../../src/testing/memory-files.ts';

describe('files in memory', () => {
  test('what is written is read back and belongs to the file', async () => {
    const files = new MemoryFiles();
    await files.makeDirectory('/data');
    const content = new Uint8Array([1, 2, 3]);
    await files.write('/data/a', content);
    content.fill(0);
    const read = await files.read('/data/a');
    expect(read).toEqual(new Uint8Array([1, 2, 3]));
    read?.fill(9);
    expect(await files.read('/data/a')).toEqual(new Uint8Array([1, 2, 3]));
  });

  test('what is not there is undefined, empty, or nothing to remove', async () => {
    const files = new MemoryFiles();
    expect(await files.read('/none')).toBeUndefined();
    expect(await files.status('/none')).toBeUndefined();
    expect(await files.list('/none')).toEqual([]);
    await files.remove('/none');
  });

  test('a file needs its directory', async () => {
    const files = new MemoryFiles();
    const write = files.write('/data/a', new Uint8Array());
    await expect(write).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('directories are made with their parents and list what is in them, sorted', async () => {
    const files = new MemoryFiles();
    await files.makeDirectory('/data/pins/');
    await files.write('/data/pins/b', new Uint8Array());
    await files.write('/data/pins/a', new Uint8Array());
    expect(await files.list('/data/pins')).toEqual(['a', 'b']);
    expect(await files.list('/data')).toEqual(['pins']);
    expect(await files.list('/')).toEqual(['data']);
    await files.remove('/data/pins/a');
    expect(await files.list('/data/pins')).toEqual(['b']);
  });

  test('files are private to their owner, and an existing directory keeps its mode', async () => {
    const files = new MemoryFiles();
    await files.makeDirectory('/data');
    files.changeMode('/data', 0o755);
    await files.makeDirectory('/data');
    await files.write('/data/key', new Uint8Array(5));
    expect(await files.status('/data')).toEqual({ mode: 0o755, bytes: 0 });
    expect(await files.status('/data/key')).toEqual({ mode: 0o600, bytes: 5 });
    files.changeMode('/data/key', 0o644);
    expect((await files.status('/data/key'))?.mode).toBe(0o644);
    await files.write('/data/key', new Uint8Array(6));
    expect((await files.status('/data/key'))?.mode).toBe(0o600);
  });

  test('a directory is no file and a file no directory', async () => {
    const files = new MemoryFiles();
    await files.makeDirectory('/data');
    await files.write('/file', new Uint8Array());
    await expect(files.read('/data')).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(files.list('/file')).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(files.makeDirectory('/file/in')).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(files.read('relative')).rejects.toMatchObject({ code: 'EINVAL' });
  });
});
