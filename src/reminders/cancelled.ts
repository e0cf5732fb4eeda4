/**
 * Keys that were cancelled here a moment ago: what another node moved out of such a series before
 * it heard of that is removed as well, when it arrives.
 */
import { keyPartOf, versionPartOf } from '../core/schedule/reminder-id.ts';
import { CANCELLED_MAX, CANCELLED_MS } from '../core/schedule/schedule-limits.ts';
import type { Clock } from '../host/host.ts';

interface Cancel {
  /** The latest version that it was about. */
  readonly version: string;
  readonly untilMs: number;
}

export class Cancelled {
  readonly #clock: Clock;
  /** In the order in which they are forgotten. */
  readonly #byKey = new Map<string, Cancel>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** All of these are of one key. */
  note(ids: readonly string[]): void {
    const [first] = ids;
    const version = ids.map(versionPartOf).sort().at(-1);
    if (first === undefined || version === undefined) return;
    const keyText = keyPartOf(first);
    this.#byKey.delete(keyText);
    this.#byKey.set(keyText, { version, untilMs: this.#clock.monotonicMs() + CANCELLED_MS });
    this.#forget();
  }

  /** True for what a cancel here was about. */
  covers(id: string): boolean {
    if (this.#byKey.size === 0) return false;
    this.#forget();
    const cancel = this.#byKey.get(keyPartOf(id));
    return cancel !== undefined && versionPartOf(id) <= cancel.version;
  }

  #forget(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [keyText, { untilMs }] of this.#byKey) {
      if (untilMs > nowMs && this.#byKey.size <= CANCELLED_MAX) return;
      this.#byKey.delete(keyText);
    }
  }
}
