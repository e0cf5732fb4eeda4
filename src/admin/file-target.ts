/**
 * Where a file that another node sends may go: below one folder, and nowhere else. Its name is a
 * stranger's word, so only plain relative paths are taken, and no part of the way may be a link.
 */
import { lstat, mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { BarrelError } from '../errors.ts';

export const TARGET_BYTES_MAX = 1_024;
const PART_BYTES_MAX = 255;
const PARTS_MAX = 32;
/** Files on their way are called so; nobody may name one. */
export const PARTIAL_PREFIX = '.barrel-';

/** The parts of a path such as `folder/file`. @throws ERR_UNAUTHORIZED for any other path. */
export function targetParts(target: string): readonly string[] {
  const parts = target.split('/');
  const isPlain =
    Buffer.byteLength(target) <= TARGET_BYTES_MAX &&
    parts.length <= PARTS_MAX &&
    parts.every(isPlainPart);
  if (isPlain) return parts;
  throw refused(target, 'it must be relative, without `.`, `..`, links and control characters');
}

function isPlainPart(part: string): boolean {
  return (
    part !== '' &&
    part !== '.' &&
    part !== '..' &&
    Buffer.byteLength(part) <= PART_BYTES_MAX &&
    !part.startsWith(PARTIAL_PREFIX) &&
    !/[\p{Cc}\\]/u.test(part)
  );
}

/**
 * The real path for a target below `folder`, its parents made where they are missing.
 * @throws ERR_UNAUTHORIZED when a part of the way is a link or no folder.
 */
export async function placeFor(folder: string, target: string): Promise<string> {
  const parts = targetParts(target);
  let at = await realpath(folder);
  for (const part of parts.slice(0, -1)) {
    at = join(at, part);
    await mkdir(at).catch((error: unknown) => {
      if (!isCode(error, 'EEXIST')) throw error;
    });
    if (!(await lstat(at)).isDirectory()) throw refused(target, `${part} is no folder there`);
  }
  const path = join(at, parts.at(-1) ?? '');
  const status = await lstat(path).catch(() => undefined);
  if (status !== undefined && !status.isFile()) throw refused(target, 'something else is there');
  return path;
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function refused(target: string, why: string): BarrelError {
  return new BarrelError('ERR_UNAUTHORIZED', `no file may go to ${JSON.stringify(target)}: ${why}`);
}
