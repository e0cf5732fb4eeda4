/**
 * Streams that peers have opened and whose tag is still to come. How many there may be is counted
 * for each peer, so that one that sends halves harms itself alone; each has a deadline, and its
 * place is free again however it ends.
 */
import type { NodeName } from '../core/names.ts';
import { WireError } from '../core/wire/wire-error.ts';
import type { Timers } from '../host/host.ts';
import type { ByteStream } from '../transport/byte-stream.ts';
import { RESET_OVERLOADED } from '../transport/streams/stream-limits.ts';
import { type Preamble, PreambleReader } from './preamble.ts';
import { RESET_LEAVING, RESET_PREAMBLE } from './reset-codes.ts';
import { PREAMBLE_TIMEOUT_MS, PREAMBLES_PER_PEER_MAX } from './stream-limits.ts';

export interface IncomingPreamblesOptions {
  readonly timers: Timers;
  /** The preamble is whole; whoever takes the stream attaches to it in this call. */
  readonly onPreamble: (stream: ByteStream, from: NodeName, preamble: Preamble) => void;
  readonly onRefused: (reason: 'overloaded' | 'preamble') => void;
}

export class IncomingPreambles {
  readonly #options: IncomingPreamblesOptions;
  readonly #byPeer = new Map<NodeName, Set<Waiting>>();

  constructor(options: IncomingPreamblesOptions) {
    this.#options = options;
  }

  /** A peer has opened a stream. */
  add(stream: ByteStream, from: NodeName): void {
    const waiting = this.#byPeer.get(from) ?? new Set();
    if (waiting.size >= PREAMBLES_PER_PEER_MAX) {
      stream.reset(RESET_OVERLOADED);
      this.#options.onRefused('overloaded');
      return;
    }
    this.#byPeer.set(from, waiting);
    const one: Waiting = { stream, end: () => this.#remove(from, one, deadline) };
    const deadline = this.#options.timers.after(PREAMBLE_TIMEOUT_MS, () => this.#refuse(one));
    waiting.add(one);
    const reader = new PreambleReader();
    stream.attach({
      onReadable: () => this.#read(one, from, reader),
      onWritable: () => {},
      onReset: () => one.end(),
      onLost: () => one.end(),
    });
  }

  /** Resets all of them. */
  close(): void {
    for (const waiting of this.#byPeer.values()) {
      for (const { stream, end } of [...waiting]) {
        end();
        stream.reset(RESET_LEAVING);
      }
    }
  }

  #read(one: Waiting, from: NodeName, reader: PreambleReader): void {
    for (;;) {
      const bytes = one.stream.read();
      if (bytes === undefined) break;
      const preamble = this.#push(reader, bytes);
      if (preamble === undefined) continue;
      if (preamble === 'broken') this.#refuse(one);
      else {
        one.end();
        this.#options.onPreamble(one.stream, from, preamble);
      }
      return;
    }
    if (one.stream.isAtEnd) this.#refuse(one);
  }

  #push(reader: PreambleReader, bytes: Uint8Array): Preamble | 'broken' | undefined {
    try {
      return reader.push(bytes);
    } catch (error) {
      if (error instanceof WireError) return 'broken';
      throw error;
    }
  }

  #refuse(one: Waiting): void {
    one.end();
    one.stream.reset(RESET_PREAMBLE);
    this.#options.onRefused('preamble');
  }

  #remove(from: NodeName, one: Waiting, deadline: Disposable): void {
    deadline[Symbol.dispose]();
    const waiting = this.#byPeer.get(from);
    waiting?.delete(one);
    if (waiting?.size === 0) this.#byPeer.delete(from);
  }
}

interface Waiting {
  readonly stream: ByteStream;
  /** Its place is free. Idempotent. */
  readonly end: () => void;
}
