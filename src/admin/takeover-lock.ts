/**
 * A short lock around taking over what a dead process left in a data directory. Two starters that
 * both find a dead socket must not both remove it: the second would remove the first one's live
 * one. The lock is a file that only one of them can create.
 */
import { open, stat, unlink } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { BarrelError } from '../errors.ts';

/** A lock this old was left by a process that died within the few milliseconds that it is held. */
const ABANDONED_MS = 5_000;
const WAIT_MS_MAX = 10_000;
const POLL_MS = 20;

/**
 * Runs the work while this process alone has the lock.
 * @throws ERR_STORE when another process keeps it for too long; else what the work throws.
 */
export async function underLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await acquire(path);
  try {
    return await work();
  } finally {
    await unlink(path).catch(ifAbsent);
  }
}

async function acquire(path: string): Promise<void> {
  for (let waitedMs = 0; !(await create(path)); waitedMs += POLL_MS) {
    if (waitedMs > WAIT_MS_MAX) {
      throw new BarrelError('ERR_STORE', `another process is starting here: it holds ${path}`);
    }
    if (await isAbandoned(path)) await unlink(path).catch(ifAbsent);
    else await pause(POLL_MS);
  }
}

async function create(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.close();
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const status = await stat(path).catch(ifAbsent);
  return status !== undefined && Date.now() - status.mtimeMs > ABANDONED_MS;
}

function ifAbsent(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
