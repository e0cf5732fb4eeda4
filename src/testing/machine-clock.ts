/**
 * The clock of one simulated machine: virtual time, seen through a quartz that runs fast or slow
 * and a wall clock that somebody has set.
 */
import type { Clock } from '../host/host.ts';
import type { VirtualTime } from './virtual-time.ts';

/**
 * Added to delays of a clock that drifts, so that a timer never fires before its own clock has
 * reached it: rounding could leave a delay that is too short to move time at all.
 */
const ROUNDING_MS = 1e-6;

export class MachineClock implements Clock {
  readonly #time: VirtualTime;
  #rate = 1;
  /** What the monotonic clock showed at virtual time `#sinceMs`. */
  #baseMs = 0;
  #sinceMs = 0;
  #offsetMs = 0;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  monotonicMs(): number {
    return this.#baseMs + (this.#time.monotonicMs() - this.#sinceMs) * this.#rate;
  }

  wallMs(): number {
    return Math.floor(this.#time.startWallMs + this.monotonicMs() + this.#offsetMs);
  }

  /** The virtual time that passes while this clock counts so many milliseconds. */
  virtualMs(delayMs: number): number {
    return this.#rate === 1 ? delayMs : Math.max(delayMs, 0) / this.#rate + ROUNDING_MS;
  }

  /** Sets the wall clock so far from the true time; a later call replaces it. */
  step(offsetMs: number): void {
    this.#offsetMs = offsetMs;
  }

  /** From now on both clocks gain so many microseconds a second. */
  drift(ppm: number): void {
    this.#baseMs = this.monotonicMs();
    this.#sinceMs = this.#time.monotonicMs();
    this.#rate = 1 + ppm / 1_000_000;
  }
}
