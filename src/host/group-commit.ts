/**
 * Many small batches, few writes to the disk: what is submitted in one tick goes to the disk as one
 * group, and what is submitted while a group is under way forms the next one. Order is kept.
 */
import { BarrelError } from '../errors.ts';
import { STORE_GROUP_BYTES_MAX, STORE_WAITING_BYTES_MAX } from '../limits.ts';
import { bytesOfOperation, type StoreOperation } from './durable-store.ts';
import { type SealedOperation, sealOperation } from './sealed-value.ts';

/** One batch as it waits for the disk. */
export interface SealedBatch {
  readonly operations: readonly SealedOperation[];
}

export interface GroupCommitOptions {
  /** Makes all batches of a group durable, in order. One call at a time. */
  readonly write: (group: readonly SealedBatch[]) => Promise<void>;
  /** Calls back after the current batch of I/O. */
  readonly soon: (callback: () => void) => void;
}

interface Submitted extends SealedBatch {
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #waiting: Submitted[] = [];
  #bytes = 0;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /** Of all batches that are not settled. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Settles as the write of its group does. Rejects with ERR_OVERLOADED, ERR_CLOSED. */
  submit(operations: readonly StoreOperation[]): Promise<void> {
    const bytes = bytesOf(operations);
    const refusal = this.#refusal(bytes);
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#bytes += bytes;
    const sealed = operations.map(sealOperation);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operations: sealed, bytes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Takes no more batches. Resolves when all earlier ones are settled. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  #refusal(bytes: number): BarrelError | undefined {
    if (this.#isClosed) return new BarrelError('ERR_CLOSED', 'the store is closed');
    if (this.#bytes + bytes <= STORE_WAITING_BYTES_MAX) return undefined;
    const waiting = `${this.#bytes} bytes wait for the disk and ${bytes} more came`;
    return new BarrelError('ERR_OVERLOADED', `${waiting}; limit ${STORE_WAITING_BYTES_MAX}`);
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Whoever waited for the last group may write again at once, and joins this one.
      await new Promise<void>((resolve) => this.#options.soon(resolve));
      await this.#commit(this.#takeGroup());
    }
    this.#running = undefined;
  }

  /** As many as fit; the first one always does. */
  #takeGroup(): readonly Submitted[] {
    let count = 0;
    let bytes = 0;
    for (const batch of this.#waiting) {
      bytes += batch.bytes;
      if (count > 0 && bytes > STORE_GROUP_BYTES_MAX) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #commit(group: readonly Submitted[]): Promise<void> {
    try {
      await this.#options.write(group);
      for (const { resolve } of group) resolve();
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      for (const { bytes } of group) this.#bytes -= bytes;
    }
  }
}

function bytesOf(operations: readonly StoreOperation[]): number {
  return operations.reduce((sum, operation) => sum + bytesOfOperation(operation), 0);
}
