/** Time, timers and randomness of the real machine: the only place that reaches for them. */
import { randomFillSync } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Clock, Random, Timers } from './host.ts';

/** The longest delay that the runtime takes; a longer one is waited for in pieces. */
const DELAY_MS_MAX = 2_147_483_647;

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};

export const systemRandom: Random = {
  float: () => Math.random(),
  bytes: (count) => randomFillSync(new Uint8Array(count)),
};

export const systemTimers: Timers = {
  after: (delayMs, callback) => new SystemTimer(delayMs, callback),
  soon: (callback) => void setImmediate(callback),
};

class SystemTimer implements Disposable {
  readonly #callback: () => void;
  #timeout: NodeJS.Timeout | undefined;

  constructor(delayMs: number, callback: () => void) {
    this.#callback = callback;
    this.#wait(delayMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timeout);
  }

  #wait(delayMs: number): void {
    this.#timeout =
      delayMs > DELAY_MS_MAX
        ? setTimeout(() => this.#wait(delayMs - DELAY_MS_MAX), DELAY_MS_MAX)
        : setTimeout(this.#callback, delayMs);
    this.#timeout.unref();
  }
}
