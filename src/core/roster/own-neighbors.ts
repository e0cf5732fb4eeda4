/**
 * When a node tells of its active view: soon after a change, but so seldom that all nodes together
 * make about 200 such broadcasts a second at most, at any size. Only where every neighbour that it
 * told of is gone, and others must take it for dead, it speaks at once.
 */
import type { NodeName } from '../names.ts';
import { isSameList } from './entry.ts';

/** Between a change and its telling, so that several changes travel together. */
const SETTLE_MS = 1_000;
const PERIOD_MS_MIN = 5_000;
const PERIOD_MS_PER_MEMBER = 5;
const ORPHANED_PERIOD_MS = 500;

export class OwnNeighbors {
  #current: readonly NodeName[] = [];
  #told: readonly NodeName[] = [];
  #toldMs = Number.NEGATIVE_INFINITY;
  #settledMs = 0;

  get told(): readonly NodeName[] {
    return this.#told;
  }

  get isTold(): boolean {
    return isSameList(this.#current, this.#told);
  }

  /** `jitter`: 0 to 1. */
  change(neighbors: readonly NodeName[], nowMs: number, jitter: number): void {
    if (this.isTold) this.#settledMs = nowMs + SETTLE_MS * (1 + jitter);
    this.#current = [...neighbors].sort();
  }

  /** The present ones are told now. */
  markTold(nowMs: number): void {
    this.#told = this.#current;
    this.#toldMs = nowMs;
  }

  /** When to tell next. */
  dueMs(members: number, isOrphaned: boolean): number {
    if (isOrphaned) return this.#toldMs + ORPHANED_PERIOD_MS;
    const periodMs = Math.max(PERIOD_MS_MIN, members * PERIOD_MS_PER_MEMBER);
    return Math.max(this.#settledMs, this.#toldMs + periodMs);
  }
}
