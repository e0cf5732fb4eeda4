/**
 * The disk of one simulated machine. It outlives its node: a crash keeps what was durable, a write
 * under way is old or new, and on demand the disk is full, fails to sync, or rots.
 */
import type { OpenDurableStore } from '../host/durable-store.ts';
import type { Files } from '../host/files.ts';
import type { Random, Timers } from '../host/host.ts';
import { MemoryFiles, systemError } from './memory-files.ts';
import { SimulatedStores, type StoreTimers } from './simulated-store.ts';

/** How long a write takes until it is durable, shortest and longest. */
const SYNC_MS: readonly [number, number] = [0.2, 2];

/** New content of a file, or its removal. */
interface Change {
  readonly path: string;
  readonly content: Uint8Array | undefined;
}

export class SimulatedDisk {
  /** While true, writes are rejected with ENOSPC and change nothing. */
  isFull = false;
  /** While true, writes are rejected with EIO: some are seen all the same, none is durable. */
  failsSync = false;
  readonly #random: Random;
  #files = new MemoryFiles();
  /** What a crash may bring back, of files whose last change is not durable. */
  readonly #durable = new Map<string, Uint8Array | undefined>();
  readonly #underWay = new Set<Change>();
  readonly #stores: SimulatedStores;

  constructor(random: Random) {
    this.#random = random;
    this.#stores = new SimulatedStores({
      random,
      faults: this,
      sync: (timers) => this.#sync(timers),
    });
  }

  /** The files as one start of a node sees them; its timers say when writes are durable. */
  open(timers: Pick<Timers, 'after'>): Files {
    return {
      read: (path) => this.#files.read(path),
      list: (directory) => this.#files.list(directory),
      status: (path) => this.#files.status(path),
      makeDirectory: (directory) => this.#files.makeDirectory(directory),
      write: (path, content) => this.#write(timers, { path, content: content.slice() }),
      remove: (path) => this.#remove(timers, path),
    };
  }

  /** The durable stores as one start of a node sees them. */
  storeOpener(timers: StoreTimers): OpenDurableStore {
    return this.#stores.opener(this.open(timers), timers);
  }

  /** The node has stopped without a word. */
  crash(): void {
    for (const change of this.#underWay) {
      if (this.#random.float() < 0.5) this.#apply(change);
    }
    this.#underWay.clear();
    for (const [path, content] of this.#durable) {
      if (this.#random.float() < 0.5) this.#files.poke(path, content);
    }
    this.#durable.clear();
    this.#stores.crash();
  }

  /** An empty disk in place of this one. */
  wipe(): void {
    this.#files = new MemoryFiles();
    this.#durable.clear();
    this.#underWay.clear();
    this.#stores.wipe();
  }

  /** Flips so many random bits of files and of values in stores; none when nothing is stored. */
  flipBits(count: number): void {
    const paths = this.#files.paths().filter((path) => this.#files.peek(path)?.length !== 0);
    const values = this.#stores.values();
    for (let flip = 0; flip < count && paths.length + values.length > 0; flip += 1) {
      const target = Math.floor(this.#random.float() * (paths.length + values.length));
      const value = values[target - paths.length];
      if (value !== undefined) this.#flipBit(value);
      else this.#flipBitOfFile(paths[target] ?? '');
    }
  }

  #flipBitOfFile(path: string): void {
    const content = (this.#files.peek(path) ?? new Uint8Array()).slice();
    this.#flipBit(content);
    this.#files.poke(path, content);
  }

  #flipBit(content: Uint8Array): void {
    const bit = Math.floor(this.#random.float() * content.length * 8);
    content[bit >> 3] = (content[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  }

  /** Resolves when what is written now is durable. */
  #sync(timers: Pick<Timers, 'after'>): Promise<void> {
    const [shortest, longest] = SYNC_MS;
    const syncMs = shortest + this.#random.float() * (longest - shortest);
    return new Promise<void>((resolve) => void timers.after(syncMs, resolve));
  }

  async #write(timers: Pick<Timers, 'after'>, change: Change): Promise<void> {
    this.#files.checkWrite(change.path);
    if (this.isFull) throw systemError('ENOSPC', 'write', change.path);
    await this.#change(timers, change);
  }

  async #remove(timers: Pick<Timers, 'after'>, path: string): Promise<void> {
    this.#files.checkRemoval(path);
    if (this.#files.peek(path) !== undefined) {
      await this.#change(timers, { path, content: undefined });
    }
  }

  async #change(timers: Pick<Timers, 'after'>, change: Change): Promise<void> {
    this.#underWay.add(change);
    await this.#sync(timers);
    this.#underWay.delete(change);
    if (this.failsSync) this.#failSync(change);
    this.#apply(change);
    this.#durable.delete(change.path);
  }

  /** It fails before or after the new content took the place of the old one. */
  #failSync(change: Change): never {
    if (this.#random.float() < 0.5) {
      if (!this.#durable.has(change.path)) {
        this.#durable.set(change.path, this.#files.peek(change.path));
      }
      this.#apply(change);
    }
    throw systemError('EIO', 'fsync', change.path);
  }

  #apply({ path, content }: Change): void {
    this.#files.poke(path, content);
  }
}
