/**
 * One store on disk: entries as they are taken in, and what the replica knows of the others. What
 * is known may say no more than what is there: it is written behind the entries, and not at all
 * while some of them could not be written.
 */

import { bytesOfText, textOfBytes } from '../core/store/binary-text.ts';
import type { StoreOutcome } from '../core/store/contract.ts';
import type { Entry } from '../core/store/entry.ts';
import { decodeEntry, encodeEntry } from '../core/store/entry-codec.ts';
import type { KnowledgeState } from '../core/store/knowledge.ts';
import { decodeKept, encodeKept } from '../core/store/knowledge-codec.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { BarrelError } from '../errors.ts';
import type { DurableStore, StoreOperation } from '../host/durable-store.ts';
import type { Host } from '../host/host.ts';

/** Behind the name of the store: what the replica is, and what follows for each entry. */
const KEPT = '\0k';
const ENTRY = '\0e';

export interface StoreDiskOptions {
  readonly store: DurableStore;
  readonly name: string;
  readonly host: Pick<Host, 'logger' | 'meter'>;
}

/** What was on disk. */
export interface KeptStore {
  /** From which the replica goes on. */
  readonly incarnation: bigint;
  readonly entries: readonly Entry[];
  /** Own clock at the last complete exchange; 0 when there was none. */
  readonly exchangedAt: bigint;
  /** Undefined when it is not to be trusted. */
  readonly knowledge: KnowledgeState | undefined;
}

/** A replica after an exchange. */
export interface StoreExchange {
  readonly knowledge: KnowledgeState;
  readonly exchangedAt: bigint;
  /** Whether the replica has an entry under the key, which is written then. */
  readonly has: (key: string) => boolean;
}

interface KeptEntry {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

export class StoreDisk {
  readonly #options: StoreDiskOptions;
  readonly #prefix: string;
  /** Keys that could not be written: they are tried again, before anything is said to be known. */
  #unsaved = new Set<string>();
  /** Keys of values that are damaged, until they are written again. */
  readonly #damaged = new Set<string>();
  #isRetrying = false;
  /** The files were repaired; what is missing is known after an exchange only. */
  #isIncomplete = false;
  #incarnation = 0n;
  #exchangedAt = 0n;
  #lastBatch: Promise<void> = Promise.resolve();
  #written = 0;

  constructor(options: StoreDiskOptions) {
    this.#options = options;
    this.#prefix = textOfBytes(new TextEncoder().encode(options.name));
  }

