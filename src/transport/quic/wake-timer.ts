/** One timer that is only ever set earlier: whoever wakes looks at everything anyway. */
import type { Host } from '../../host/host.ts';

export class WakeTimer {
  readonly #host: Pick<Host, 'clock' | 'timers'>;
  readonly #onWake: () => void;
  #timer: Disposable | undefined;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(host: Pick<Host, 'clock' | 'timers'>, onWake: () => void) {
    this.#host = host;
    this.#onWake = onWake;
  }

  /** Wakes after so long, unless it wakes before. Null: whenever. */
  arm(delayMs: number | null): void {
    if (delayMs === null) return;
    const { clock, timers } = this.#host;
    const dueMs = clock.monotonicMs() + delayMs;
    if (dueMs >= this.#dueMs) return;
    this.#timer?.[Symbol.dispose]();
    this.#dueMs = dueMs;
    this.#timer = timers.after(Math.ceil(delayMs), () => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#onWake();
    });
  }

  stop(): void {
    this.#timer?.[Symbol.dispose]();
  }
}
