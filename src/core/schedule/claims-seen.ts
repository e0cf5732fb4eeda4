/**
 * When the last write of a claim was seen, of claims in partitions that others hold: so that who
 * takes a partition over need not wait for a whole lease from then on.
 */
import { CLAIMS_SEEN_MAX } from './schedule-limits.ts';

export class ClaimsSeen {
  readonly #seenMs = new Map<string, number>();

  /** Above the bound the oldest is forgotten: its lease counts from the take-over. */
  note(id: string, nowMs: number): void {
    this.#seenMs.delete(id);
    this.#seenMs.set(id, nowMs);
    if (this.#seenMs.size <= CLAIMS_SEEN_MAX) return;
    const [oldest] = this.#seenMs.keys();
    if (oldest !== undefined) this.#seenMs.delete(oldest);
  }

  forget(id: string): void {
    this.#seenMs.delete(id);
  }

  /** Undefined when it was not seen as a claim. */
  take(id: string): number | undefined {
    const seenMs = this.#seenMs.get(id);
    this.#seenMs.delete(id);
    return seenMs;
  }
}
