/**
 * What waits to be written to the streams of one connection: per channel a queue of bytes, small
 * frames packed together, so that one write carries many of them.
 */
import { frameBytes, writeFrame } from '../../core/wire/frame.ts';
import { LANE_COUNT } from '../../limits.ts';
import { BYTES, CREDIT } from '../streams/channels.ts';
import { type Channel, CONTROL } from '../transport.ts';

const PACK_BYTES = 16_384;

interface Chunk {
  readonly bytes: Uint8Array;
  start: number;
  end: number;
}

/** Writes bytes of a channel to the path; answers how many it took. */
export type ChannelWriter = (channel: Channel, bytes: Uint8Array) => number;

export class Outbox {
  readonly #queues: Chunk[][] = Array.from({ length: BYTES + 1 }, () => []);
  #spare: Uint8Array | undefined;
  #first = 1;
  #controlBytes = 0;
  #laneBytes = 0;
  #streamBytes = 0;

  /** Bytes of control and messages. */
  get bytes(): number {
    return this.#controlBytes + this.#laneBytes;
  }

  /** Bytes of streams, where they travel as frames. */
  get streamBytes(): number {
    return this.#streamBytes;
  }

  bytesOf(channel: Channel): number {
    return channel === CONTROL ? this.#controlBytes : this.#laneBytes;
  }

  /** Copies one frame, with its length in front, to the end of the channel's queue. */
  push(channel: Channel, frame: Uint8Array): void {
    const bytes = frameBytes(frame.length);
    const chunk = this.#room(channel, bytes);
    chunk.end = writeFrame(frame, chunk.bytes, chunk.end);
    this.#count(channel, bytes);
  }

  /** Writes control first, then the lanes in turn, then streams, as much as the path takes. */
  drain(write: ChannelWriter): void {
    if (this.#controlBytes > 0) this.#drainChannel(CONTROL, write);
    if (this.#laneBytes > 0) this.#drainLanes(write);
    if (this.#streamBytes > 0) this.#drainChannel(BYTES, write);
  }

  #drainLanes(write: ChannelWriter): void {
    this.#drainChannel(CREDIT, write);
    for (let turn = 0; turn < LANE_COUNT; turn += 1) {
      this.#drainChannel(((this.#first + turn - 1) % LANE_COUNT) + 1, write);
    }
    this.#first = (this.#first % LANE_COUNT) + 1;
  }

  clear(): void {
    for (const queue of this.#queues) queue.length = 0;
    this.#controlBytes = 0;
    this.#laneBytes = 0;
    this.#streamBytes = 0;
  }

  #drainChannel(channel: Channel, write: ChannelWriter): void {
    const queue = this.#queues[channel] ?? [];
    let done = 0;
    for (const chunk of queue) {
      const length = chunk.end - chunk.start;
      const taken = write(channel, chunk.bytes.subarray(chunk.start, chunk.end));
      chunk.start += taken;
      this.#count(channel, -taken);
      if (taken < length) break;
      done += 1;
    }
    if (done === 0) return;
    for (const chunk of queue.splice(0, done)) {
      if (chunk.bytes.length === PACK_BYTES) this.#spare = chunk.bytes;
    }
  }

  #room(channel: Channel, bytes: number): Chunk {
    const queue = this.#queues[channel] ?? [];
    const last = queue.at(-1);
    if (last !== undefined && last.bytes.length - last.end >= bytes) return last;
    const chunk = { bytes: this.#take(bytes), start: 0, end: 0 };
    queue.push(chunk);
    return chunk;
  }

  #take(bytes: number): Uint8Array {
    const spare = this.#spare;
    if (spare === undefined || bytes > PACK_BYTES) {
      return new Uint8Array(Math.max(bytes, PACK_BYTES));
    }
    this.#spare = undefined;
    return spare;
  }

  #count(channel: Channel, bytes: number): void {
    if (channel === CONTROL) this.#controlBytes += bytes;
    else if (channel === BYTES) this.#streamBytes += bytes;
    else this.#laneBytes += bytes;
  }
}
