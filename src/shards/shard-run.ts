/** One run of a job: on each partition that the node holds, never two at once on the same one. */
import type { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { ShardRunWork } from './shard-run-work.ts';
import type { ShardJob } from './shards.ts';

export class ShardRun {
  readonly #job: ShardJob;
  readonly #host: Pick<Host, 'clock' | 'timers' | 'random' | 'logger'>;
  /** The last one on each partition, until it has ended. */
  readonly #works = new Map<number, ShardRunWork>();
  #isOver = false;

  constructor(job: ShardJob, host: Pick<Host, 'clock' | 'timers' | 'random' | 'logger'>) {
    this.#job = job;
    this.#host = host;
  }

  /** This node holds the partition from now on. Nothing begins after `endAll`. */
  begin(partition: number, epoch: string): void {
    if (this.#isOver) return;
    const before = this.#works.get(partition);
    const shard = { partition, epoch };
    const work = new ShardRunWork({ shard, job: this.#job, host: this.#host, before });
    this.#works.set(partition, work);
    void work.ended.then(() => {
      if (this.#works.get(partition) === work) this.#works.delete(partition);
    });
  }

  /** Tells the job to end; resolves when it has. Undefined when there is none at work. */
  end(partition: number, reason: BarrelError): Promise<void> | undefined {
    const work = this.#works.get(partition);
    work?.end(reason);
    return work?.ended;
  }

  /** The same for all partitions, and for good. */
  async endAll(reason: unknown): Promise<void> {
    this.#isOver = true;
    const works = [...this.#works.values()];
    for (const work of works) work.end(reason);
    await Promise.all(works.map(({ ended }) => ended));
  }
}
