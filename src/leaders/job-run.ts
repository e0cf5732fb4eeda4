/** One run of a job under a candidacy: once in each term of this node, never twice at a time. */
import { onceAborted } from '../abort.ts';
import type { Timers } from '../host/host.ts';
import { settlement } from '../settlement.ts';
import type { Term } from './leaders.ts';
import type { OwnCandidacy } from './own-candidacy.ts';

export type Job = (term: Term) => Promise<void>;

/** A job that is told to end has so long; then others may lead all the same. */
export const JOB_END_MS = 1_800;

export interface JobRunOptions {
  readonly candidacy: OwnCandidacy;
  readonly job: Job;
  readonly timers: Timers;
  /** Ends the run, with the job that is at work. */
  readonly stop: AbortSignal;
}

/**
 * Resolves when `stop` has aborted or the candidacy has ended, and no job is at work; the candidacy
 * is taken back then.
 * @throws what the job throws while its term lasts.
 */
export async function runJob({ candidacy, job, timers, stop }: JobRunOptions): Promise<void> {
  let late: Disposable | undefined;
  const stopped = aborted(stop, () => {
    late = timers.after(JOB_END_MS, () => void candidacy.resign());
  });
  try {
    while (!stop.aborted) {
      const term = await Promise.race([candidacy.nextTerm(), stopped.promise]);
      if (term === undefined) return;
      await work(job, { fence: term.fence, signal: AbortSignal.any([term.signal, stop]) });
    }
  } finally {
    stopped[Symbol.dispose]();
    late?.[Symbol.dispose]();
    await candidacy.resign();
  }
}

/** The job of one term; whether it ends early or late, the term is over then. */
async function work(job: Job, term: Term): Promise<void> {
  const { signal } = term;
  try {
    await job(term);
  } catch (error) {
    // One that is told to end may end with any error.
    if (!signal.aborted) throw error;
  }
  await aborted(signal).promise;
}

interface Aborted extends Disposable {
  readonly promise: Promise<undefined>;
}

function aborted(signal: AbortSignal, onAbort: () => void = () => {}): Aborted {
  const over = settlement<undefined>();
  const listener = (): void => {
    onAbort();
    over.resolve(undefined);
  };
  if (signal.aborted) listener();
  else onceAborted(signal, listener);
  return {
    promise: over.promise,
    [Symbol.dispose]: () => signal.removeEventListener('abort', listener),
  };
}