  /** Sentences that say what is wrong; none when nothing is. */
  get faults(): readonly string[] {
    const { name } = this.#options;
    const faults: string[] = [];
    if (this.#damaged.size > 0) faults.push(`${name}: ${this.#damaged.size} damaged values`);
    if (this.#isIncomplete) faults.push(`${name}: its files were damaged, entries may be missing`);
    if (this.#unsaved.size > 0) faults.push(`${name}: ${this.#unsaved.size} entries not on disk`);
    return faults;
  }

  /** Batches handed to the disk so far. */
  get written(): number {
    return this.#written;
  }

  /**
   * Reads all of it. A replica that is new goes on from `incarnation`.
   * @throws ERR_STORE
   */
  async load(incarnation: bigint): Promise<KeptStore> {
    const { store } = this.#options;
    const entries: Entry[] = [];
    let kept: ReturnType<typeof decodeKept> | undefined;
    for await (const item of store.range(bytesOfText(`${this.#prefix}\0`))) {
      const key = textOfBytes(item.key).slice(this.#prefix.length);
      if (item.kind === 'damaged') this.#note(key);
      else if (key.startsWith(KEPT)) kept = this.#read(key, item.value, decodeKept);
      else if (key.startsWith(ENTRY)) {
        const entry = this.#read(key, item.value, decodeEntry);
        if (entry !== undefined) entries.push(entry);
      }
    }
    this.#isIncomplete = store.wasRepaired;
    const isWhole = this.#damaged.size === 0 && !this.#isIncomplete;
    this.#incarnation = kept?.incarnation ?? incarnation;
    this.#exchangedAt = kept?.exchangedAt ?? 0n;
    // From here on: a crash before the first exchange must not find the old knowledge.
    if (!isWhole || kept === undefined) await this.#keepKnowledge(undefined);
    if (!isWhole) this.#report();
    return {
      incarnation: this.#incarnation,
      entries,
      exchangedAt: this.#exchangedAt,
      knowledge: isWhole ? kept?.knowledge : undefined,
    };
  }

  /** Entries that are taken in or forgotten go to the disk. */
  keep({ stored, forgotten }: StoreOutcome): void {
    this.#batch([
      ...stored.map((entry) => ({ key: entry.key, value: encodeEntry(entry) })),
      ...forgotten.map((key) => ({ key, value: undefined })),
    ]);
  }

  /** Resolves when all that was handed over is durable. @throws ERR_STORE */
  durable(): Promise<void> {
    return this.#lastBatch;
  }

  /** The replica has made an exchange: what it lacked, it has now as far as anybody has it. */
  exchanged({ knowledge, exchangedAt, has }: StoreExchange): void {
    this.#exchangedAt = exchangedAt;
    this.#isIncomplete = false;
    this.#removeDamaged(has);
    // Behind all entries: batches become durable in order.
    this.#settled()
      .then(async () => {
        if (this.#unsaved.size === 0) await this.#keepKnowledge(knowledge);
      })
      .catch(this.#onFailure);
  }

  /** Tries once more what failed, as it is by now. */
  retry(current: (key: string) => Entry | undefined): void {
    if (this.#unsaved.size === 0 || this.#isRetrying) return;
    this.#isRetrying = true;
    const keys = [...this.#unsaved];
    this.#unsaved = new Set();
    this.#batch(
      keys.map((key) => {
        const entry = current(key);
        return { key, value: entry && encodeEntry(entry) };
      }),
    );
    const end = (): void => {
      this.#isRetrying = false;
    };
    this.#lastBatch.then(end, end);
  }

  /** Removes all of it. @throws ERR_STORE */
  async erase(): Promise<void> {
    const { store } = this.#options;
    const operations: StoreOperation[] = [];
    for await (const { key } of store.range(bytesOfText(`${this.#prefix}\0`))) {
      operations.push({ key, value: undefined });
    }
    await store.batch(operations);
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await this.#settled();
  }

  /** What was handed over is durable or has failed, which was counted and reported then. */
  #settled(): Promise<void> {
    return this.#lastBatch.catch(() => undefined);
  }

  #batch(entries: readonly KeptEntry[]): void {
    if (entries.length === 0) return;
    this.#written += 1;
    const operations = entries.map(({ key, value }) => ({ key: this.#keyOf(ENTRY + key), value }));
    this.#lastBatch = this.#options.store.batch(operations);
    this.#lastBatch.then(
      () => {
        for (const { key } of entries) this.#damaged.delete(ENTRY + key);
      },
      (error: unknown) => {
        for (const { key } of entries) this.#unsaved.add(key);
        this.#onFailure(error);
      },
    );
  }

  readonly #onFailure = (error: unknown): void => {
    if (!(error instanceof BarrelError)) throw error;
    const { host, name } = this.#options;
    host.meter.counter('barrel_store_disk_failures_total').value += 1;
    host.logger.error('a store cannot be written to disk', { store: name, error });
  };

  async #keepKnowledge(knowledge: KnowledgeState | undefined): Promise<void> {
    const value = encodeKept({
      incarnation: this.#incarnation,
      exchangedAt: this.#exchangedAt,
      knowledge,
    });
    await this.#options.store.batch([{ key: this.#keyOf(KEPT), value }]);
    this.#damaged.delete(KEPT);
  }

  /** Nobody has what was damaged there: no write will come to take its place. */
  #removeDamaged(has: StoreExchange['has']): void {
    const isLost = (key: string): boolean =>
      !key.startsWith(ENTRY) || !has(key.slice(ENTRY.length));
    const lost = [...this.#damaged].filter(isLost);
    if (lost.length === 0) return;
    const operations = lost.map((key) => ({ key: this.#keyOf(key), value: undefined }));
    this.#options.store.batch(operations).then(() => {
      for (const key of lost) this.#damaged.delete(key);
    }, this.#onFailure);
  }

  #keyOf(rest: string): Uint8Array {
    return bytesOfText(this.#prefix + rest);
  }

  #read<T>(key: string, value: Uint8Array, decode: (bytes: Uint8Array) => T): T | undefined {
    try {
      return decode(value);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#note(key);
      return undefined;
    }
  }

  #note(key: string): void {
    this.#damaged.add(key);
    this.#options.host.meter.counter('barrel_store_damaged_total').value += 1;
  }

  #report(): void {
    const { host, name } = this.#options;
    host.logger.error('a store on disk is damaged: other replicas are asked for what it lacks', {
      store: name,
      damagedValues: this.#damaged.size,
      wasRepaired: this.#isIncomplete,
    });
  }
}
