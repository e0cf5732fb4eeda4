/**
 * One store on disk: entries as they are taken in, and what the replica knows of the others. What
 * is known may say no more than what is there: it is written behind the entries, and not at all
 * while some of them could not be written.
 */

import { bytesOfText, textOfBytes } from '../core/store/binary-text.ts';
import type { StoreOutcome } from '../core/store/contract.ts';
import type { Entry } from '../core/store/entry.ts';
import { decodeEntry } from '../core/store/entry-codec.ts';
import type { Heard, KnowledgeState } from '../core/store/knowledge.ts';
import { decodeKept, encodeKept } from '../core/store/knowledge-codec.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { BarrelError } from '../errors.ts';
import type { DurableStore, StoreOperation } from '../host/durable-store.ts';
import type { Host } from '../host/host.ts';
import { type CurrentEntry, EntryWriter, reportFailure } from './entry-writer.ts';
import { HeardRecords } from './heard-records.ts';
import { writeInPieces } from './store-pieces.ts';

/** Behind the name of the store: what the replica is, and what follows for each entry. */
const KEPT = '\0k';
const ENTRY = '\0e';
const HEARD = '\0h';

/** Of a store that is new. */
const NOTHING_KNOWN: KnowledgeState = { floor: 0n, known: [] };

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
  /** What has come since that was written. */
  readonly heard: readonly Heard[];
}

/** A replica after an exchange. */
export interface StoreExchange {
  readonly knowledge: KnowledgeState;
  readonly exchangedAt: bigint;
  /** Whether the replica has an entry under the key, which is written then. */
  readonly has: (key: string) => boolean;
}

export class StoreDisk {
  /** All of them are on disk before anything is said to be known. */
  readonly entries: EntryWriter;
  readonly #heard: HeardRecords;
  readonly #options: StoreDiskOptions;
  readonly #prefix: string;
  /** Keys of values that are damaged, until they are written again. */
  readonly #damaged = new Set<string>();
  /** The files were repaired; what is missing is known after an exchange only. */
  #isIncomplete = false;
  #incarnation = 0n;
  #exchangedAt = 0n;

  constructor(options: StoreDiskOptions) {
    this.#options = options;
    this.#prefix = textOfBytes(new TextEncoder().encode(options.name));
    this.entries = new EntryWriter({
      ...options,
      prefix: this.#prefix + ENTRY,
      onWritten: (keys) => {
        for (const key of keys) this.#damaged.delete(ENTRY + key);
      },
    });
    this.#heard = new HeardRecords({
      store: options.store,
      entries: this.entries,
      keyOf: (name) => this.#keyOf(HEARD + name),
    });
  }

  /** Sentences that say what is wrong; none when nothing is. */
  get faults(): readonly string[] {
    const { name } = this.#options;
    const faults: string[] = [];
    if (this.#damaged.size > 0) faults.push(`${name}: ${this.#damaged.size} damaged values`);
    if (this.#isIncomplete) faults.push(`${name}: its files were damaged, entries may be missing`);
    const { unsaved } = this.entries;
    if (unsaved > 0) faults.push(`${name}: ${unsaved} entries not on disk`);
    return faults;
  }

  /**
   * Reads all of it. A replica that is new goes on from `incarnation`.
   * @throws ERR_STORE
   */
  async load(incarnation: bigint): Promise<KeptStore> {
    const { store } = this.#options;
    const entries: Entry[] = [];
    const heard: Heard[] = [];
    let kept: ReturnType<typeof decodeKept> | undefined;
    for await (const item of store.range(bytesOfText(`${this.#prefix}\0`))) {
      const key = textOfBytes(item.key).slice(this.#prefix.length);
      if (item.kind === 'damaged') this.#note(key);
      else if (key.startsWith(KEPT)) kept = this.#read(key, item.value, decodeKept);
      else if (key.startsWith(ENTRY)) {
        const entry = this.#read(key, item.value, decodeEntry);
        if (entry !== undefined) entries.push(entry);
      } else if (key.startsWith(HEARD)) {
        const decode = (bytes: Uint8Array): Heard =>
          this.#heard.read(key.slice(HEARD.length), bytes);
        const each = this.#read(key, item.value, decode);
        if (each !== undefined) heard.push(each);
      }
    }
    this.#isIncomplete = store.wasRepaired;
    const isWhole = this.#damaged.size === 0 && !this.#isIncomplete;
    this.#incarnation = kept?.incarnation ?? incarnation;
    this.#exchangedAt = kept?.exchangedAt ?? 0n;
    // From here on: a crash before the first exchange must not find the old knowledge.
    const known = kept === undefined ? NOTHING_KNOWN : kept.knowledge;
    const knowledge = isWhole ? known : undefined;
    if (!isWhole || kept === undefined) await this.#keepKnowledge(knowledge);
    if (!isWhole) this.#report();
    return {
      incarnation: this.#incarnation,
      entries,
      exchangedAt: this.#exchangedAt,
      knowledge,
      heard,
    };
  }

  /** Entries that are taken in or forgotten go to the disk. */
  keep({ stored, forgotten, heard }: StoreOutcome): void {
    this.entries.write(stored, forgotten);
    this.#heard.note(heard);
  }

  /** Once a second: what has come since the last exchange is kept, too. */
  keepHeard(): void {
    this.#heard.write().catch(this.#onFailure);
  }

  /** The replica has made an exchange: what it lacked, it has now as far as anybody has it. */
  exchanged({ knowledge, exchangedAt, has }: StoreExchange): void {
    this.#exchangedAt = exchangedAt;
    this.#isIncomplete = false;
    this.#removeDamaged(has);
    // Behind all entries: batches become durable in order.
    this.entries
      .settled()
      .then(async () => {
        if (this.entries.unsaved === 0) await this.#keepKnowledge(knowledge);
      })
      .catch(this.#onFailure);
  }

  /** Removes all of it. @throws ERR_STORE */
  async erase(): Promise<void> {
    const { store } = this.#options;
    const entries: StoreOperation[] = [];
    const others: StoreOperation[] = [];
    for await (const { key } of store.range(bytesOfText(`${this.#prefix}\0`))) {
      const isEntry = textOfBytes(key).startsWith(ENTRY, this.#prefix.length);
      (isEntry ? entries : others).push({ key, value: undefined });
    }
    // Nothing is said to be known of what is half gone.
    await writeInPieces(store, [...others, ...entries]);
  }

  /** Waits for what is under way, and tries once more what is not on disk. */
  close(current: CurrentEntry): Promise<void> {
    return this.entries.close(current);
  }

  readonly #onFailure = (error: unknown): void => {
    if (!(error instanceof BarrelError)) throw error;
    reportFailure(this.#options.host, this.#options.name, error);
  };

  async #keepKnowledge(knowledge: KnowledgeState | undefined): Promise<void> {
    const value = encodeKept({
      incarnation: this.#incarnation,
      exchangedAt: this.#exchangedAt,
      knowledge,
    });
    const kept = { key: this.#keyOf(KEPT), value };
    await this.#options.store.batch([kept, ...this.#heard.removal()]);
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
