/** Deadlines on the host's clock for work that waits for others. */
import { onceAborted } from './abort.ts';
import { BarrelError } from './errors.ts';
import type { Timers } from './host/host.ts';
import { TIMEOUT_MS_MAX } from './limits.ts';
import type { Timed } from './observable.ts';
import { abortable, type Settlement } from './settlement.ts';

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
  checkLimit(limit);
  const abort = new AbortController();
  const watch = watchLimit(limit, (reason) => abort.abort(reason));
  try {
    return await abortable(work(abort.signal), abort.signal);
  } finally {
    watch[Symbol.dispose]();
  }
}

/**
 * As `within`, without the cost of a signal, for work that looks by itself whether anybody waits
 * for it. `over` may also be rejected from elsewhere.
 * @throws as `within`, and with what `over` is rejected.
 */
export async function unlessOver<T>(
  limit: TimeLimit & { readonly over: Settlement<never> },
  work: () => Promise<T>,
): Promise<T> {
  checkLimit(limit);
  const watch = watchLimit(limit, (reason) => limit.over.reject(reason));
  try {
    return await Promise.race([work(), limit.over.promise]);
  } finally {
    watch[Symbol.dispose]();
  }
}

function checkLimit({ timeoutMs, signal }: TimeLimit): void {
  if (!(timeoutMs >= 0 && timeoutMs <= TIMEOUT_MS_MAX)) {
    throw new BarrelError(
      'ERR_OPTION',
      `\`timeoutMs\` must be 0 to ${TIMEOUT_MS_MAX}, received ${timeoutMs}`,
    );
  }
  signal?.throwIfAborted();
}

/** Calls `end` with the reason at the deadline or when the caller's signal aborts. */
function watchLimit(limit: TimeLimit, end: (reason: unknown) => void): Disposable {
  const { timers, timeoutMs, what, signal } = limit;
  const onAbort = (): void => end(signal?.reason);
  if (signal !== undefined) onceAborted(signal, onAbort);
  const timer = timers.after(timeoutMs, () =>
    end(new BarrelError('ERR_TIMEOUT', `${what} took more than ${timeoutMs} ms`)),
  );
  return {
    [Symbol.dispose]: () => {
      timer[Symbol.dispose]();
      signal?.removeEventListener('abort', onAbort);
    },
  };
}
