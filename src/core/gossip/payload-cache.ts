/**
 * The payloads that are held for neighbours which ask, for a minute and within a bound of bytes:
 * the oldest go first.
 */
import type { Broadcast } from './contract.ts';
import type { Neighbor } from './neighbor.ts';
import type { OriginLog } from './origin-log.ts';

export interface Held {
  readonly log: OriginLog;
  readonly broadcast: Broadcast;
  readonly heldMs: number;
  isDropped: boolean;
  /** When it came because it was asked for: of whom, and when it was first announced. */
  pulled: { readonly from: Neighbor; readonly heardMs: number } | undefined;
}

/** What a held broadcast takes besides its payload, roughly. */
const HELD_BYTES = 256;
/** Dropped entries at the head of the queue before it is cut. */
const CUT_AT = 1_024;

export class PayloadCache {
  readonly #bytesMax: number;
  /** In order of arrival, from `#head` on. */
  #queue: (Held | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #size = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(log: OriginLog, broadcast: Broadcast, heldMs: number): Held {
    const held: Held = { log, broadcast, heldMs, isDropped: false, pulled: undefined };
    log.held ??= new Map();
    log.held.set(broadcast.id.sequence, held);
    this.#queue.push(held);
    this.#size += 1;
    this.#bytes += bytesOf(held);
    return held;
  }

  /** Makes room, but keeps the newest; returns how many went. */
  evict(): number {
    let evicted = 0;
    while (this.#bytes > this.#bytesMax && this.#size > 1) if (this.#dropOldest()) evicted += 1;
    return evicted;
  }

  /** Drops what came before `sinceMs`. */
  expire(sinceMs: number): void {
    for (;;) {
      const oldest = this.#queue[this.#head];
      if (oldest === undefined || oldest.heldMs >= sinceMs) return;
      this.#dropOldest();
    }
  }

  /** Drops all of one origin. */
  dropAll(log: OriginLog): void {
    for (const held of log.held?.values() ?? []) this.#drop(held);
  }

  #dropOldest(): boolean {
    const held = this.#queue[this.#head];
    this.#queue[this.#head] = undefined;
    this.#head += 1;
    if (this.#head >= CUT_AT && this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    if (held === undefined || held.isDropped) return false;
    this.#drop(held);
    return true;
  }

  #drop(held: Held): void {
    held.isDropped = true;
    held.log.held?.delete(held.broadcast.id.sequence);
    this.#size -= 1;
    this.#bytes -= bytesOf(held);
  }
}

function bytesOf(held: Held): number {
  return HELD_BYTES + held.broadcast.payload.length;
}
