/**
 * The opener's side of a new stream: it sends the preamble and waits for the byte with which the
 * acceptor says that a handler has the stream.
 */
import type { NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import { type Settlement, settlement } from '../settlement.ts';
import type { ByteStream, ByteStreamEvents } from '../transport/byte-stream.ts';
import { lostError, RESET_PREAMBLE, resetCodeOf, resetError } from './reset-codes.ts';

/** The acceptor's first byte. */
export const ACCEPTED = 1;

export class Opening<T> implements ByteStreamEvents {
  readonly #stream: ByteStream;
  readonly #node: NodeName;
  readonly #adopt: (rest: Uint8Array) => T;
  readonly #outcome: Settlement<T> = settlement();
  #preamble: Uint8Array;

  /** @param adopt takes the stream over, with what was read behind the acceptor's byte. */
  constructor({ stream, node, preamble }: OpeningStream, adopt: (rest: Uint8Array) => T) {
    this.#stream = stream;
    this.#node = node;
    this.#preamble = preamble;
    this.#adopt = adopt;
    stream.attach(this);
    this.onWritable();
  }

  /** Rejects with what ended the stream. */
  get done(): Promise<T> {
    return this.#outcome.promise;
  }

  /** Nobody waits any more. */
  cancel(error: unknown): void {
    this.#stream.reset(resetCodeOf(error));
    this.#outcome.reject(error);
  }

  onWritable(): void {
    const taken = this.#stream.write(this.#preamble);
    this.#preamble = this.#preamble.subarray(taken);
  }

  onReadable(): void {
    const bytes = this.#stream.read();
    if (bytes === undefined) {
      if (this.#stream.isAtEnd) this.#break('it ended before it began');
    } else if (bytes[0] !== ACCEPTED) {
      this.#break('the other end speaks something else');
    } else {
      this.#outcome.resolve(this.#adopt(bytes.subarray(1)));
    }
  }

  onReset(code: number): void {
    this.#outcome.reject(resetError(code, this.#node));
  }

  onLost(reason: string): void {
    this.#outcome.reject(lostError(reason, this.#node));
  }

  #break(why: string): void {
    this.#stream.reset(RESET_PREAMBLE);
    const message = `no stream to ${this.#node}: ${why}`;
    this.#outcome.reject(new BarrelError('ERR_STREAM_RESET', message, { node: this.#node }));
  }
}

export interface OpeningStream {
  readonly stream: ByteStream;
  readonly node: NodeName;
  readonly preamble: Uint8Array;
}
