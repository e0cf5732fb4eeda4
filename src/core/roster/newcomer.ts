/**
 * Whether this node still takes in what the others know already. A newcomer learns the whole roster
 * from its first neighbours, and to broadcast that would tell all nodes what they told it.
 */

/** After so long in the overlay a node is no newcomer, whatever it missed. */
const NEWCOMER_MS = 30_000;

export class Newcomer {
  #sinceMs: number | undefined;
  #entriesToCome = Number.POSITIVE_INFINITY;

  /** The first neighbour begins it. */
  onNeighborUp(nowMs: number): void {
    this.#sinceMs ??= nowMs;
  }

  /** A neighbour knows so many entries and sends what is missing here. */
  onDigest(entryCount: number): void {
    const known = this.#entriesToCome;
    this.#entriesToCome = Number.isFinite(known) ? Math.max(known, entryCount) : entryCount;
  }

  isNew(entryCount: number, nowMs: number): boolean {
    if (this.#sinceMs === undefined) return true;
    return nowMs - this.#sinceMs < NEWCOMER_MS && entryCount < this.#entriesToCome;
  }
}
