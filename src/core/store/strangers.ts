/**
 * Entries whose writer is no member as far as this node knows, of stores where entries end with
 * their writers. Entries and word of a new member take different ways: either may be first.
 */
import { STRANGER_ENTRIES_MAX } from '../../limits.ts';
import type { Entry, Replica } from './entry.ts';

interface Held {
  readonly store: string;
  readonly entry: Entry;
}

export class Strangers {
  #held: Held[] = [];

  /** Keeps entries until their writers are known; above the bound the oldest go. */
  hold(store: string, entries: readonly Entry[]): void {
    for (const entry of entries) this.#held.push({ store, entry });
    const excess = this.#held.length - STRANGER_ENTRIES_MAX;
    if (excess > 0) this.#held.splice(0, excess);
  }

  /** The entries of a start that is known now, oldest first; they are held no more. */
  take({ node, incarnation }: Replica): readonly Held[] {
    if (this.#held.length === 0) return [];
    const taken: Held[] = [];
    this.#held = this.#held.filter((held) => {
      const { writer } = held.entry;
      if (writer.node !== node) return true;
      if (writer.incarnation === incarnation) taken.push(held);
      return writer.incarnation > incarnation;
    });
    return taken;
  }
}
