/**
 * Opens the LevelDB database of a directory, and repairs it once where it is damaged. LevelDB is
 * loaded with the first call. It takes what it finds for the truth: this looks for damage that it
 * would pass over in silence, before and after.
 */
import { mkdir, readdir, readFile, realpath, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClassicLevel } from 'classic-level';
import { BarrelError } from '../errors.ts';
import { lastLogNumber } from './level-manifest.ts';

export type Database = ClassicLevel<Uint8Array, Uint8Array>;

export interface OpenedDatabase {
  readonly database: Database;
  /** Something was found damaged: keys may be missing, and old values may have come back. */
  readonly wasDamaged: boolean;
}

const OPTIONS = {
  keyEncoding: 'view',
  valueEncoding: 'view',
  // One flipped bit would cost all values of a compressed block, not one.
  compression: false,
  // A store is read once, from end to end, when it is opened: there is nothing to keep in a cache.
  cacheSize: 0,
  // LevelDB's own default. Two of them may be in memory, and one is replayed when it is opened.
  writeBufferSize: 4_194_304,
} as const;

/** What is there before the first key: the lock, and what LevelDB says of itself. */
const NEW_FOLDER = new Set(['LOCK', 'LOG', 'LOG.old']);
/** Of new tables and a new manifest while the database is repaired. */
const REPAIR_SPARE_BYTES = 1_048_576;
/** Errors of reading that mean a file that is shorter than it was, or gone. */
const SHORT_FILE = /: (Invalid argument|No such file or directory)$/;

/** The directory by its one true name; made where there is none. @throws ERR_STORE. */
export async function makeStoreDirectory(directory: string): Promise<string> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await realpath(directory);
  } catch (error) {
    throw openError(directory, rootOf(error));
  }
}

/** Nobody in this process has it open. @throws ERR_STORE with the directory and the cause. */
export async function openDatabase(directory: string): Promise<OpenedDatabase> {
  try {
    const damage = await findDamage(directory);
    if (damage !== undefined) return await repairDatabase(directory, damage);
    return await openAsItIs(directory, true);
  } catch (error) {
    if (error instanceof BarrelError) throw error;
    const cause = rootOf(error);
    if (!isDamage(cause)) throw openError(directory, cause);
    return repairDatabase(directory, cause);
  }
}

/** Repairs and opens it, on the same condition. @throws ERR_STORE. */
export async function repairDatabase(directory: string, damage: Error): Promise<OpenedDatabase> {
  try {
    await checkUnlocked(directory);
    await checkRoomForRepair(directory);
    const { ClassicLevel } = await import('classic-level');
    await ClassicLevel.repair(directory);
    const { database } = await openAsItIs(directory, false);
    return { database, wasDamaged: true };
  } catch (error) {
    const cause = rootOf(error);
    if (isLocked(cause)) throw openError(directory, cause);
    const what = `the store in ${directory} is damaged (${damage.message}) and was not repaired`;
    throw new BarrelError('ERR_STORE', `${what}: ${cause.message}`, { cause });
  }
}

/** Whether an error of LevelDB says that files are not what was written. */
export function isDamage(error: Error): boolean {
  const code = codeOf(error);
  return (
    code === 'LEVEL_CORRUPTION' || (code === 'LEVEL_IO_ERROR' && SHORT_FILE.test(error.message))
  );
}

/** The error that LevelDB or the system gave, under what its library says about it. */
export function rootOf(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  return error.cause instanceof Error && !(error instanceof BarrelError) ? error.cause : error;
}

/** What is damaged that LevelDB does not see, undefined when nothing. */
async function findDamage(directory: string): Promise<Error | undefined> {
  const names = await readdir(directory);
  if (names.every((name) => NEW_FOLDER.has(name))) return undefined;
  if (!names.includes('CURRENT')) return new Error('CURRENT is missing');
  const current = (await readFile(join(directory, 'CURRENT'), 'latin1')).trimEnd();
  if (!names.includes(current)) return new Error(`CURRENT names no file: ${current.slice(0, 40)}`);
  const log = lastLogNumber(await readFile(join(directory, current)));
  // A manifest that cannot be read is LevelDB's to refuse.
  if (log === undefined || log === 0) return undefined;
  const isThere = names.some(
    (name) => /^\d+\.log$/.test(name) && Number.parseInt(name, 10) === log,
  );
  return isThere ? undefined : new Error(`${current} ends too early, or the log ${log} is missing`);
}

async function openAsItIs(directory: string, createIfMissing: boolean): Promise<OpenedDatabase> {
  const { ClassicLevel } = await import('classic-level');
  const database: Database = new ClassicLevel(directory, { ...OPTIONS, createIfMissing });
  await database.open();
  try {
    return { database, wasDamaged: await hasDroppedRecords(directory) };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** LevelDB drops records of a log whose checksum is wrong, and says so only here. */
async function hasDroppedRecords(directory: string): Promise<boolean> {
  return /ignoring error/i.test(await readFile(join(directory, 'LOG'), 'latin1'));
}

/** A repair takes no lock: asks for it by an open that cannot succeed. */
async function checkUnlocked(directory: string): Promise<void> {
  const { ClassicLevel } = await import('classic-level');
  const probe = new ClassicLevel(directory, { createIfMissing: false, errorIfExists: true });
  try {
    await probe.open();
  } catch (error) {
    const cause = rootOf(error);
    if (codeOf(cause) === undefined) return;
    throw cause;
  }
  await probe.close();
  throw new Error('it was opened although it must not exist');
}

/** On a full disk a repair would put aside the logs without having saved what is in them. */
async function checkRoomForRepair(directory: string): Promise<void> {
  const logs = (await readdir(directory)).filter((name) => name.endsWith('.log'));
  const sizes = await Promise.all(
    logs.map(async (name) => (await stat(join(directory, name))).size),
  );
  const needed = sizes.reduce((sum, size) => sum + size, REPAIR_SPARE_BYTES);
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < needed) throw new Error(`a repair needs ${needed} bytes of disk`);
}

export function openError(directory: string, cause: Error): BarrelError {
  const reason = isLocked(cause) ? 'another process has it open' : cause.message;
  return new BarrelError('ERR_STORE', `cannot open the store in ${directory}: ${reason}`, {
    cause,
  });
}

function isLocked(error: Error): boolean {
  return codeOf(error) === 'LEVEL_LOCKED';
}

function codeOf(error: Error): unknown {
  return 'code' in error ? error.code : undefined;
}
