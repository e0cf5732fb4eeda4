/**
 * The entries of one store on their way to the disk. What does not come there, because the disk is
 * full, fails, or has too much to do, is remembered and written again.
 */
import { bytesOfText } from '../core/store/binary-text.ts';
import type { StoreWrite } from '../core/store/contract.ts';
import type { Entry } from '../core/store/entry.ts';
import { encodeEntry, frameBytesOf, WRITER_BYTES_MAX } from '../core/store/entry-codec.ts';
import { BarrelError } from '../errors.ts';
import type { DurableStore, StoreOperation } from '../host/durable-store.ts';
import type { Host } from '../host/host.ts';
import { STORE_OPERATION_BYTES, STORE_WRITES_WAITING_BYTES_MAX } from '../limits.ts';
import { UnsavedEntries } from './unsaved-entries.ts';

export interface EntryWriterOptions {
  readonly store: DurableStore;
  readonly name: string;
  readonly host: Pick<Host, 'logger' | 'meter'>;
  /** Before the keys of all entries. */
  readonly prefix: string;
  /** These are on disk as they were handed over. */
  readonly onWritten: (keys: readonly string[]) => void;
}

/** What a replica has under a key by now. */
export type CurrentEntry = (key: string) => Entry | undefined;

export class EntryWriter {
  readonly #options: EntryWriterOptions;
  readonly #unsaved: UnsavedEntries;
  #last: Promise<void> = Promise.resolve();
  #handedOver = 0;

  constructor(options: EntryWriterOptions) {
    this.#options = options;
    this.#unsaved = new UnsavedEntries({
      store: options.store,
      write: (keys, piece) =>
        this.#handOver(keys, piece).then(
          () => true,
          () => false,
        ),
    });
  }

  /** Entries that are not on disk as they are in memory, beside those on their first way there. */
  get unsaved(): number {
    return this.#unsaved.size;
  }

  /** Batches so far. */
  get handedOver(): number {
    return this.#handedOver;
  }

  /** @throws ERR_OVERLOADED where the disk does not take these writes beside what waits for it. */
  checkRoom(writes: readonly StoreWrite[]): void {
    const { store, name, prefix } = this.#options;
    const each = STORE_OPERATION_BYTES + prefix.length + WRITER_BYTES_MAX;
    const bytes = writes.reduce((all, one) => all + each + one.key.length + frameBytesOf(one), 0);
    if (store.waitingBytes + bytes <= STORE_WRITES_WAITING_BYTES_MAX) return;
    const what =
      bytes > STORE_WRITES_WAITING_BYTES_MAX
        ? `one write of ${bytes} bytes is more than is taken at one time`
        : `${store.waitingBytes} bytes wait for the disk and ${bytes} more came`;
    const limit = `limit ${STORE_WRITES_WAITING_BYTES_MAX}`;
    throw new BarrelError('ERR_OVERLOADED', `${name}: ${what}; ${limit}`);
  }

  /** Entries that are there from now on, and keys that are not: one batch. */
  write(stored: readonly Entry[], forgotten: readonly string[]): void {
    if (stored.length + forgotten.length === 0) return;
    this.#handedOver += 1;
    this.#handOver(
      [...stored.map(({ key }) => key), ...forgotten],
      [
        ...stored.map((entry) => this.#operation(entry.key, entry)),
        ...forgotten.map((key) => this.#operation(key, undefined)),
      ],
    ).catch(throwUnknown);
  }

  /** Resolves when the last batch is durable. @throws ERR_STORE: it is written again. */
  durable(): Promise<void> {
    return this.#last;
  }

  /** The same of all batches so far. @throws ERR_STORE while one waits to be written again. */
  async allDurable(): Promise<void> {
    await this.#last;
    if (this.unsaved === 0) return;
    const text = `${this.#options.name}: ${this.unsaved} entries are not on disk`;
    throw new BarrelError('ERR_STORE', text);
  }

  /** What was handed over is durable or has failed, which was counted and reported then. */
  settled(): Promise<void> {
    return this.#last.catch(() => undefined);
  }

  /** Writes again what is not on disk, as it is by now, until that fails again. */
  retry(current: CurrentEntry): Promise<void> {
    return this.#unsaved.retry((key) => this.#operation(key, current(key)));
  }

  /** Waits for what is under way, and tries once more what is not on disk. */
  async close(current: CurrentEntry): Promise<void> {
    await this.settled();
    await this.retry(current);
    if (this.unsaved === 0) return;
    const { host, name } = this.#options;
    const fields = { store: name, entries: this.unsaved };
    host.logger.error('a store ends with entries that are not on disk', fields);
  }

  /** In this call. */
  #handOver(keys: readonly string[], batch: readonly StoreOperation[]): Promise<void> {
    this.#last = this.#toDisk(keys, batch, this.settled());
    return this.#last;
  }

  async #toDisk(
    keys: readonly string[],
    batch: readonly StoreOperation[],
    before: Promise<void>,
  ): Promise<void> {
    try {
      await this.#options.store.batch(batch);
    } catch (error) {
      const failure = this.#failure(error);
      this.#unsaved.add(keys);
      // It may have been refused before what was handed over earlier is through.
      await before;
      throw failure;
    }
    this.#options.onWritten(keys);
  }

  #failure(error: unknown): BarrelError {
    const { host, name } = this.#options;
    if (!(error instanceof BarrelError)) throw error;
    if (error.code !== 'ERR_OVERLOADED') {
      reportFailure(host, name, error);
      return error;
    }
    const what = 'the disk has too much to do: entries come to it later';
    if (this.unsaved === 0) host.logger.warn(what, { store: name, error });
    return new BarrelError('ERR_STORE', `${name}: ${what}`, { cause: error });
  }

  #operation(key: string, entry: Entry | undefined): StoreOperation {
    const { prefix } = this.#options;
    return { key: bytesOfText(prefix + key), value: entry && encodeEntry(entry) };
  }
}

/** The disk has failed. */
export function reportFailure(
  host: EntryWriterOptions['host'],
  store: string,
  error: BarrelError,
): void {
  host.meter.counter('barrel_store_disk_failures_total').value += 1;
  host.logger.error('a store cannot be written to disk', { store, error });
}

/** Other failures were counted and reported. */
function throwUnknown(error: unknown): void {
  if (!(error instanceof BarrelError)) throw error;
}
