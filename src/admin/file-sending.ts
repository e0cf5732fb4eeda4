/** Sends a file of this machine to another node, and tells how far it is. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import type { BarrelNode } from '../barrel-node.ts';
import { BarrelError } from '../errors.ts';
import { FILES_TAG, lineFor, parseAnswer, StreamReader } from './file-protocol.ts';
import type { FileEventReport, FileWords } from './file-queries.ts';
import { isCode } from './file-target.ts';

const CHUNK_BYTES = 262_144;
/** So many events of progress tell of one file, at most. */
const STEPS = 200;

/**
 * @throws ERR_NOT_FOUND when there is no such file here or the node takes no files, what `open` of
 * a stream throws, and what the receiver says: ERR_UNAUTHORIZED (its path), ERR_CONFLICT (something
 * is there), ERR_OVERLOADED.
 */
export async function* sendFile(
  streams: BarrelNode['streams'],
  words: FileWords,
  signal: AbortSignal,
): AsyncGenerator<FileEventReport> {
  const file = await openFile(words.file);
  try {
    const { size } = await file.stat();
    const stream = await openStream(streams, words.node, signal);
    const giveUp = (): void => void stream.destroy();
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      signal.throwIfAborted();
      yield* copy(file, stream, { ...words, size });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
      stream.destroy();
    }
  } finally {
    await file.close();
  }
}

async function* copy(
  file: FileHandle,
  stream: Duplex,
  { target, force = false, size }: FileWords & { readonly size: number },
): AsyncGenerator<FileEventReport> {
  const answers = new StreamReader(stream);
  stream.write(lineFor({ target, size, force }));
  parseAnswer(await answers.line());
  const over = new AbortController();
  const answer = answers.line().finally(() => over.abort());
  // It is looked at when all is sent, or nothing more is taken.
  answer.catch(() => {});
  const hash = createHash('sha256');
  let bytes = 0;
  let toldBytes = 0;
  for await (const chunk of file.createReadStream({
    highWaterMark: CHUNK_BYTES,
    autoClose: false,
  })) {
    hash.update(chunk);
    bytes += chunk.length;
    if (!stream.write(chunk)) await drained(stream, over.signal);
    if (over.signal.aborted) break;
    if (bytes - toldBytes < size / STEPS) continue;
    toldBytes = bytes;
    yield { type: 'sent', bytes, size };
  }
  const digest = hash.digest();
  stream.end(digest);
  const told = parseAnswer(await answer);
  const sha256 = digest.toString('hex');
  if ('copied' in told && told.copied.sha256 === sha256) yield { type: 'copied', bytes, sha256 };
  else throw new BarrelError('ERR_VALUE', 'the other node has another file now');
}

/** A receiver that refuses in the middle says why, and takes no more: then, too, the wait ends. */
async function drained(stream: Duplex, over: AbortSignal): Promise<void> {
  try {
    await once(stream, 'drain', { signal: over });
  } catch (error) {
    if (!over.aborted) throw error;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const file = await open(path, 'r');
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (cause) {
    if (!isCode(cause, 'ENOENT')) throw cause;
    throw new BarrelError('ERR_NOT_FOUND', `there is no file ${path}`, { cause });
  }
  throw new BarrelError('ERR_OPTION', `${path} is no plain file`);
}

async function openStream(
  streams: BarrelNode['streams'],
  node: string,
  signal: AbortSignal,
): Promise<Duplex> {
  try {
    return await streams.open(FILES_TAG, node, { signal });
  } catch (error) {
    if (!(error instanceof BarrelError) || error.code !== 'ERR_STREAM_RESET') throw error;
    const message = `${node} takes no files: start it with --accept-files`;
    throw new BarrelError('ERR_NOT_FOUND', message, { cause: error, node });
  }
}
