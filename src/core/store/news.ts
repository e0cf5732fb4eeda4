/**
 * Entries that this node wrote since its last broadcast, store by store: of a key the last one.
 * With them goes the own stamp after which they are all that was written: who gets every broadcast
 * knows that nothing is missing.
 */
import { compareStamps, type Stamp } from '../clock/stamp.ts';
import type { Entry } from './entry.ts';
import { inBatches } from './exchange/frames.ts';
import type { ReplicatorEffect } from './replicator-contract.ts';

interface Waiting {
  /** By key. */
  entries: Map<string, Entry>;
  /** The last own stamp that was broadcast, or that of the beginning. */
  toldUpTo: Stamp;
}

export class News {
  readonly #stores = new Map<string, Waiting>();
  #isEmpty = true;

  /** The store is hosted from now on; what is written has later stamps than this. */
  begin(store: string, startedAt: Stamp): void {
    this.#stores.set(store, { entries: new Map(), toldUpTo: startedAt });
  }

  /** True when nothing waited before. */
  add(store: string, entries: readonly Entry[]): boolean {
    const waiting = this.#stores.get(store);
    if (waiting === undefined || entries.length === 0) return false;
    for (const entry of entries) waiting.entries.set(entry.key, entry);
    const isFirst = this.#isEmpty;
    this.#isEmpty = false;
    return isFirst;
  }

  /** The store is hosted no more: the broadcasts of what waits for it. */
  *end(store: string): IterableIterator<ReplicatorEffect> {
    const waiting = this.#stores.get(store);
    this.#stores.delete(store);
    if (waiting !== undefined) yield* broadcasts(store, waiting);
  }

  /** The broadcasts of all that waits; nothing waits afterwards. */
  *take(): IterableIterator<ReplicatorEffect> {
    this.#isEmpty = true;
    for (const [store, waiting] of this.#stores) yield* broadcasts(store, waiting);
  }
}

/** In the order of the stamps. What is told once more goes alone: it says nothing of the others. */
function* broadcasts(store: string, waiting: Waiting): IterableIterator<ReplicatorEffect> {
  const { toldUpTo } = waiting;
  const entries = [...waiting.entries.values()].sort((a, b) => compareStamps(a.stamp, b.stamp));
  waiting.entries = new Map();
  const again = entries.filter(({ stamp }) => stamp <= toldUpTo);
  for (const batch of inBatches(again)) yield { kind: 'broadcast', store, entries: batch };
  for (const batch of inBatches(entries.slice(again.length))) {
    const after = waiting.toldUpTo;
    waiting.toldUpTo = batch.at(-1)?.stamp ?? after;
    yield { kind: 'broadcast', store, entries: batch, after };
  }
}
