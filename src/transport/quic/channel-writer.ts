/** Writes what waits in the outbox of one connection to its streams, and ends these. */
import { CREDIT } from '../streams/channels.ts';
import { type Channel, CONTROL } from '../transport.ts';
import type { NativeConnection } from './native.ts';
import { streamOfChannel } from './settings.ts';

const NOTHING = new Uint8Array(0);

export interface ChannelWriterOptions {
  readonly native: NativeConnection;
  readonly isDialer: boolean;
  /** The control stream is the dialer's: before it came, the acceptor cannot write on it. */
  readonly hasControl: () => boolean;
  readonly onWritten: () => void;
}

export class ChannelWriter {
  readonly #options: ChannelWriterOptions;
  readonly #written = new Set<Channel>();
  readonly #finished = new Set<Channel>();

  constructor(options: ChannelWriterOptions) {
    this.#options = options;
  }

  /** Answers how many of the bytes the path took. */
  readonly write = (channel: Channel, bytes: Uint8Array): number => {
    const { native, isDialer, hasControl, onWritten } = this.#options;
    if (channel === CONTROL && !isDialer && !hasControl()) return 0;
    const stream = streamOfChannel(channel, isDialer);
    if (!this.#written.has(channel)) this.#open(channel, stream);
    // Every refused write costs a datagram that tells the peer of it: ask before.
    else if (native.streamCapacity(stream) === 0) return 0;
    const taken = native.streamSend(stream, bytes, false) ?? 0;
    if (taken > 0) onWritten();
    return taken;
  };

  /** Half-closes every channel, so that the peer knows that it has read everything. */
  finish(): void {
    for (let channel = 0; channel <= CREDIT; channel += 1) {
      if (this.#finished.has(channel)) continue;
      const { native, isDialer } = this.#options;
      native.streamSend(streamOfChannel(channel, isDialer), NOTHING, true);
      this.#finished.add(channel);
    }
  }

  #open(channel: Channel, stream: number): void {
    this.#written.add(channel);
    // A reader of streams that got no credit would stand still: it goes as soon as control.
    const isUrgent = channel === CONTROL || channel === CREDIT;
    if (isUrgent) this.#options.native.streamPriority(stream, 0, false);
  }
}
