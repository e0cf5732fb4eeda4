/**
 * The port of the durable store: ordered keys, atomic batches, and an end of the promise only when
 * the disk has them. What it holds is checked: each value carries a checksum over its key and
 * itself, and one that does not match is reported as damaged, never handed out and never dropped
 * in silence.
 */

import { STORE_OPERATION_BYTES } from '../limits.ts';

/** One change of a batch; without a value the key is removed. */
export interface StoreOperation {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** What an operation counts for while it waits for the disk. */
export function bytesOfOperation({ key, value }: StoreOperation): number {
  return STORE_OPERATION_BYTES + key.length + (value?.length ?? 0);
}

/** One key that was read, in the order of the bytes of the keys. */
export type StoredItem =
  | { readonly kind: 'value'; readonly key: Uint8Array; readonly value: Uint8Array }
  /**
   * Its value or its key is not what was written. It stays until the key is written or removed. A
   * damaged key may hide keys near it.
   */
  | { readonly kind: 'damaged'; readonly key: Uint8Array };

export interface DurableStore {
  /** Of all batches that are not durable yet, as `bytesOfOperation` counts. */
  readonly waitingBytes: number;
  /**
   * True when the files were found damaged when they were opened, or in a range since: keys may be
   * missing, and old values may have come back.
   */
  readonly wasRepaired: boolean;
  /** All keys that begin with `prefix`. @throws ERR_STORE, ERR_CLOSED. */
  range(prefix: Uint8Array): AsyncIterable<StoredItem>;
  /**
   * Applies all of them or none. Resolves when they are durable; batches of one tick share one
   * write to the disk, and batches become durable in the order of the calls.
   * @throws ERR_STORE when the disk is full or fails: after a restart all of it is there or none;
   * later batches are tried as ever. ERR_OVERLOADED, and nothing is written, when more than
   * `STORE_WAITING_BYTES_MAX` would wait. ERR_CLOSED.
   */
  batch(operations: readonly StoreOperation[]): Promise<void>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

/**
 * Opens the store of one data directory. The absolute directory is made if there is none.
 * @throws ERR_STORE: in use by another process, not readable, or damaged beyond repair.
 */
export type OpenDurableStore = (directory: string) => Promise<DurableStore>;
