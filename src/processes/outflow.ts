/**
 * Remote back-pressure by credit, the sender's end. A node may have so much on its way to, or
 * waiting in, one remote process; what is over waits here, in order, until the receiver has
 * consumed some. The receiver says how much, by the room in its mailbox.
 *
 * This stands in the place of the CHOKE and UNCHOKE of the first design: a choke comes too late for
 * what is already on its way, so that a fast sender overruns the mailbox once for each round trip;
 * credit cannot be overrun, and costs one small frame for half a window of messages.
 *
 * Both ends may forget an account: a sender that begins a new one says so in its first message, a
 * receiver that drops one gives all its credit back first.
 */
import {
  FLOW_UNIT_BYTES,
  FLOW_WINDOW_INITIAL,
  OUTBOX_BYTES_HIGH_WATER,
  OUTBOX_BYTES_MAX,
  OUTBOX_MESSAGES_HIGH_WATER,
  OUTBOX_MESSAGES_MAX,
} from '../limits.ts';
import { Fifo } from './fifo.ts';
import type { FlowKey } from './frames.ts';

/** A frame on its way to one node, which may have to wait. */
export interface OutFrame {
  readonly frame: Uint8Array;
  readonly lane: number;
  /** Serial of the sender, 0 for the node. */
  readonly from: number;
  /** Where it goes, when messages go there too. */
  readonly key: FlowKey | undefined;
  /** The account that a message costs credit of; signals pass in their turn. */
  readonly flow?: Outflow | undefined;
  /** False when it is of no use any more and can be left out. */
  readonly isWanted?: (() => boolean) | undefined;
}

/** Credit that a message of so many bytes takes. */
export function creditUnits(frameBytes: number): number {
  return 1 + Math.floor(frameBytes / FLOW_UNIT_BYTES);
}

/** Credit for one destination on one node, and what waits for it. */
export class Outflow {
  readonly key: FlowKey;
  readonly #held = new Fifo<OutFrame>();
  /** How many of them each sender has. */
  readonly #senders = new Map<number, number>();
  #heldBytes = 0;
  #window = FLOW_WINDOW_INITIAL;
  #outstanding = 0;
  /** False until the receiver has got, or will get, the first message of this account. */
  isBegun = false;
  /** Looked at and cleared when room is needed: unused ones go first. */
  wasUsed = true;
  /** Messages for it that wait elsewhere for their order: it must not be forgotten meanwhile. */
  waitingElsewhere = 0;
  /** True when what waits shall go without credit, until nothing waits. */
  #isForced = false;

  constructor(key: FlowKey) {
    this.key = key;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  get hasCredit(): boolean {
    return this.#outstanding < this.#window;
  }

  /** Senders are asked to wait. */
  get isHigh(): boolean {
    return (
      this.#held.length >= OUTBOX_MESSAGES_HIGH_WATER || this.#heldBytes >= OUTBOX_BYTES_HIGH_WATER
    );
  }

  /** True when a frame of that size can wait here. */
  hasRoom(bytes: number): boolean {
    return this.#held.length < OUTBOX_MESSAGES_MAX && this.#heldBytes + bytes <= OUTBOX_BYTES_MAX;
  }

  /** A message of that size is on its way. */
  spend(frameBytes: number): void {
    this.#outstanding += creditUnits(frameBytes);
  }

  /** @param window how much may be out at once from now on; 0 leaves it as it is. */
  receive(units: number, window: number): void {
    this.#outstanding = Math.max(0, this.#outstanding - units);
    if (window > 0) this.#window = window;
  }

  hold(frame: OutFrame): void {
    this.#held.push(frame);
    this.#senders.set(frame.from, (this.#senders.get(frame.from) ?? 0) + 1);
    this.#heldBytes += frame.frame.byteLength;
  }

  /** Lets everything that waits now go without credit. */
  force(): void {
    this.#isForced = true;
  }

  /** The frame that goes next, if it may go now. */
  next(): OutFrame | undefined {
    const first = this.#held.peek();
    if (first === undefined) return undefined;
    const needsCredit = first.flow !== undefined && !this.#isForced;
    return needsCredit && !this.hasCredit ? undefined : first;
  }

  /** Takes away what `next` gave. */
  shift(): void {
    const frame = this.#held.shift();
    if (frame === undefined) return;
    this.#heldBytes -= frame.frame.byteLength;
    const left = (this.#senders.get(frame.from) ?? 0) - 1;
    if (left > 0) this.#senders.set(frame.from, left);
    else this.#senders.delete(frame.from);
    if (this.#held.length === 0) this.#isForced = false;
  }

  /** True when something of that sender waits here. */
  holdsOf(from: number): boolean {
    return this.#senders.has(from);
  }
}
