/** The call that the running code works on, followed through its promises. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { CALL_TIMEOUT_MS_DEFAULT } from '../limits.ts';
import type { CallContext } from './messages.ts';

/** A call as the code that works on it meets it. */
export interface RunningCall extends CallContext {
  /** Until its deadline; undefined once it is answered with a stream, which has none. */
  readonly leftMs: number | undefined;
}

const storage = new AsyncLocalStorage<RunningCall | undefined>();

/**
 * Inside a method of `serve`, and in the code of a stream that answers a call: who calls, until
 * when. Undefined elsewhere.
 */
export function currentCall(): CallContext | undefined {
  return storage.getStore();
}

/** Runs `work` as part of that call, or of none. */
export function runInCall<R>(call: RunningCall | undefined, work: () => R): R {
  return storage.run(call, work);
}

/** The time-out of a call that is given none: 5 s, but not beyond the call that it is part of. */
export function defaultTimeoutMs(): number {
  const leftMs = storage.getStore()?.leftMs;
  if (leftMs === undefined) return CALL_TIMEOUT_MS_DEFAULT;
  return Math.min(CALL_TIMEOUT_MS_DEFAULT, Math.max(0, Math.ceil(leftMs)));
}
