/** The partitions that this node holds, and who is told of them. */
import type { Host } from '../host/host.ts';
import type { Counter } from '../host/meter.ts';
import { SHARD_EVENTS_BEYOND_RING } from '../limits.ts';
import { type Cancellable, EventSource, type Lagged } from '../observable.ts';
import { ReplayedEvents } from './replayed-events.ts';
import type { ShardEvent } from './shards.ts';

export class HeldPartitions {
  /** By partition, of those that are held: the epoch in which it was acquired. */
  readonly #epochs: (string | undefined)[];
  readonly #events: EventSource<ShardEvent>;
  readonly #acquired: Counter;
  readonly #released: Counter;
  #count = 0;

  constructor(ringSize: number, { logger, meter }: Pick<Host, 'logger' | 'meter'>) {
    this.#epochs = new Array<string | undefined>(ringSize).fill(undefined);
    const events = 2 * ringSize + SHARD_EVENTS_BEYOND_RING;
    this.#events = new EventSource(logger, { events, bytes: Number.POSITIVE_INFINITY });
    this.#acquired = meter.counter('barrel_shards_acquired_total');
    this.#released = meter.counter('barrel_shards_released_total');
    meter.gauge('barrel_shards_owned', () => this.#count);
  }

  /** Growing. */
  get partitions(): number[] {
    const held: number[] = [];
    for (let partition = 0; partition < this.#epochs.length; partition += 1) {
      if (this.has(partition)) held.push(partition);
    }
    return held;
  }

  has(partition: number): boolean {
    return this.#epochs[partition] !== undefined;
  }

  /** In which epoch it was acquired; undefined when it is not held. */
  epochOf(partition: number): string | undefined {
    return this.#epochs[partition];
  }

  /** Those that are not held yet; users are told of each, in the order given. */
  acquire(partitions: readonly number[], epoch: string): void {
    for (const partition of partitions) {
      if (this.has(partition)) continue;
      this.#epochs[partition] = epoch;
      this.#count += 1;
      this.#acquired.value += 1;
      this.#events.emit({ type: 'acquired', partition, epoch });
    }
  }

  /** Those that are held; users are told of each, in the order given. */
  release(partitions: readonly number[], epoch: string): void {
    for (const partition of partitions) {
      if (!this.has(partition)) continue;
      this.#epochs[partition] = undefined;
      this.#count -= 1;
      this.#released.value += 1;
      this.#events.emit({ type: 'released', partition, epoch });
    }
  }

  on<T extends ShardEvent['type']>(
    type: T,
    listener: (event: Extract<ShardEvent, { type: T }>) => void,
  ): Disposable {
    return this.#events.on(type, listener);
  }

  /** What is held now as if it were acquired now, then what happens. */
  events(options?: Cancellable): AsyncIterable<ShardEvent | Lagged> {
    const held = this.#epochs.flatMap((epoch, partition): ShardEvent[] =>
      epoch === undefined ? [] : [{ type: 'acquired', partition, epoch }],
    );
    return new ReplayedEvents(held, this.#events.events(options), options);
  }

  /** Streams end when what waits in them is read. */
  end(): void {
    this.#events.end();
  }
}
