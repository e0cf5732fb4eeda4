/**
 * Takes files that other nodes send into one folder. A file has another name while it comes; it
 * gets its own when all of it is on disk and its SHA-256 is right, or it leaves nothing behind.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Duplex, finished } from 'node:stream';
import type { BarrelNode } from '../barrel-node.ts';
import { BarrelError } from '../errors.ts';
import { failureOf } from './control-protocol.ts';
import {
  DIGEST_BYTES,
  FILES_TAG,
  type FileHeader,
  lineFor,
  parseHeader,
  StreamReader,
} from './file-protocol.ts';
import { isCode, PARTIAL_PREFIX, placeFor } from './file-target.ts';

/** Files on their way at once; one more is refused. */
const FILES_MAX = 16;
/** A sender of which nothing comes for so long has gone; so has one that has its answer. */
const IDLE_MS = 60_000;
const BLOCK_BYTES = 262_144;

export interface FileReceivingOptions {
  readonly streams: BarrelNode['streams'];
  /** Made where it is missing. */
  readonly folder: string;
  readonly onFile: (file: ReceivedFile) => void;
  readonly onRefused: (from: string, error: unknown) => void;
}

export interface ReceivedFile {
  readonly from: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** @throws what the system says of the folder; ERR_CONFLICT when files are taken already. */
export async function receiveFiles(options: FileReceivingOptions): Promise<Disposable> {
  await mkdir(options.folder, { recursive: true });
  const folder = await realpath(options.folder);
  let coming = 0;
  return options.streams.accept(FILES_TAG, async (stream, from) => {
    coming += 1;
    try {
      if (coming > FILES_MAX) throw new BarrelError('ERR_OVERLOADED', 'too many files are coming');
      options.onFile({ from, ...(await receive(stream, folder)) });
    } catch (error) {
      options.onRefused(from, error);
      answer(stream, lineFor({ error: failureOf(error) }));
    } finally {
      coming -= 1;
    }
  });
}

async function receive(stream: Duplex, folder: string): Promise<Omit<ReceivedFile, 'from'>> {
  const idle = setTimeout(() => {
    stream.destroy(new BarrelError('ERR_TIMEOUT', `nothing has come for ${IDLE_MS} ms`));
  }, IDLE_MS);
  stream.on('data', () => idle.refresh()).pause();
  const reader = new StreamReader(stream);
  try {
    const header = parseHeader(await reader.line());
    const path = await placeFor(folder, header.target);
    // Before all of it has come for nothing; what gives the name looks again.
    if (!header.force && (await stat(path).catch(() => undefined))) throw thereAlready(header);
    const partial = join(folder, `${PARTIAL_PREFIX}${randomBytes(8).toString('hex')}`);
    const file = await open(partial, 'wx');
    try {
      stream.write(lineFor({ ready: true }));
      const sha256 = await fill(file, reader, header);
      await giveName(partial, path, header);
      answer(stream, lineFor({ copied: { bytes: header.size, sha256 } }));
      return { path, bytes: header.size, sha256 };
    } finally {
      await file.close();
      await rm(partial, { force: true });
    }
  } finally {
    clearTimeout(idle);
    await reader.release();
  }
}

/** Writes what comes; answers its digest. @throws ERR_VALUE when it is not what was promised. */
async function fill(file: FileHandle, reader: StreamReader, { size }: FileHeader): Promise<string> {
  const hash = createHash('sha256');
  for (let left = size; left > 0; ) {
    const block = await reader.block(Math.min(left, BLOCK_BYTES));
    if (block === undefined) throw new BarrelError('ERR_VALUE', `${left} bytes are missing`);
    hash.update(block);
    await file.writeFile(block);
    left -= block.length;
  }
  const digest = hash.digest();
  if (!digest.equals(await promised(reader))) {
    throw new BarrelError('ERR_VALUE', 'the bytes are not those that were sent');
  }
  await file.sync();
  return digest.toString('hex');
}

async function promised(reader: StreamReader): Promise<Buffer> {
  let digest = Buffer.alloc(0);
  for (;;) {
    const block = await reader.block(DIGEST_BYTES + 1);
    if (block === undefined) return digest;
    digest = Buffer.concat([digest, block]);
    if (digest.length > DIGEST_BYTES) {
      throw new BarrelError('ERR_VALUE', 'more bytes have come than were promised');
    }
  }
}

/** A link fails where something is; nothing else does both at once. */
async function giveName(
  partial: string,
  path: string,
  { force, target }: FileHeader,
): Promise<void> {
  if (force) return rename(partial, path);
  try {
    await link(partial, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    throw thereAlready({ target });
  }
}

function thereAlready({ target }: Pick<FileHeader, 'target'>): BarrelError {
  return new BarrelError('ERR_CONFLICT', `${target} is there already: --force replaces it`);
}

/**
 * The last word: whatever else is on its way is thrown away, until the sender has heard it. Nobody
 * waits for that, and it takes no place of the files that are coming.
 */
function answer(stream: Duplex, line: string): void {
  if (stream.destroyed) return;
  const late = setTimeout(() => stream.destroy(), IDLE_MS);
  finished(stream, () => clearTimeout(late));
  stream.end(line);
  stream.resume();
}
