/** Endpoint files on the real disk. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { EndpointFile, EndpointFiles } from './endpoint-files.ts';
import { systemFiles } from './system-files.ts';

// Neither a link is followed nor a writer of a pipe waited for. Windows has no such flags.
const READ_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);
const TOUCH_FLAGS = constants.O_RDWR | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);
const ADMINISTRATOR = 0;
/** Not there any more, or a link in its place. */
const GONE = new Set(['ENOENT', 'ELOOP', 'EMLINK']);
/** Not there, a link, a pipe without a reader, or not to be read by this user. */
const PASSED_OVER = new Set(['ENOENT', 'ELOOP', 'EMLINK', 'ENXIO', 'EACCES', 'EISDIR', 'EPERM']);

export const systemEndpointFiles: EndpointFiles = {
  write: systemFiles.write,
  remove: systemFiles.remove,
  list: systemFiles.list,
  makeDirectory: systemFiles.makeDirectory,
  readOwn: (path, bytesMax) => unless(PASSED_OVER, readOwn(path, bytesMax)),
  touch: async (path) => (await unless(GONE, touch(path))) === true,
};

async function readOwn(path: string, bytesMax: number): Promise<EndpointFile | undefined> {
  const handle = await open(path, READ_FLAGS);
  try {
    const { mtimeMs, size, uid, isRegular } = await statusOf(handle);
    if (!isRegular || size > bytesMax || !isTrustedOwner(uid, process.getuid?.())) return undefined;
    const content = await readAtMost(handle, bytesMax);
    return content === undefined ? undefined : { content, modifiedMs: mtimeMs };
  } finally {
    await handle.close();
  }
}

async function statusOf(handle: FileHandle): Promise<{
  readonly mtimeMs: number;
  readonly size: number;
  readonly uid: number;
  readonly isRegular: boolean;
}> {
  const status = await handle.stat();
  const { mtimeMs, size, uid } = status;
  return { mtimeMs, size, uid, isRegular: status.isFile() };
}

/** Undefined for a file that has grown meanwhile. */
async function readAtMost(handle: FileHandle, bytesMax: number): Promise<Uint8Array | undefined> {
  const target = new Uint8Array(bytesMax + 1);
  let bytes = 0;
  for (;;) {
    const { bytesRead } = await handle.read(target, bytes, target.byteLength - bytes, bytes);
    bytes += bytesRead;
    if (bytesRead === 0) return target.slice(0, bytes);
    if (bytes > bytesMax) return undefined;
  }
}

/** Of whom a file is believed: this user and the administrator. Windows tells no owner. */
export function isTrustedOwner(owner: number, user: number | undefined): boolean {
  return user === undefined || owner === user || owner === ADMINISTRATOR;
}

/**
 * A byte is written over itself, so that the file system tells the time, and not this machine: its
 * clock may be another one. False for a file that is empty.
 */
async function touch(path: string): Promise<boolean> {
  const handle = await open(path, TOUCH_FLAGS);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, 0);
    await handle.write(buffer, 0, bytesRead, 0);
    return bytesRead > 0;
  } finally {
    await handle.close();
  }
}

async function unless<T>(codes: ReadonlySet<string>, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (typeof code === 'string' && codes.has(code)) return undefined;
    throw error;
  }
}
