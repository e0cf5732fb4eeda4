/**
 * What arrives on the streams of one connection: bytes put together to frames, per channel, and
 * the bounds of a peer that is not admitted yet.
 */
import { FrameReader } from '../../core/wire/frame.ts';
import { WireError } from '../../core/wire/wire-error.ts';
import { FRAME_BYTES_MAX, UNADMITTED_BYTES_MAX } from '../../limits.ts';
import { CREDIT } from '../streams/channels.ts';
import { type Channel, CONTROL } from '../transport.ts';
import type { NativeConnection } from './native.ts';
import { isByteStream, streamOfChannel } from './settings.ts';

/** Shared by all connections: its content is consumed before the next read. */
const scratch = new Uint8Array(65_536);
/** An unadmitted peer is read in small bites, so that little follows its last word in one. */
const unadmittedScratch = scratch.subarray(0, 4_096);

export interface InboxReader {
  onFrame(channel: Channel, frame: Uint8Array): void;
  /** There is something on that stream; answers the number of bytes that were read of it. */
  onByteStream(stream: number): number;
}

export class Inbox {
  readonly #native: NativeConnection;
  readonly #peerDials: boolean;
  readonly #reader: InboxReader;
  readonly #readers = new Map<Channel, FrameReader>();
  readonly #held: (readonly [Channel, Uint8Array])[] = [];
  readonly #finished = new Set<Channel>();
  /** `discarding` after our own close: only the peer's ends of streams still matter. */
  #state: 'unadmitted' | 'paused' | 'admitted' | 'discarding' = 'unadmitted';
  #unadmittedBytes = 0;

  constructor(native: NativeConnection, peerDials: boolean, reader: InboxReader) {
    this.#native = native;
    this.#peerDials = peerDials;
    this.#reader = reader;
  }

  /** The peer has said its last word on every channel, and we have read it. */
  get isFinished(): boolean {
    return this.#finished.size === CREDIT + 1;
  }

  /** The peer has opened the control stream. */
  get hasControl(): boolean {
    return this.#readers.has(CONTROL);
  }

  pause(): void {
    this.#state = 'paused';
  }

  /** @throws WireError when what was held back breaks the rules. */
  admit(): void {
    this.#state = 'admitted';
    for (const [channel, frame] of this.#held.splice(0)) this.#reader.onFrame(channel, frame);
  }

  discard(): void {
    this.#state = 'discarding';
    this.#held.length = 0;
  }

  /**
   * Reads all that can be read now; answers the number of bytes.
   * @throws WireError when the peer broke the rules.
   */
  read(): number {
    if (this.#state === 'paused') return 0;
    let bytes = 0;
    for (const channel of this.#readers.keys()) bytes += this.#readChannel(channel);
    if (!this.#native.isReadable()) return bytes;
    for (const stream of this.#native.readable()) {
      if (isByteStream(stream)) {
        if (this.#state === 'admitted') bytes += this.#reader.onByteStream(stream);
        continue;
      }
      const channel = this.#channelOf(stream);
      if (this.#readers.has(channel) || !this.#mayRead(channel)) continue;
      this.#open(channel);
      bytes += this.#readChannel(channel);
    }
    return bytes;
  }

  #open(channel: Channel): void {
    this.#readers.set(channel, new FrameReader(FRAME_BYTES_MAX));
  }

  #mayRead(channel: Channel): boolean {
    if (this.#state === 'unadmitted') return channel === CONTROL;
    return this.#state !== 'paused';
  }

  #readChannel(channel: Channel): number {
    const reader = this.#readers.get(channel);
    if (reader === undefined || this.#finished.has(channel)) return 0;
    const stream = streamOfChannel(channel, this.#peerDials);
    let bytes = 0;
    while (this.#mayRead(channel)) {
      const target = this.#state === 'unadmitted' ? unadmittedScratch : scratch;
      const read = this.#native.streamRecv(stream, target);
      if (read === null) break;
      bytes += read[0];
      this.#consume(channel, reader, scratch.subarray(0, read[0]));
      if (!read[1]) continue;
      this.#finish(channel, reader);
      break;
    }
    return bytes;
  }

  #consume(channel: Channel, reader: FrameReader, bytes: Uint8Array): void {
    if (this.#state === 'discarding') return;
    this.#countUnadmitted(bytes.length);
    reader.push(bytes, (frame) => this.#take(channel, frame));
  }

  #finish(channel: Channel, reader: FrameReader): void {
    if (this.#state !== 'discarding' && reader.bufferedBytes > 0) {
      throw new WireError('a stream ended inside a frame');
    }
    this.#finished.add(channel);
  }

  #take(channel: Channel, frame: Uint8Array): void {
    if (this.#state === 'paused') this.#held.push([channel, frame.slice()]);
    else this.#reader.onFrame(channel, frame);
  }

  #countUnadmitted(bytes: number): void {
    if (this.#state !== 'unadmitted') return;
    this.#unadmittedBytes += bytes;
    if (this.#unadmittedBytes > UNADMITTED_BYTES_MAX) {
      throw new WireError('too much data before admission');
    }
  }

  #channelOf(stream: number): Channel {
    for (let channel = 0; channel <= CREDIT; channel += 1) {
      if (streamOfChannel(channel, this.#peerDials) === stream) return channel;
    }
    throw new WireError(`stream ${stream} has no meaning`);
  }
}
