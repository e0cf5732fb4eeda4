/** A job on one partition, for as long as this node holds it: one that fails is started again. */
import { onceAborted } from '../abort.ts';
import type { Host } from '../host/host.ts';
import { settlement } from '../settlement.ts';
import type { HeldShard, ShardJob } from './shards.ts';

const FIRST_PAUSE_MS = 1_000;
const PAUSE_MS_MAX = 30_000;

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
      if (host.clock.monotonicMs() - sinceMs > PAUSE_MS_MAX) failures = 0;
      await this.#pause(failures);
    }
  }

  async #pause(failures: number): Promise<void> {
    const { timers, random } = this.#options.host;
    const { signal } = this.#abort;
    const longestMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures, 16), PAUSE_MS_MAX);
    const over = settlement<void>();
    const wake = (): void => over.resolve();
    const timer = timers.after(longestMs * (0.5 + random.float() / 2), wake);
    if (signal.aborted) wake();
    else onceAborted(signal, wake);
    await over.promise;
    timer[Symbol.dispose]();
    signal.removeEventListener('abort', wake);
  }
}
