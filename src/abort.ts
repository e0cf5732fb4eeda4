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

/**
 * Resolves with the reason of the first that aborts. What `AbortSignal.any` gives is kept by Node
 * until it aborts, as long as somebody listens: a node that ends without a word would be kept with
 * it.
 */
export async function firstAborted(signals: readonly AbortSignal[]): Promise<unknown> {
  const ended = signals.find(({ aborted }) => aborted);
  if (ended !== undefined) return ended.reason;
  const taken: (() => void)[] = [];
  const reason = await new Promise<unknown>((resolve) => {
    for (const signal of signals) {
      const listener = (): void => resolve(signal.reason);
      onceAborted(signal, listener);
      taken.push(() => signal.removeEventListener('abort', listener));
    }
  });
  for (const take of taken) take();
  return reason;
}
