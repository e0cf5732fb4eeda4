/**
 * One direction between two addresses of the simulated network: how long a datagram takes, how many
 * get lost, and whether any arrives at all.
 */
import type { Address } from '../../core/names.ts';
import type { Random } from '../../host/host.ts';

/** Payload of one datagram: larger frames take more of them, and each can get lost. */
export const DATAGRAM_BYTES = 1_200;
/** What a peer may wait before it acknowledges (RFC 9000 section 18.2). */
const ACK_DELAY_MS = 25;
/** By then any connection is idle for too long. */
const PROBES_MAX = 10;
/** A detour costs up to so much, and up to the longest latency. */
const DETOUR_MS = 10;
/** Time granularity of the recovery timers (RFC 9002 section 6.1.2). */
const GRANULARITY_MS = 1;

export interface PathConditions {
  /** Smallest and largest one-way delay. */
  readonly latencyMs: readonly [number, number];
  /** Share of datagrams that get lost, 0 to 1. */
  readonly loss: number;
  /** Share of datagrams that arrive twice, 0 to 1. */
  readonly duplicate: number;
  /** Share of datagrams that take a detour on which later ones overtake them, 0 to 1. */
  readonly reorder: number;
}

/** A connection end that wants to know when one of its paths changes. */
export interface PathUser {
  onPathChanged(): void;
}

export class Path {
  readonly from: Address;
  readonly to: Address;
  readonly users: Set<PathUser> = new Set();
  readonly #random: Random;
  #conditions: PathConditions;
  #isCut: boolean;

  constructor(ends: { readonly from: Address; readonly to: Address }, state: PathState) {
    this.from = ends.from;
    this.to = ends.to;
    this.#random = state.random;
    this.#conditions = state.conditions;
    this.#isCut = state.isCut;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  update(conditions: PathConditions, isCut: boolean): void {
    this.#conditions = conditions;
    if (this.#isCut === isCut) return;
    this.#isCut = isCut;
    for (const user of [...this.users]) user.onPathChanged();
  }

  /** One-way delay of the next datagram. */
  drawLatencyMs(): number {
    const [shortest, longest] = this.#conditions.latencyMs;
    if (shortest === longest) return shortest;
    return shortest + this.#random.float() * (longest - shortest);
  }

  /**
   * Time until something of that size has arrived whole, retransmissions included: each round in
   * which one of its datagrams is lost costs a probe time-out, which doubles.
   */
  drawRepairMs(bytes: number): number {
    const { loss } = this.#conditions;
    if (loss <= 0) return 0;
    let datagrams = Math.max(1, Math.ceil(bytes / DATAGRAM_BYTES));
    let repairMs = 0;
    for (let probe = 0; probe < PROBES_MAX; probe += 1) {
      if (this.#random.float() < allArrive(loss, datagrams)) break;
      repairMs += this.probeTimeoutMs * 2 ** probe;
      datagrams = Math.max(1, Math.round(datagrams * loss));
    }
    return repairMs;
  }

  /** How many of so many datagrams the network delivers a second time. */
  drawDuplicates(datagrams: number): number {
    const { duplicate } = this.#conditions;
    if (duplicate <= 0) return 0;
    let count = 0;
    for (let index = 0; index < datagrams; index += 1) {
      if (this.#random.float() < duplicate) count += 1;
    }
    return count;
  }

  /** What the next datagram loses on a detour; 0 for one that goes straight. */
  drawDetourMs(): number {
    const { reorder, latencyMs } = this.#conditions;
    if (reorder <= 0 || this.#random.float() >= reorder) return 0;
    return this.#random.float() * (latencyMs[1] + DETOUR_MS);
  }

  /** True when a single datagram gets lost on its way. */
  drawLost(): boolean {
    return (
      this.#isCut || (this.#conditions.loss > 0 && this.#random.float() < this.#conditions.loss)
    );
  }

  /** PTO of RFC 9002 section 6.2.1, taking both directions as alike. */
  get probeTimeoutMs(): number {
    const [shortest, longest] = this.#conditions.latencyMs;
    const variationMs = (longest - shortest) / 2;
    return shortest + longest + Math.max(4 * variationMs, GRANULARITY_MS) + ACK_DELAY_MS;
  }
}

export interface PathState {
  readonly random: Random;
  readonly conditions: PathConditions;
  readonly isCut: boolean;
}

/** Multiplied out, because powers are not the same to the last bit on all engines. */
function allArrive(loss: number, datagrams: number): number {
  let chance = 1;
  for (let index = 0; index < datagrams && chance > 0; index += 1) chance *= 1 - loss;
  return chance;
}
