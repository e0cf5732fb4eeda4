/**
 * How a file travels on a stream. The sender: a line of JSON that says what comes, and once the
 * receiver has answered it, the bytes and the SHA-256 of them. The receiver: a line of JSON when it
 * is ready, and one when the file has its name; or one that says why not.
 */
import type { Duplex } from 'node:stream';
import { BarrelError } from '../errors.ts';
import { type ControlFailure, errorOf } from './control-protocol.ts';

export const FILES_TAG = 'barrel-files/1';
export const DIGEST_BYTES = 32;
const LINE_BYTES_MAX = 8_192;

export interface FileHeader {
  readonly target: string;
  readonly size: number;
  readonly force: boolean;
}

export type FileAnswer =
  | { readonly ready: true }
  | { readonly copied: { readonly bytes: number; readonly sha256: string } }
  | { readonly error: ControlFailure };

export function lineFor(message: FileHeader | FileAnswer): string {
  return `${JSON.stringify(message)}\n`;
}

/** Reads a stream in lines and in blocks. What it has read too much of waits for the next call. */
export class StreamReader {
  readonly #chunks: AsyncIterableIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Duplex) {
    this.#chunks = stream.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]();
  }

  /** The next line without its end. @throws ERR_VALUE when it is too long or breaks off. */
  async line(): Promise<string> {
    let line = Buffer.alloc(0);
    for (;;) {
      const chunk = await this.block(LINE_BYTES_MAX);
      if (chunk === undefined) throw new BarrelError('ERR_VALUE', 'the stream breaks off');
      const end = chunk.indexOf('\n');
      line = Buffer.concat([line, end < 0 ? chunk : chunk.subarray(0, end)]);
      if (line.length > LINE_BYTES_MAX) throw new BarrelError('ERR_VALUE', 'a line is too long');
      if (end < 0) continue;
      this.#rest = Buffer.concat([chunk.subarray(end + 1), this.#rest]);
      return line.toString('utf8');
    }
  }

  /** The next bytes, at most so many; undefined at the end. */
  async block(bytesMax: number): Promise<Buffer | undefined> {
    if (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return undefined;
      this.#rest = next.value;
    }
    const block = this.#rest.subarray(0, bytesMax);
    this.#rest = this.#rest.subarray(block.length);
    return block;
  }

  /** Reads no more, so that others can: an iterator that stands still holds its stream up. */
  async release(): Promise<void> {
    await this.#chunks.return?.();
  }
}

/** @throws ERR_VALUE */
export function parseHeader(line: string): FileHeader {
  const { target, size, force } = parseLine(line);
  const isSize = Number.isSafeInteger(size) && Number(size) >= 0;
  if (typeof target !== 'string' || !isSize || typeof force !== 'boolean') {
    throw new BarrelError('ERR_VALUE', 'that is no file');
  }
  return { target, size: Number(size), force };
}

/** @throws the error that the receiver tells of; ERR_VALUE for what is no answer. */
export function parseAnswer(line: string): Exclude<FileAnswer, { error: unknown }> {
  const { ready, copied, error } = parseLine(line);
  if (isRecord(error)) throw errorOf(failureIn(error));
  if (ready === true) return { ready };
  if (isRecord(copied) && typeof copied['sha256'] === 'string') {
    return { copied: { bytes: Number(copied['bytes']), sha256: copied['sha256'] } };
  }
  throw new BarrelError('ERR_VALUE', 'that is no answer to a file');
}

/** A stranger's word: its code is believed as far as it is one that a receiver sends. */
function failureIn(error: Readonly<Record<string, unknown>>): ControlFailure {
  const codes = ['ERR_UNAUTHORIZED', 'ERR_CONFLICT', 'ERR_OVERLOADED', 'ERR_VALUE'] as const;
  const code = codes.find((one) => one === error['code']) ?? 'ERR_INTERNAL';
  return { code, message: String(error['message']).slice(0, LINE_BYTES_MAX) };
}

function parseLine(line: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(line);
    if (isRecord(json)) return json;
  } catch {
    // Told below.
  }
  throw new BarrelError('ERR_VALUE', 'the line is no JSON object');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
