/** The table of what each node owns, on a replicated store: its keys are texts of their owners. */
import { decodeText, encodeText } from '../core/store/binary-text.ts';
import { ownedKey, splitOwnedKey } from '../core/store/contract.ts';
import { areSameBytes } from '../core/store/entry.ts';
import type { NodeRef, OwnedTable, ReplicatedStore, TableChange } from './ports.ts';

export class StoreTable implements OwnedTable {
  readonly #self: NodeRef;
  readonly #store: ReplicatedStore;

  /** The store has the rules `owner` and `writer`, and is not kept on disk. */
  constructor(self: NodeRef, store: ReplicatedStore) {
    this.#self = self;
    this.#store = store;
  }

  put(key: string, value: Uint8Array): void {
    const owned = this.#key(key);
    if (areSameBytes(this.#store.get(owned), value)) return;
    void this.#store.write([{ key: owned, value }]);
  }

  remove(key: string): void {
    const owned = this.#key(key);
    if (this.#store.get(owned) === undefined) return;
    void this.#store.write([{ key: owned, value: undefined }]);
  }

  onChange(listener: (change: TableChange) => void): Disposable {
    return this.#store.onChange(({ key, value, writer, cause }) => {
      const parts = splitOwnedKey(key);
      if (parts === undefined) return;
      listener({
        owner: writer,
        key: decodeText(parts.key),
        value,
        cause: cause === 'write' ? 'owner' : 'gone',
      });
    });
  }

  #key(key: string): string {
    return ownedKey(this.#self.node, encodeText(key));
  }
}
