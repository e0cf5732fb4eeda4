/**
 * The messages that wait for one process, first in, first out: a ring, so that taking the oldest
 * of many is as cheap as the oldest of few. It knows from which remote sender a message came, and
 * gives that sender's credit back when the message leaves.
 */
import { FLOW_UNIT_BYTES, FLOW_WINDOW_MAX, MAILBOX_BYTES_MAX } from '../limits.ts';
import type { SizedCopy } from './copy-value.ts';
import type { Value } from './processes.ts';

/** The credit account of one sending node for one destination. */
export interface CreditSource {
  /** That much of it was used up; `window` is what the receiver can take at once now. */
  consumed(units: number, window: number): void;
}

const CAPACITY_MIN = 16;
/** An empty ring larger than this is given back. */
const CAPACITY_KEPT_MAX = 1_024;
/** Senders that may use their whole window at once before a mailbox is full. */
const SENDERS_EXPECTED = 4;

export class Mailbox {
  readonly #max: number;
  // Parallel rings instead of one of entries: nothing is allocated for a message.
  #values: Value[] = [];
  #sources: (CreditSource | undefined)[] = [];
  #units: number[] = [];
  #sizes: number[] = [];
  #capacity = 0;
  #head = 0;
  #length = 0;
  #bytes = 0;

  /** @param max messages that it takes. */
  constructor(max: number) {
    this.#max = max;
  }

  get length(): number {
    return this.#length;
  }

  /** Of all messages together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** False for a message that would go over one of the bounds, of messages or of bytes. */
  hasRoom(bytes: number): boolean {
    return this.#length < this.#max && this.#bytes + bytes <= MAILBOX_BYTES_MAX;
  }

  /** True from half of a bound on, where local senders are asked to wait. */
  get isHigh(): boolean {
    return this.#length * 2 >= this.#max || this.#bytes * 2 >= MAILBOX_BYTES_MAX;
  }

  /** Credit that one more sending node could use: shrinks as the mailbox fills. */
  get window(): number {
    const units = (MAILBOX_BYTES_MAX - this.#bytes) / FLOW_UNIT_BYTES;
    const share = Math.floor(Math.min(this.#max - this.#length, units) / SENDERS_EXPECTED);
    return Math.min(FLOW_WINDOW_MAX, Math.max(1, share));
  }

  /** Appends, over the bound too: whoever adds decides what the bound means for it. */
  push(message: SizedCopy, source?: CreditSource, units = 0): void {
    if (this.#length === this.#capacity) this.#grow();
    const at = (this.#head + this.#length) & (this.#capacity - 1);
    this.#values[at] = message.value;
    this.#sources[at] = source;
    this.#units[at] = units;
    this.#sizes[at] = message.bytes;
    this.#bytes += message.bytes;
    this.#length += 1;
  }

  /** Takes the oldest message; undefined when there is none, or when that is the message. */
  shift(): Value {
    if (this.#length === 0) return undefined;
    const at = this.#head;
    const value = this.#values[at];
    const source = this.#sources[at];
    this.#values[at] = undefined;
    this.#sources[at] = undefined;
    this.#head = (at + 1) & (this.#capacity - 1);
    this.#length -= 1;
    this.#bytes -= this.#sizes[at] ?? 0;
    if (this.#length === 0) this.#rest();
    if (source !== undefined) source.consumed(this.#units[at] ?? 0, this.window);
    return value;
  }

  /** The oldest message, which stays. */
  peek(): Value {
    return this.#length === 0 ? undefined : this.#values[this.#head];
  }

  /** Drops all messages for which it does not hold; the others keep their order. */
  retain(isKept: (value: Value) => boolean): void {
    for (let left = this.#length; left > 0; left -= 1) {
      const at = this.#head;
      if (!isKept(this.#values[at])) {
        this.shift();
        continue;
      }
      this.#move(at, (at + this.#length) & (this.#capacity - 1));
      if (this.#length < this.#capacity) {
        this.#values[at] = undefined;
        this.#sources[at] = undefined;
      }
      this.#head = (at + 1) & (this.#capacity - 1);
    }
  }

  /** Position of the oldest message for which `matches` holds, counted from the oldest, or -1. */
  find(matches: (value: Value) => boolean): number {
    for (let index = 0; index < this.#length; index += 1) {
      if (matches(this.#values[(this.#head + index) & (this.#capacity - 1)])) return index;
    }
    return -1;
  }

  /** Takes the message at a position that `find` gave; the others keep their order. */
  takeAt(index: number): Value {
    const mask = this.#capacity - 1;
    const at = (this.#head + index) & mask;
    const value = this.#values[at];
    const source = this.#sources[at];
    const units = this.#units[at] ?? 0;
    const bytes = this.#sizes[at] ?? 0;
    for (let gap = index; gap > 0; gap -= 1) {
      this.#move((this.#head + gap - 1) & mask, (this.#head + gap) & mask);
    }
    // The message now stands at the head, without an account: its credit goes back here.
    this.#sources[this.#head] = undefined;
    this.#sizes[this.#head] = bytes;
    this.shift();
    if (source !== undefined) source.consumed(units, this.window);
    return value;
  }

  /** Drops all messages; their credit goes back. */
  clear(): void {
    while (this.#length > 0) this.shift();
  }

  #move(from: number, to: number): void {
    this.#values[to] = this.#values[from];
    this.#sources[to] = this.#sources[from];
    this.#units[to] = this.#units[from] ?? 0;
    this.#sizes[to] = this.#sizes[from] ?? 0;
  }

  #rest(): void {
    if (this.#capacity <= CAPACITY_KEPT_MAX) return;
    this.#values = [];
    this.#sources = [];
    this.#units = [];
    this.#sizes = [];
    this.#capacity = 0;
    this.#head = 0;
  }

  #grow(): void {
    const capacity = Math.max(CAPACITY_MIN, this.#capacity * 2);
    const order = Array.from({ length: this.#length }, (_, i) => this.#head + i);
    const mask = this.#capacity - 1;
    this.#values = order.map((at) => this.#values[at & mask]);
    this.#sources = order.map((at) => this.#sources[at & mask]);
    this.#units = order.map((at) => this.#units[at & mask] ?? 0);
    this.#sizes = order.map((at) => this.#sizes[at & mask] ?? 0);
    this.#capacity = capacity;
    this.#head = 0;
  }
}
