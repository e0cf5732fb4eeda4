/** The streams that tell who leads: each takes a place while it is read. */
import { BarrelError } from '../errors.ts';
import { LEADER_WATCHES_MAX } from '../limits.ts';
import type { Cancellable } from '../observable.ts';
import { LeaderWatch } from './leader-watch.ts';
import type { Leader } from './leaders.ts';

export interface WatchHow extends Cancellable {
  /** Those of this package have bounds of their own. */
  readonly isCounted: boolean;
}

export class LeaderWatches {
  readonly #leader: (name: string) => Leader | undefined;
  readonly #watches = new Map<string, Set<LeaderWatch>>();
  #counted = 0;
  #isClosed = false;

  /** `leader`: who leads now. */
  constructor(leader: (name: string) => Leader | undefined) {
    this.#leader = leader;
  }

  /**
   * Each reader has a stream of its own, which begins where it begins to read.
   * @throws the reason of `signal`; so does reading, or ERR_OVERLOADED.
   */
  open(name: string, how: WatchHow): AsyncIterable<Leader | undefined> {
    how.signal?.throwIfAborted();
    return { [Symbol.asyncIterator]: () => this.#begin(name, how) };
  }

  push(name: string, leader: Leader | undefined): void {
    for (const watch of [...(this.#watches.get(name) ?? [])]) watch.push(leader);
  }

  /** Ends all, also those that are not read yet. */
  close(): void {
    this.#isClosed = true;
    for (const watches of [...this.#watches.values()]) {
      for (const watch of [...watches]) watch.end();
    }
  }

  #begin(name: string, { signal, isCounted }: WatchHow): LeaderWatch {
    signal?.throwIfAborted();
    if (isCounted && this.#counted >= LEADER_WATCHES_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${LEADER_WATCHES_MAX} watches are read already`);
    }
    const places = isCounted ? 1 : 0;
    const release = (): void => {
      this.#counted -= places;
      this.#forget(name, watch);
    };
    const watch: LeaderWatch = new LeaderWatch(this.#leader(name), release, signal);
    this.#counted += places;
    const watches = this.#watches.get(name) ?? new Set();
    this.#watches.set(name, watches.add(watch));
    if (this.#isClosed) watch.end();
    return watch;
  }

  #forget(name: string, watch: LeaderWatch): void {
    const watches = this.#watches.get(name);
    watches?.delete(watch);
    if (watches?.size === 0) this.#watches.delete(name);
  }
}
