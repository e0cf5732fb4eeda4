/**
 * Frames that wait to leave one end of a simulated connection: control first, then messages in
 * order, within the same bounds as on the real one, and bytes of streams last.
 */
import { CONTROL_QUEUE_BYTES_MAX, LINK_QUEUE_BYTES_MAX } from '../../limits.ts';
import { BYTES, CREDIT } from '../streams/channels.ts';
import { type Channel, CONTROL } from '../transport.ts';

export interface QueuedFrame {
  readonly channel: Channel;
  readonly bytes: Uint8Array;
}

/** What stands in front of each frame on the real transport, so that empty ones count too. */
const LENGTH_BYTES = 4;
/** Below this a queue is not worth moving. */
const COMPACT_FRAMES_MIN = 1_024;

/** Short frames are copied to places in a common page: memory for each costs more than it holds. */
const PAGE_BYTES = 65_536;
const SHARED_BYTES_MAX = 1_024;
let page = new Uint8Array(PAGE_BYTES);
let pageAt = 0;

/** The frame's own copy of these bytes. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length > SHARED_BYTES_MAX) return bytes.slice();
  if (pageAt + length > PAGE_BYTES) {
    page = new Uint8Array(PAGE_BYTES);
    pageAt = 0;
  }
  const copy = page.subarray(pageAt, pageAt + length);
  copy.set(bytes);
  pageAt += length;
  return copy;
}

/** Bytes that a frame takes in queues and on the wire. */
export function sizeOf(frame: QueuedFrame): number {
  return frame.bytes.byteLength + LENGTH_BYTES;
}

export class SendQueue {
  readonly #control = new Fifo();
  readonly #lanes = new Fifo();
  readonly #streams = new Fifo();

  /** Of control and messages. */
  get bytes(): number {
    return this.#control.bytes + this.#lanes.bytes;
  }

  /** Of byte streams. */
  get streamBytes(): number {
    return this.#streams.bytes;
  }

  get isEmpty(): boolean {
    return this.bytes + this.streamBytes === 0;
  }

  /** Whether the frame is within the hard limit; control has room of its own. */
  hasRoom(frame: QueuedFrame): boolean {
    const size = sizeOf(frame);
    if (frame.channel === CONTROL) return this.#control.bytes + size <= CONTROL_QUEUE_BYTES_MAX;
    // Whoever writes to streams looks at what waits; credit is bounded by what was read.
    if (frame.channel === BYTES || frame.channel === CREDIT) return true;
    return this.#lanes.bytes + size <= LINK_QUEUE_BYTES_MAX;
  }

  push(frame: QueuedFrame): void {
    if (frame.channel === BYTES) this.#streams.push(frame);
    else (frame.channel === CONTROL ? this.#control : this.#lanes).push(frame);
  }

  shift(): QueuedFrame | undefined {
    return this.#control.shift() ?? this.#lanes.shift() ?? this.#streams.shift();
  }

  clear(): void {
    this.#control.clear();
    this.#lanes.clear();
    this.#streams.clear();
  }
}

class Fifo {
  bytes = 0;
  #frames: QueuedFrame[] = [];
  #head = 0;

  push(frame: QueuedFrame): void {
    this.#frames.push(frame);
    this.bytes += sizeOf(frame);
  }

  shift(): QueuedFrame | undefined {
    const frame = this.#frames[this.#head];
    if (frame === undefined) return undefined;
    this.#head += 1;
    this.bytes -= sizeOf(frame);
    if (this.#head === this.#frames.length) this.clear();
    else if (this.#head > COMPACT_FRAMES_MIN && this.#head * 2 > this.#frames.length) {
      this.#frames = this.#frames.slice(this.#head);
      this.#head = 0;
    }
    return frame;
  }

  clear(): void {
    this.#frames = [];
    this.#head = 0;
    this.bytes = 0;
  }
}
