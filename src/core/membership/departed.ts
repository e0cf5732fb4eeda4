/**
 * Starts of nodes that left or died a short while ago. Shuffles still carry them for a time; this
 * table keeps them from coming back into the passive view.
 */
import type { NodeName } from '../names.ts';
import type { PeerDescriptor } from './peer.ts';

interface Departure {
  readonly incarnation: bigint;
  readonly untilMs: number;
}

/** Departures remembered; above it the oldest goes. */
const DEPARTURES_MAX = 1_024;

export class Departed {
  readonly #keepMs: number;
  readonly #departures = new Map<NodeName, Departure>();

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  add(node: NodeName, incarnation: bigint, nowMs: number): void {
    this.#departures.delete(node);
    this.#departures.set(node, { incarnation, untilMs: nowMs + this.#keepMs });
    for (const [oldest, { untilMs }] of this.#departures) {
      if (this.#departures.size <= DEPARTURES_MAX && nowMs < untilMs) break;
      this.#departures.delete(oldest);
    }
  }

  /** The node itself spoke again: it is back. */
  clear(node: NodeName): void {
    this.#departures.delete(node);
  }

  /** True when that start, or a later one, departed a short while ago. */
  has(peer: PeerDescriptor, nowMs: number): boolean {
    const departure = this.#departures.get(peer.node);
    if (departure === undefined) return false;
    return nowMs < departure.untilMs && peer.incarnation <= departure.incarnation;
  }
}
