/** A promise that is settled from outside, for waiters that share one outcome. */
import { onceAborted } from './abort.ts';

export interface Settlement<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function settlement<T>(): Settlement<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Whoever waits sees a failure; that nobody waits any more is no failure of its own.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/** Waits for a promise, but not longer than the signal lets; the promise itself goes on. */
export async function abortable<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  if (signal.aborted) {
    promise.catch(() => {
      // Whoever waits is told of the abort, which came first.
    });
    throw signal.reason;
  }
  const aborted = settlement<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  onceAborted(signal, onAbort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
