/** Entries that this node wrote since its last broadcast, store by store. */
import type { Entry } from './entry.ts';
import { inBatches } from './exchange/frames.ts';
import type { ReplicatorEffect } from './replicator-contract.ts';

export class News {
  #waiting = new Map<string, Entry[]>();

  /** True when nothing waited before. */
  add(store: string, entries: readonly Entry[]): boolean {
    if (entries.length === 0) return false;
    const isFirst = this.#waiting.size === 0;
    const waiting = this.#waiting.get(store) ?? [];
    this.#waiting.set(store, waiting);
    for (const entry of entries) waiting.push(entry);
    return isFirst;
  }

  /** The store is hosted no more. */
  drop(store: string): void {
    this.#waiting.delete(store);
  }

  /** The broadcasts of all that waits; nothing waits afterwards. */
  *take(): IterableIterator<ReplicatorEffect> {
    const waiting = this.#waiting;
    this.#waiting = new Map();
    for (const [store, entries] of waiting) {
      for (const batch of inBatches(entries)) yield { kind: 'broadcast', store, entries: batch };
    }
  }
}
