/** Questions to all other nodes of a small cluster, answered a round trip later. */
import type { FindHow, FoundRecord, NodeRef, OverlayQueries } from '../../../src/cluster/ports.ts';
import { BarrelError } from '../../../src/errors.ts';
import { QUERY_TIME_MS_MAX } from '../../../src/limits.ts';
import { abortable } from '../../../src/settlement.ts';
import type { VirtualTime } from '../../../src/testing/virtual-time.ts';

const ROUND_TRIP_MS = 2;

export class DirectQueries implements OverlayQueries {
  readonly #self: NodeRef;
  readonly #time: VirtualTime;
  readonly #others: () => readonly DirectQueries[];
  #reader: (service: string) => Uint8Array | undefined = () => undefined;
  /** Names that were asked for. */
  readonly asked: string[] = [];
  /** Of each of these, whether it went past what was known. */
  readonly isAnew: boolean[] = [];
  /** So many questions are refused. */
  refusals = 0;
  /** So long nobody answers. */
  stallMs = 0;

  constructor(self: NodeRef, time: VirtualTime, others: () => readonly DirectQueries[]) {
    this.#self = self;
    this.#time = time;
    this.#others = others;
  }

  answer(reader: (service: string) => Uint8Array | undefined): void {
    this.#reader = reader;
  }

  async find(
    service: string,
    { signal, isAnew = false, timeLeftMs = QUERY_TIME_MS_MAX }: FindHow = {},
  ): Promise<FoundRecord | undefined> {
    this.asked.push(service);
    this.isAnew.push(isAnew);
    if (this.refusals > 0) {
      this.refusals -= 1;
      throw new BarrelError('ERR_OVERLOADED', 'too many look-ups');
    }
    const others = this.#others();
    if (others.length === 0) return undefined;
    const waitMs = Math.min(ROUND_TRIP_MS + this.stallMs, timeLeftMs);
    const answered = new Promise<void>((resolve) => this.#time.after(waitMs, resolve));
    await abortable(answered, signal);
    if (this.stallMs > 0) return undefined;
    for (const other of others) {
      const value = other.#reader(service);
      if (value !== undefined) return { owner: other.#self, value };
    }
    return undefined;
  }
}
