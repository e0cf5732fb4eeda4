/**
 * A stream of the transport as a `Duplex` of `node:stream`. Code of the user runs in turns of its
 * own, never within the work of the connection: what it throws is no fault of a peer.
 */
import { Duplex } from 'node:stream';
import type { NodeName } from '../core/names.ts';
import type { ByteStream, ByteStreamEvents } from '../transport/byte-stream.ts';
import { isGivenUp, lostError, resetCodeOf, resetError } from './reset-codes.ts';
import { STREAM_BUFFER_BYTES } from './stream-limits.ts';

/** Chunks below this are put together before they are written. */
const SHORT_BYTES = 4_096;

export interface UserStreamOptions {
  readonly stream: ByteStream;
  readonly node: NodeName;
  /** Written before anything of the user's. */
  readonly first?: Uint8Array | undefined;
  /** Read already, and the user's. */
  readonly rest?: Uint8Array | undefined;
  /** Runs it in a later turn. */
  readonly soon: (callback: () => void) => void;
  readonly onRead: (bytes: number) => void;
  readonly onWritten: (bytes: number) => void;
  /** This end has reset, or the other one. Not called for streams that end in order. */
  readonly onReset: (by: 'local' | 'peer') => void;
}

type Done = (error?: Error | null) => void;

export class UserStream extends Duplex implements ByteStreamEvents {
  readonly #options: UserStreamOptions;
  readonly #stream: ByteStream;
  #rest: Uint8Array | undefined;
  #waiting: Uint8Array[];
  #done: Done | undefined;
  /** Of the write that is not done yet. */
  #takenBytes = 0;
  #wantsBytes = false;
  #isPulling = false;
  #hasEnded = false;
  /** The other end or the connection has ended it. */
  #isGone = false;

  constructor(options: UserStreamOptions) {
    super({ highWaterMark: STREAM_BUFFER_BYTES, allowHalfOpen: true });
    this.#options = options;
    this.#stream = options.stream;
    this.#rest = options.rest;
    this.#waiting = options.first === undefined ? [] : [options.first];
    this.#stream.attach(this);
    this.#flush();
  }

  override _read(): void {
    this.#wantsBytes = true;
    this.#pull();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#take([chunk], done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: Done): void {
    const buffers = chunks.map(({ chunk }) => chunk);
    const bytes = buffers.reduce((sum, { length }) => sum + length, 0);
    const areShort = bytes < SHORT_BYTES * buffers.length;
    this.#take(areShort ? [Buffer.concat(buffers, bytes)] : buffers, done);
  }

  override _final(done: Done): void {
    this.#hasEnded = true;
    // The first byte of an acceptor may still wait for room.
    if (this.#waiting.length === 0) this.#stream.end();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#wantsBytes = false;
    // Who has read all and says nothing is done, as after `for await`: the peer sees an end.
    const isDone = isGivenUp(error) && this.#hasRead(error) && this.#hasSent;
    if (isDone) this.#stream.end();
    else if (!this.#isGone) {
      this.#options.onReset('local');
      this.#stream.reset(resetCodeOf(error));
    }
    this.#waiting = [];
    done(isDone ? null : error);
  }

  /** Node gives a signal that has aborted the same error as a `for await` that is over. */
  #hasRead(error: Error | null): boolean {
    if (this.readableEnded) return true;
    const unread = this.readableLength + (this.#rest?.length ?? 0);
    return error === null && this.#stream.isAtEnd && unread === 0;
  }

  /** All that was written: `Duplex` keeps what comes during a write. */
  get #hasSent(): boolean {
    return this.#waiting.length === 0 && this.writableLength === this.#takenBytes;
  }

  // What the transport reports

  onReadable(): void {
    if (this.#wantsBytes && !this.#isPulling) queueMicrotask(() => this.#pull());
  }

  onWritable(): void {
    this.#flush();
  }

  onReset(code: number): void {
    this.#options.onReset('peer');
    this.#fail(resetError(code, this.#options.node));
  }

  onLost(reason: string): void {
    this.#fail(lostError(reason, this.#options.node));
  }

  /** In a turn of its own: who has just been given the stream can still listen. */
  #fail(error: Error): void {
    this.#isGone = true;
    this.#options.soon(() => this.destroy(error));
  }

  /** Gives the reader what there is, as long as it takes it. */
  #pull(): void {
    // A reader that is given something may ask for more before it returns.
    if (this.#isPulling) return;
    this.#isPulling = true;
    while (this.#wantsBytes && !this.destroyed) {
      const bytes = this.#next();
      if (bytes === undefined) break;
      this.#options.onRead(bytes.length);
      this.#wantsBytes = this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    }
    this.#isPulling = false;
    if (this.#wantsBytes && this.#stream.isAtEnd && !this.destroyed) {
      this.#wantsBytes = false;
      this.push(null);
    }
  }

  #next(): Uint8Array | undefined {
    const rest = this.#rest;
    this.#rest = undefined;
    return rest === undefined || rest.length === 0 ? this.#stream.read() : rest;
  }

  #take(chunks: readonly Uint8Array[], done: Done): void {
    this.#waiting.push(...chunks);
    this.#takenBytes = chunks.reduce((sum, { length }) => sum + length, 0);
    this.#done = () => {
      this.#takenBytes = 0;
      done();
    };
    this.#flush();
  }

  #flush(): void {
    for (;;) {
      const [bytes] = this.#waiting;
      if (bytes === undefined) break;
      const taken = this.#stream.write(bytes);
      this.#options.onWritten(taken);
      if (taken < bytes.length) {
        this.#waiting[0] = bytes.subarray(taken);
        return;
      }
      this.#waiting.shift();
    }
    if (this.#hasEnded) this.#stream.end();
    const done = this.#done;
    this.#done = undefined;
    if (done !== undefined) queueMicrotask(done);
  }
}
