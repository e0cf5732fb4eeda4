/**
 * Files on the real disk. A write goes to a file of its own beside the target, created exclusively
 * under an unguessable name, and replaces the target by one rename; so no reader ever sees half of
 * it, and no link planted by somebody else is followed.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileStatus, Files } from './files.ts';

const TEMPORARY = /^\.barrel-[0-9a-f]{24}\.tmp$/;
const PERMISSION_BITS = 0o777;
// The permission bits of Windows say nothing about other users there.
const MEANINGFUL_BITS = process.platform === 'win32' ? 0o700 : PERMISSION_BITS;
// Without it opening a named pipe would wait for a writer for ever. Windows has no such flag.
const READ_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

export const systemFiles: Files = {
  read: (path) => unlessMissing(readRegular(path)),
  write: replaceFile,
  remove: removeFile,
  list: listDirectory,
  status: (path) => unlessMissing(statusOf(path)),
  makeDirectory: async (directory) => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  },
};

async function readRegular(path: string): Promise<Uint8Array> {
  const handle = await open(path, READ_FLAGS);
  try {
    if (!(await handle.stat()).isFile()) throw notRegular(path);
    const content = await handle.readFile();
    return new Uint8Array(content.buffer, content.byteOffset, content.byteLength);
  } finally {
    await handle.close();
  }
}

async function replaceFile(path: string, content: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.barrel-${randomBytes(12).toString('hex')}.tmp`);
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await writeDurably(handle, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function writeDurably(handle: FileHandle, content: Uint8Array): Promise<void> {
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeFile(path: string): Promise<void> {
  const present = await unlessMissing(stat(path));
  await rm(path, { force: true });
  if (present !== undefined) await syncDirectory(dirname(path));
}

/** Makes a rename or removal durable. Windows cannot open a directory; its rename is journalled. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function listDirectory(directory: string): Promise<readonly string[]> {
  const names = (await unlessMissing(readdir(directory))) ?? [];
  return names.filter((name) => !TEMPORARY.test(name)).sort();
}

async function statusOf(path: string): Promise<FileStatus> {
  const { mode, size } = await stat(path);
  return { mode: mode & MEANINGFUL_BITS, bytes: size };
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function notRegular(path: string): Error {
  return Object.assign(new Error(`EINVAL: not a regular file, read '${path}'`), { code: 'EINVAL' });
}
