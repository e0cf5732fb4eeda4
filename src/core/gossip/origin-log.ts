/**
 * What a node knows of one start of one origin: which of its broadcasts were delivered, which
 * payloads are held, and which are known by announcement only. Sequence numbers have no gaps at
 * the origin, so that all which were delivered in a row are one number, the floor.
 */
import { GOSSIP_DIGEST_GAPS_MAX, GOSSIP_WINDOW_MAX } from '../../limits.ts';
import type { NodeName } from '../names.ts';
import type { EagerSet } from './eager-set.ts';
import type { OriginMark } from './messages.ts';
import type { Missing } from './missing-table.ts';
import type { Held } from './payload-cache.ts';

/** Maps that most logs never need are made on first use: there is a log for each node. */
export class OriginLog {
  readonly origin: NodeName;
  readonly incarnation: bigint;
  /** When a broadcast was last delivered or announced. */
  activeMs: number;
  /** Deliveries since the last sweep, and between the last two. */
  recent = 0;
  previous = 0;
  /** Of a busy origin. */
  ownSet: EagerSet | undefined;
  held: Map<number, Held> | undefined;
  missing: Map<number, Missing> | undefined;
  #floor = 0;
  #highest = 0;
  #seen: Set<number> | undefined;
  /** Gaps below are of a time when this node did not listen: nobody owes it those. */
  #owedFrom = Number.POSITIVE_INFINITY;
  /** Told as lost up to here, though another neighbour may yet have it. */
  #lostTo = 0;
  #mark = 0;
  #markMs: number;

  constructor(origin: NodeName, incarnation: bigint, nowMs: number) {
    this.origin = origin;
    this.incarnation = incarnation;
    this.activeMs = nowMs;
    this.#markMs = nowMs;
  }

  /** All up to here are settled: delivered, given up, or from before this node's time. */
  get floor(): number {
    return this.#floor;
  }

  get highest(): number {
    return this.#highest;
  }

  /** Gaps from here on count as lost when they are given up. */
  get owedFrom(): number {
    return this.#owedFrom;
  }

  /** True when a broadcast was accepted or adopted, not only announced. */
  get isProven(): boolean {
    return this.#owedFrom !== Number.POSITIVE_INFINITY;
  }

  /** True when the broadcast was delivered or is settled otherwise. */
  has(sequence: number): boolean {
    return sequence <= this.#floor || this.#seen?.has(sequence) === true;
  }

  /** Counts a broadcast as delivered; returns how many too far behind it were given up. */
  add(sequence: number, nowMs: number): number {
    this.activeMs = nowMs;
    this.recent += 1;
    this.#owedFrom = Math.min(this.#owedFrom, sequence);
    this.#highest = Math.max(this.#highest, sequence);
    const lost = this.#passTo(sequence - GOSSIP_WINDOW_MAX);
    this.#see(sequence);
    return lost;
  }

  /** Takes over a neighbour's marks without asking for anything: this node is new. */
  adopt({ highest, oldest, gaps }: OriginMark): void {
    this.#owedFrom = highest + 1;
    this.#highest = highest;
    this.#floor = Math.max(oldest - 1, highest - GOSSIP_WINDOW_MAX, 0);
    if (gaps.length === 0) this.#floor = highest;
    const open = new Set(gaps);
    for (let at = this.#floor + 1; at <= highest; at++) if (!open.has(at)) this.#see(at);
    this.#mark = highest;
  }

  /** Gives up gaps that are older than `keptMs`; returns how many were owed. */
  ageGaps(nowMs: number, keptMs: number): number {
    if (nowMs - this.#markMs < keptMs) return 0;
    const lost = this.#passTo(this.#mark);
    this.#mark = this.#highest;
    this.#markMs = nowMs;
    return lost;
  }

  /** A neighbour has none of these to offer; returns how many are news and behind the highest. */
  missUpTo(sequence: number): number {
    const from = Math.max(this.#highest, this.#lostTo);
    if (!this.isProven || sequence <= from) return 0;
    this.#lostTo = sequence;
    return sequence - from;
  }

  /** What a new neighbour is told: on offer is what is held, the rest are gaps. */
  mark(): OriginMark {
    const { origin, incarnation } = this;
    const highest = this.#highest;
    let lowest = highest + 1;
    for (const sequence of this.held?.keys() ?? []) if (sequence < lowest) lowest = sequence;
    const gaps: number[] = [];
    let oldest = highest + 1;
    for (let at = highest; at >= lowest; at--) {
      if (this.held?.has(at) !== true) {
        if (gaps.length === GOSSIP_DIGEST_GAPS_MAX) break;
        gaps.push(at);
      }
      oldest = at;
    }
    return { origin, incarnation, highest, oldest, gaps: gaps.reverse() };
  }

  #see(sequence: number): void {
    if (sequence === this.#floor + 1) {
      this.#floor = sequence;
      this.#absorb();
    } else {
      this.#seen ??= new Set();
      this.#seen.add(sequence);
    }
  }

  #passTo(to: number): number {
    if (to <= this.#floor) return 0;
    const from = Math.max(this.#floor, this.#owedFrom - 1, this.#lostTo);
    let unseen = Math.max(0, to - from);
    for (const sequence of this.#seen ?? []) {
      if (sequence > to) continue;
      if (sequence > from) unseen -= 1;
      this.#seen?.delete(sequence);
    }
    this.#floor = to;
    this.#absorb();
    return unseen;
  }

  #absorb(): void {
    if (this.#seen === undefined) return;
    while (this.#seen.delete(this.#floor + 1)) this.#floor += 1;
  }
}
