/** Pauses between attempts: 100 ms doubling to 2 s, and up to half as much again by chance. */
import { onceAborted } from '../abort.ts';
import type { Random, Timers } from '../host/host.ts';
import { type Settlement, settlement } from '../settlement.ts';

const FIRST_PAUSE_MS = 100;
const PAUSE_MS_MAX = 2_000;

/** Length of the pause before retry 0, 1, 2 ... */
export function pauseMs(retry: number, random: Random): number {
  const baseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(retry, 16), PAUSE_MS_MAX);
  return baseMs + 1 + Math.floor(random.float() * Math.floor(baseMs / 2));
}

/** Waits that can be ended together. */
export class Pauses {
  readonly #timers: Timers;
  readonly #waiting = new Set<Settlement<void>>();
  #closedBy: Error | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Resolves after `ms`. Rejects with the reason of the signal, or that of `close`. */
  async wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#closedBy !== undefined) throw this.#closedBy;
    const pause = settlement<void>();
    const onAbort = (): void => pause.reject(signal?.reason);
    const timer = this.#timers.after(ms, () => pause.resolve());
    if (signal !== undefined) onceAborted(signal, onAbort);
    this.#waiting.add(pause);
    try {
      await pause.promise;
    } finally {
      timer[Symbol.dispose]();
      signal?.removeEventListener('abort', onAbort);
      this.#waiting.delete(pause);
    }
  }

  close(error: Error): void {
    this.#closedBy = error;
    for (const pause of this.#waiting) pause.reject(error);
  }
}
