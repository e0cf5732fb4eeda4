/**
 * The comparison of rosters between neighbours: at the beginning of a link, and every half minute
 * with one of them, for what a broadcast may have missed. Equal rosters cost one digest.
 */

import { pick, type Randomness } from '../membership/randomness.ts';
import { TokenBucket } from '../membership/token-bucket.ts';
import type { NodeName } from '../names.ts';
import type { EntryBook } from './entry-book.ts';
import type { DigestPurpose, RosterMessage } from './messages.ts';
import type { RosterOutbox } from './roster-outbox.ts';

/** Digests of nodes that are no neighbours yet: their side of the link stood first. */
const EARLY_MAX = 8;

/** Digests taken from one neighbour: an answer may be the whole roster. */
const DIGEST_BURST = 4;
const DIGESTS_PER_SECOND = 0.2;

interface Neighbor {
  isExchanged: boolean;
  readonly tokens: TokenBucket;
}

export interface DigestExchangeOptions {
  readonly book: EntryBook;
  readonly outbox: RosterOutbox;
  readonly random: Randomness;
}

export class DigestExchange {
  readonly #book: EntryBook;
  readonly #outbox: RosterOutbox;
  readonly #random: Randomness;
  readonly #neighbors = new Map<NodeName, Neighbor>();
  readonly #early = new Map<NodeName, RosterMessage>();

  constructor({ book, outbox, random }: DigestExchangeOptions) {
    this.#book = book;
    this.#outbox = outbox;
    this.#random = random;
  }

  get neighborCount(): number {
    return this.#neighbors.size;
  }

  /** Greets it; and answers if it greeted first. */
  onNeighborUp(node: NodeName): void {
    const tokens = new TokenBucket(DIGEST_BURST, DIGESTS_PER_SECOND, this.#outbox.nowMs);
    this.#neighbors.set(node, { isExchanged: false, tokens });
    this.#send(node, 'greeting');
    const early = this.#early.get(node);
    this.#early.delete(node);
    if (early !== undefined) this.onDigest(node, early);
  }

  /** Forgets those that are neighbours no more. */
  retain(neighbors: readonly NodeName[]): void {
    const kept = new Set(neighbors);
    for (const node of this.#neighbors.keys()) if (!kept.has(node)) this.#neighbors.delete(node);
  }

  onDigest(from: NodeName, message: RosterMessage): void {
    const neighbor = this.#neighbors.get(from);
    if (neighbor === undefined) {
      this.#keepEarly(from, message);
      return;
    }
    if (!neighbor.tokens.take(this.#outbox.nowMs)) return;
    const buckets = this.#book.digest.differing(message.buckets);
    const isFirst = !neighbor.isExchanged;
    neighbor.isExchanged = true;
    // The answer is what the other one goes by. Who greets again has given this node up meanwhile,
    // while this one held it all the time: what changed there since is still to be sent here.
    const { purpose } = message;
    const isAnswered =
      purpose === 'repair' ? buckets.length > 0 : purpose === 'greeting' && !isFirst;
    if (isAnswered) this.#send(from, 'answer');
    if (!isFirst && buckets.length === 0) return;
    this.#outbox.push({ kind: 'exchange', to: from, buckets, isFirst });
  }

  /** With one random neighbour. */
  repair(): void {
    const node = pick(this.#random, [...this.#neighbors.keys()]);
    if (node !== undefined) this.#send(node, 'repair');
  }

  #keepEarly(from: NodeName, message: RosterMessage): void {
    this.#early.delete(from);
    this.#early.set(from, message);
    for (const oldest of this.#early.keys()) {
      if (this.#early.size <= EARLY_MAX) break;
      this.#early.delete(oldest);
    }
  }

  #send(to: NodeName, purpose: DigestPurpose): void {
    const buckets = this.#book.digest.snapshot();
    this.#outbox.send(to, { kind: 'digest', purpose, entryCount: this.#book.size, buckets });
  }
}
