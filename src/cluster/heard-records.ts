/**
 * Whose writes have come, on disk between two exchanges: one record for each writer, written a
 * moment behind the entries, so that none ever claims more than is there. An exchange writes all of
 * what is known, and the records go.
 */

import type { Heard } from '../core/store/knowledge.ts';
import { decodeHeard, encodeHeard } from '../core/store/knowledge-codec.ts';
import type { DurableStore, StoreOperation } from '../host/durable-store.ts';
import type { EntryWriter } from './entry-writer.ts';

export interface HeardRecordsOptions {
  readonly store: DurableStore;
  readonly entries: Pick<EntryWriter, 'settled' | 'unsaved'>;
  /** The key on disk of the record of that name. */
  readonly keyOf: (name: string) => Uint8Array;
}

export class HeardRecords {
  readonly #options: HeardRecordsOptions;
  /** Not written yet, by the names of their records. */
  #due = new Map<string, Heard>();
  /** Names of the records that are on disk. */
  readonly #kept = new Set<string>();

  constructor(options: HeardRecordsOptions) {
    this.#options = options;
  }

  /** A record that was found on disk. @throws WireError */
  read(name: string, value: Uint8Array): Heard {
    this.#kept.add(name);
    return decodeHeard(value);
  }

  /** Of entries that were handed to the disk. */
  note(heard: readonly Heard[]): void {
    for (const each of heard) this.#due.set(nameOf(each), each);
  }

  /** Writes what is due once its entries are durable; else it stays due. @throws ERR_STORE */
  async write(): Promise<void> {
    if (this.#due.size === 0) return;
    const due = this.#due;
    this.#due = new Map();
    const { entries, keyOf, store } = this.#options;
    await entries.settled();
    if (entries.unsaved > 0) {
      this.#due = new Map([...due, ...this.#due]);
      return;
    }
    for (const name of due.keys()) this.#kept.add(name);
    await store.batch(
      Array.from(due, ([name, heard]) => ({ key: keyOf(name), value: encodeHeard(heard) })),
    );
  }

  /** All that is known is written, or nothing is to be known: what removes the records. */
  removal(): readonly StoreOperation[] {
    const { keyOf } = this.#options;
    const operations = Array.from(this.#kept, (name) => ({ key: keyOf(name), value: undefined }));
    this.#kept.clear();
    return operations;
  }
}

function nameOf({ replica: { node, incarnation } }: Heard): string {
  return `${node}\0${incarnation}`;
}
