/** The jobs that a node runs on the partitions that it holds. */

import { firstAborted } from '../abort.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { SHARD_RUNS_MAX } from '../limits.ts';
import type { Cancellable } from '../observable.ts';
import type { HeldPartitions } from './held-partitions.ts';
import { ShardRun } from './shard-run.ts';
import type { ShardJob } from './shards.ts';

export interface ShardRunsOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'random' | 'logger'>;
  readonly held: Pick<HeldPartitions, 'partitions' | 'epochOf' | 'on'>;
}

export class ShardRuns {
  readonly #options: ShardRunsOptions;
  readonly #runs = new Set<ShardRun>();
  /** Held still, and on their way to somebody else: no job begins on them. */
  readonly #ending = new Set<number>();
  readonly #closing = new AbortController();

  constructor(options: ShardRunsOptions) {
    const { held } = options;
    this.#options = options;
    held.on('acquired', ({ partition, epoch }) => {
      for (const run of this.#runs) run.begin(partition, epoch);
    });
    held.on('released', ({ partition }) => {
      void this.end(partition);
      this.#ending.delete(partition);
    });
  }

  /**
   * Resolves when `signal` has aborted or the node closes, and no job is at work.
   * @throws ERR_OVERLOADED when `SHARD_RUNS_MAX` runs are under way.
   */
  async run(job: ShardJob, { signal }: Cancellable = {}): Promise<void> {
    const signals = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    if (signals.some(({ aborted }) => aborted)) return;
    if (this.#runs.size >= SHARD_RUNS_MAX) {
      const text = `this node runs ${SHARD_RUNS_MAX} jobs on its partitions already`;
      throw new BarrelError('ERR_OVERLOADED', text);
    }
    const run = new ShardRun(job, this.#options.host);
    this.#runs.add(run);
    this.#beginAll(run);
    await run.endAll(await firstAborted(signals));
    this.#runs.delete(run);
  }

  /**
   * Tells all jobs on the partition to end; resolves when they have. Undefined when there is none.
   * Until the partition is released none begins.
   */
  end(partition: number): Promise<unknown> | undefined {
    this.#ending.add(partition);
    // Errors are dear, and thousands of partitions may go at once.
    if (this.#runs.size === 0) return undefined;
    const reason = new BarrelError('ERR_CLOSED', `partition ${partition} goes to another node`);
    const ends = [...this.#runs].flatMap((run) => run.end(partition, reason) ?? []);
    return ends.length === 0 ? undefined : Promise.all(ends);
  }

  /** No new runs; those under way end. Idempotent. */
  close(): void {
    this.#closing.abort(new BarrelError('ERR_CLOSED', 'the node is closed'));
  }

  #beginAll(run: ShardRun): void {
    const { held } = this.#options;
    for (const partition of held.partitions) {
      const epoch = held.epochOf(partition);
      if (epoch !== undefined && !this.#ending.has(partition)) run.begin(partition, epoch);
    }
  }
}
