/** The call that the running code works on, followed through its promises. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallContext } from './messages.ts';

const storage = new AsyncLocalStorage<CallContext | undefined>();

/** Inside a method of `serve`: who calls, until when. Undefined elsewhere. */
export function currentCall(): CallContext | undefined {
  return storage.getStore();
}

/** Runs `work` as part of that call, or of none. */
export function runInCall<R>(call: CallContext | undefined, work: () => R): R {
  return storage.run(call, work);
}
