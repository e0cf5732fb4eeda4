/**
 * Entries whose writer is no member as far as this node knows, of stores where entries end with
 * their writers. Entries and word of a new member take different ways: either may be first.
 */
import { STRANGER_BYTES_MAX, STRANGER_ENTRIES_MAX } from '../../limits.ts';
import type { Entry, Replica } from './entry.ts';
import { frameBytesOf } from './entry-codec.ts';

interface Held {
  readonly store: string;
  readonly entry: Entry;
}

export class Strangers {
  #held: Held[] = [];
  #bytes = 0;

  /** Keeps entries until their writers are known; above the bounds the oldest go. */
  hold(store: string, entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#held.push({ store, entry });
      this.#bytes += frameBytesOf(entry);
    }
    let excess = 0;
    while (this.#held.length - excess > STRANGER_ENTRIES_MAX || this.#bytes > STRANGER_BYTES_MAX) {
      this.#bytes -= bytesOf(this.#held[excess]);
      excess += 1;
    }
    if (excess > 0) this.#held.splice(0, excess);
  }

  /** The entries of a start that is known now, oldest first; they are held no more. */
  take({ node, incarnation }: Replica): readonly Held[] {
    if (this.#held.length === 0) return [];
    const taken: Held[] = [];
    this.#held = this.#held.filter((held) => {
      const { writer } = held.entry;
      if (writer.node !== node || writer.incarnation > incarnation) return true;
      if (writer.incarnation === incarnation) taken.push(held);
      this.#bytes -= bytesOf(held);
      return false;
    });
    return taken;
  }
}

function bytesOf(held: Held | undefined): number {
  return held === undefined ? 0 : frameBytesOf(held.entry);
}
