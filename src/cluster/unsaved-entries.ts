/**
 * Keys of one store that are not on disk as they are in memory, because the disk was full, failed,
 * or had too much to do. They are written again piece by piece: however many have gathered, the
 * disk takes a piece beside what others hand to it.
 */
import { bytesOfOperation, type DurableStore, type StoreOperation } from '../host/durable-store.ts';
import { STORE_GROUP_BYTES_MAX } from '../limits.ts';
import { roomForPiece } from './store-pieces.ts';

export interface UnsavedOptions {
  readonly store: DurableStore;
  /** Hands it to the disk in this call. False when that failed: its keys were added again then. */
  readonly write: (keys: readonly string[], piece: readonly StoreOperation[]) => Promise<boolean>;
}

/** The operation that brings a key to the disk as it is now. */
export type OperationOf = (key: string) => StoreOperation;

export class UnsavedEntries {
  readonly #options: UnsavedOptions;
  readonly #waiting = new Set<string>();
  #underWay: readonly string[] = [];
  #retrying: Promise<void> | undefined;

  constructor(options: UnsavedOptions) {
    this.#options = options;
  }

  /** Those that are being written count until they are durable. */
  get size(): number {
    const others = this.#underWay.filter((key) => !this.#waiting.has(key));
    return this.#waiting.size + others.length;
  }

  add(keys: Iterable<string>): void {
    for (const key of keys) this.#waiting.add(key);
  }

  /** Resolves when all are written or a piece has failed. Joins a retry that is under way. */
  retry(operationOf: OperationOf): Promise<void> {
    this.#retrying ??= this.#writeAll(operationOf).finally(() => {
      this.#retrying = undefined;
    });
    return this.#retrying;
  }

  async #writeAll(operationOf: OperationOf): Promise<void> {
    const { store, write } = this.#options;
    for (let isWritten = true; isWritten && this.#waiting.size > 0; ) {
      await roomForPiece(store);
      // As they are now, and handed over at once: nothing newer may come before.
      const piece = this.#takePiece(operationOf);
      isWritten = await write(this.#underWay, piece);
      this.#underWay = [];
    }
  }

  #takePiece(operationOf: OperationOf): readonly StoreOperation[] {
    const keys: string[] = [];
    const piece: StoreOperation[] = [];
    let bytes = 0;
    for (const key of this.#waiting) {
      const operation = operationOf(key);
      bytes += bytesOfOperation(operation);
      if (keys.length > 0 && bytes > STORE_GROUP_BYTES_MAX) break;
      keys.push(key);
      piece.push(operation);
      this.#waiting.delete(key);
    }
    this.#underWay = keys;
    return piece;
  }
}
