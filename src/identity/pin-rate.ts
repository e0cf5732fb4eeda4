/** How fast strangers may get pins where no join secret is asked for. */
import type { Clock } from '../host/host.ts';
import { NEW_PINS_PER_MINUTE_MAX } from '../limits.ts';

/** So many new pins at once, and as many again within a minute. */
export class PinRate {
  readonly #clock: Clock;
  #left = NEW_PINS_PER_MINUTE_MAX;
  #countedMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#countedMs = clock.monotonicMs();
  }

  take(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const regained = ((nowMs - this.#countedMs) / 60_000) * NEW_PINS_PER_MINUTE_MAX;
    this.#left = Math.min(NEW_PINS_PER_MINUTE_MAX, this.#left + regained);
    this.#countedMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
