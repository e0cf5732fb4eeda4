/**
 * The twin of the durable store on a simulated disk: the same checksums and the same group commit,
 * on virtual time. A crash keeps what was durable and, of the write under way, the first so many
 * batches.
 */
import { BarrelError } from '../errors.ts';
import type {
  DurableStore,
  OpenDurableStore,
  StoredItem,
  StoreOperation,
} from '../host/durable-store.ts';
import type { Files } from '../host/files.ts';
import { GroupCommit, type SealedBatch } from '../host/group-commit.ts';
import type { Random, Timers } from '../host/host.ts';
import { unsealValue } from '../host/sealed-value.ts';
import { normalised, systemError } from './memory-files.ts';

export type StoreTimers = Pick<Timers, 'after' | 'soon'>;

/** What the stores take from the disk that they are on. */
export interface StoreDisk {
  readonly random: Random;
  readonly faults: { readonly isFull: boolean; readonly failsSync: boolean };
  /** Resolves when what is written now would be durable. */
  sync(timers: StoreTimers): Promise<void>;
}

/** All stores of one disk, by their directories. */
export class SimulatedStores {
  readonly #disk: StoreDisk;
  readonly #folders = new Map<string, StoreFolder>();

  constructor(disk: StoreDisk) {
    this.#disk = disk;
  }

  /** For one start of a node, with its files and its timers. */
  opener(files: Pick<Files, 'makeDirectory'>, timers: StoreTimers): OpenDurableStore {
    return async (directory) => {
      try {
        await files.makeDirectory(directory);
        return await this.#open(normalised(directory), timers);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const what = `cannot open the store in ${directory}: ${reason}`;
        throw new BarrelError('ERR_STORE', what, { cause: error });
      }
    };
  }

  /** The node has stopped without a word. */
  crash(): void {
    for (const folder of this.#folders.values()) folder.crash(this.#disk.random);
  }

  wipe(): void {
    this.#folders.clear();
  }

  /** The bytes of all values with their checksums, as they lie on the disk. */
  values(): readonly Uint8Array[] {
    return [...this.#folders.values()].flatMap((folder) => [...folder.records.values()]);
  }

  async #open(directory: string, timers: StoreTimers): Promise<DurableStore> {
    const folder = this.#folders.get(directory) ?? new StoreFolder();
    if (folder.owner !== undefined) throw new Error('it is open');
    // The real one writes a new list of its files each time.
    if (this.#disk.faults.isFull) throw systemError('ENOSPC', 'write', directory);
    this.#folders.set(directory, folder);
    const store = new SimulatedStore({ folder, timers, disk: this.#disk, directory });
    folder.owner = store;
    await this.#disk.sync(timers);
    if (!this.#disk.faults.failsSync) return store;
    folder.owner = undefined;
    throw systemError('EIO', 'fsync', directory);
  }
}

/** What lies in one directory; it outlives the node that has it open. */
class StoreFolder {
  /** Keys with one character for each byte: they compare as the bytes do. */
  readonly records = new Map<string, Uint8Array>();
  underWay: readonly SealedBatch[] = [];
  owner: SimulatedStore | undefined;

  apply(batches: readonly SealedBatch[]): void {
    for (const { key, sealed } of batches.flatMap(({ operations }) => operations)) {
      const name = Buffer.from(key).toString('latin1');
      if (sealed === undefined) this.records.delete(name);
      else this.records.set(name, new Uint8Array(sealed));
    }
  }

  crash(random: Random): void {
    const batches = this.underWay;
    this.owner = undefined;
    this.underWay = [];
    if (batches.length === 0) return;
    this.apply(batches.slice(0, Math.floor(random.float() * (batches.length + 1))));
  }
}

interface SimulatedStoreOptions {
  readonly folder: StoreFolder;
  readonly timers: StoreTimers;
  readonly disk: StoreDisk;
  readonly directory: string;
}

class SimulatedStore implements DurableStore {
  readonly wasRepaired = false;
  readonly #options: SimulatedStoreOptions;
  readonly #commits: GroupCommit;

  constructor(options: SimulatedStoreOptions) {
    this.#options = options;
    this.#commits = new GroupCommit({
      write: (group) => this.#write(group),
      soon: (callback) => options.timers.soon(callback),
    });
  }

  get waitingBytes(): number {
    return this.#commits.waitingBytes;
  }

  async *range(prefix: Uint8Array): AsyncGenerator<StoredItem> {
    const { records } = this.#options.folder;
    const start = Buffer.from(prefix).toString('latin1');
    this.#checkOpen();
    for (const name of [...records.keys()].filter((key) => key.startsWith(start)).sort()) {
      const sealed = records.get(name);
      if (sealed !== undefined)
        yield unsealValue(Buffer.from(name, 'latin1'), new Uint8Array(sealed));
      this.#checkOpen();
    }
  }

  batch(operations: readonly StoreOperation[]): Promise<void> {
    return this.#commits.submit(operations);
  }

  async close(): Promise<void> {
    await this.#commits.close();
    const { folder } = this.#options;
    if (folder.owner === this) folder.owner = undefined;
  }

  async #write(group: readonly SealedBatch[]): Promise<void> {
    const { folder, disk, timers } = this.#options;
    this.#checkOpen();
    if (disk.faults.isFull) throw this.#writeError('ENOSPC', 'write');
    folder.underWay = group;
    await disk.sync(timers);
    this.#checkOpen();
    folder.underWay = [];
    if (!disk.faults.failsSync) folder.apply(group);
    else this.#failSync(group);
  }

  /** All of it is there, or none. */
  #failSync(group: readonly SealedBatch[]): never {
    if (this.#options.disk.random.float() < 0.5) this.#options.folder.apply(group);
    throw this.#writeError('EIO', 'fsync');
  }

  #checkOpen(): void {
    if (this.#options.folder.owner === this) return;
    throw new BarrelError('ERR_CLOSED', 'the store is closed');
  }

  #writeError(code: string, operation: string): BarrelError {
    const cause = systemError(code, operation, this.#options.directory);
    const what = `cannot write the store in ${this.#options.directory}: ${cause.message}`;
    return new BarrelError('ERR_STORE', what, { cause });
  }
}
