/** The jobs that a node runs while it leads; it campaigns again when a job or a candidacy fails. */
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { RESTART_PAUSE_MS_MAX, restartPause } from '../restart-pause.ts';
import { settlement } from '../settlement.ts';
import { JOB_END_MS, type Job, runJob } from './job-run.ts';
import type { OwnCandidacy } from './own-candidacy.ts';

export interface JobOptions {
  readonly name: string;
  readonly job: Job;
  readonly signal: AbortSignal | undefined;
  readonly campaign: () => Promise<OwnCandidacy>;
}

export class JobRuns {
  readonly #host: Pick<Host, 'clock' | 'timers' | 'random' | 'logger'>;
  readonly #closing = new AbortController();
  readonly #running = new Map<string, Promise<void>>();

  constructor(host: Pick<Host, 'clock' | 'timers' | 'random' | 'logger'>) {
    this.#host = host;
  }

  /** True while a job is run under that name, also between two of its candidacies. */
  hasJob(name: string): boolean {
    return this.#running.has(name);
  }

  /**
   * Resolves when the run is over: by `signal`, or because the node closes.
   * @throws ERR_ALREADY_CANDIDATE, what `campaign` throws, why nobody can stand again.
   */
  async run(options: JobOptions): Promise<void> {
    const { name, signal } = options;
    const stop = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
    if (stop.aborted) return;
    if (this.hasJob(name)) {
      const text = `this node runs a job for ${JSON.stringify(name)} already`;
      throw new BarrelError('ERR_ALREADY_CANDIDATE', text);
    }
    const running = this.#loop(options, stop);
    this.#running.set(name, running);
    try {
      await running;
    } finally {
      this.#running.delete(name);
    }
  }

  /** Resolves when all jobs have ended, or have had the time to. */
  async close(): Promise<void> {
    this.#closing.abort();
    const late = settlement<void>();
    const timer = this.#host.timers.after(JOB_END_MS, () => late.resolve());
    await Promise.race([Promise.allSettled(this.#running.values()), late.promise]);
    timer[Symbol.dispose]();
  }

  async #loop({ name, job, campaign }: JobOptions, stop: AbortSignal): Promise<void> {
    const { clock, timers, logger } = this.#host;
    for (let failures = 0; !stop.aborted; failures += 1) {
      const candidacy = await unlessStopped(campaign(), stop);
      if (candidacy === undefined) return;
      const sinceMs = clock.monotonicMs();
      try {
        await runJob({ candidacy, job, timers, stop });
        if (stop.aborted) return;
        logger.warn('a candidacy has ended, and its job with it', { name });
      } catch (error) {
        logger.warn('a job failed, this node campaigns again', { name, error });
      }
      if (candidacy.fault !== undefined) throw candidacy.fault;
      if (clock.monotonicMs() - sinceMs > RESTART_PAUSE_MS_MAX) failures = 0;
      await restartPause(this.#host, failures, stop);
    }
  }
}

/** Who closes meanwhile has nothing to complain about. */
async function unlessStopped<T>(work: Promise<T>, stop: AbortSignal): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (stop.aborted) return undefined;
    throw error;
  }
}
