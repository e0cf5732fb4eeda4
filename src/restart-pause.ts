/** The pause before a job that failed is started again. */
import { onceAborted } from './abort.ts';
import type { Host } from './host/host.ts';
import { settlement } from './settlement.ts';

const FIRST_PAUSE_MS = 1_000;
/** What works for longer than this has not failed in a row. */
export const RESTART_PAUSE_MS_MAX = 30_000;

/** Resolves after 1 s, doubling to 30 s, half of it by chance; at once when `stop` aborts. */
export async function restartPause(
  { timers, random }: Pick<Host, 'timers' | 'random'>,
  failures: number,
  stop: AbortSignal,
): Promise<void> {
  const longestMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures, 16), RESTART_PAUSE_MS_MAX);
  const over = settlement<void>();
  const wake = (): void => over.resolve();
  const timer = timers.after(longestMs * (0.5 + random.float() / 2), wake);
  if (stop.aborted) wake();
  else onceAborted(stop, wake);
  await over.promise;
  timer[Symbol.dispose]();
  stop.removeEventListener('abort', wake);
}
