/** Deadlines on the host's clock for work that waits for others. */
import { onceAborted } from './abort.ts';
import { BarrelError } from './errors.ts';
import type { Timers } from './host/host.ts';
import { TIMEOUT_MS_MAX } from './limits.ts';
import type { Timed } from './observable.ts';
import { abortable } from './settlement.ts';

export interface TimeLimit extends Timed {
  readonly timers: Timers;
  readonly timeoutMs: number;
  /** What is waited for, for the message of the error. */
  readonly what: string;
}

/**
 * Runs the work with a signal that aborts at the deadline or with the caller's signal.
 * @throws ERR_OPTION for a time-out that is none, ERR_TIMEOUT at the deadline, the signal's reason
 * on abort, else what the work throws.
 */
export async function within<T>(
  limit: TimeLimit,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { timers, timeoutMs, what, signal } = limit;
  if (!(timeoutMs >= 0 && timeoutMs <= TIMEOUT_MS_MAX)) {
    throw new BarrelError(
      'ERR_OPTION',
      `\`timeoutMs\` must be 0 to ${TIMEOUT_MS_MAX}, received ${timeoutMs}`,
    );
  }
  signal?.throwIfAborted();
  const abort = new AbortController();
  const onAbort = (): void => abort.abort(signal?.reason);
  if (signal !== undefined) onceAborted(signal, onAbort);
  const timer = timers.after(timeoutMs, () =>
    abort.abort(new BarrelError('ERR_TIMEOUT', `${what} took more than ${timeoutMs} ms`)),
  );
  try {
    return await abortable(work(abort.signal), abort.signal);
  } finally {
    timer[Symbol.dispose]();
    signal?.removeEventListener('abort', onAbort);
  }
}
