/** A job on one partition, for as long as this node holds it: one that fails is started again. */
import type { Host } from '../host/host.ts';
import { RESTART_PAUSE_MS_MAX, restartPause } from '../restart-pause.ts';
import type { HeldShard, ShardJob } from './shards.ts';

export interface ShardRunWorkOptions {
  readonly shard: Omit<HeldShard, 'signal'>;
  readonly job: ShardJob;
  readonly host: Pick<Host, 'clock' | 'timers' | 'random' | 'logger'>;
  /** Of the same run on the same partition: this one begins when that one has ended. */
  readonly before: ShardRunWork | undefined;
}

export class ShardRunWork {
  /** Never rejects. */
  readonly ended: Promise<void>;
  readonly #options: ShardRunWorkOptions;
  readonly #abort = new AbortController();

  constructor(options: ShardRunWorkOptions) {
    this.#options = options;
    this.ended = this.#work();
  }

  /** Tells the job to end. Idempotent. */
  end(reason: unknown): void {
    this.#abort.abort(reason);
  }

  async #work(): Promise<void> {
    const { shard, job, host, before } = this.#options;
    const { signal } = this.#abort;
    // Also when there was none: what acquires partitions has to go on before a user's code runs.
    await before?.ended;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const sinceMs = host.clock.monotonicMs();
      try {
        await job({ ...shard, signal });
        return;
      } catch (error) {
        // One that is told to end may end with any error.
        if (signal.aborted) return;
        host.logger.warn('a job on a partition failed and is started again', { ...shard, error });
      }
      if (host.clock.monotonicMs() - sinceMs > RESTART_PAUSE_MS_MAX) failures = 0;
      await restartPause(host, failures, signal);
    }
  }
}
