/**
 * Listening for an abort. One signal may end any number of waits, so that their number is no sign
 * of a leak and Node must not warn of one.
 */
import { setMaxListeners } from 'node:events';

/** Calls the listener once when the signal aborts; take it away with `removeEventListener`. */
export function onceAborted(signal: AbortSignal, listener: () => void): void {
  setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, { once: true });
}
