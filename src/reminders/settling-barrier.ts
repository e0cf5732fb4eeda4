/**
 * Nothing fires while records may be missing here. No partition is held before this node has been
 * compared with another one, or is alone; beyond that, members that come may bring word of what is
 * over already, so that for a while nothing fires.
 */

import { REMINDER_BARRIER_MS, REMINDER_BARRIER_MS_MAX } from '../core/schedule/schedule-limits.ts';
import type { Host } from '../host/host.ts';

export class SettlingBarrier {
  readonly #host: Pick<Host, 'clock' | 'timers'>;
  readonly #tell: (what: 'settled' | 'unsettled') => void;
  #timer: Disposable | undefined;
  /** Since when it is up without a break. */
  #sinceMs = 0;

  constructor(host: Pick<Host, 'clock' | 'timers'>, tell: (what: 'settled' | 'unsettled') => void) {
    this.#host = host;
    this.#tell = tell;
  }

  /** `isFilled`: what an earlier start left on disk may be over, as others that start too know. */
  start(isFilled: boolean): void {
    if (isFilled) this.raise();
    else this.#tell('settled');
  }

  /** For 1.5 s; members that come meanwhile keep it up, for 10 s at most. */
  raise(): void {
    const { clock, timers } = this.#host;
    const nowMs = clock.monotonicMs();
    if (this.#timer === undefined) {
      this.#sinceMs = nowMs;
      this.#tell('unsettled');
    }
    this.#timer?.[Symbol.dispose]();
    const leftMs = Math.max(0, this.#sinceMs + REMINDER_BARRIER_MS_MAX - nowMs);
    this.#timer = timers.after(Math.min(REMINDER_BARRIER_MS, leftMs), () => {
      this.#timer = undefined;
      this.#tell('settled');
    });
  }

  end(): void {
    this.#timer?.[Symbol.dispose]();
  }
}
