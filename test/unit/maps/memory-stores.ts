/**
 * The stores of one node in memory, for tests of what stands on them. A test plays the other nodes:
 * `arrive` is an entry of theirs; it also says when a store has met them and when the disk is done.
 */
import type { NodeRef, ReplicatedStore, StoreOptions, Stores } from '../../../src/cluster/ports.ts';
import type { StoreChange, StoreWrite } from '../../../src/core/store/contract.ts';
import { BarrelError } from '../../../src/errors.ts';
import { type Settlement, settlement } from '../../../src/settlement.ts';

const SELF: NodeRef = { node: 'self@test', incarnation: 1n };
const OTHER: NodeRef = { node: 'other@test', incarnation: 1n };

export class MemoryStore implements ReplicatedStore {
  readonly name: string;
  readonly options: StoreOptions;
  readonly writes: (readonly StoreWrite[])[] = [];
  synced: Promise<void> = Promise.resolve();
  /** When writes are durable. */
  durable: Promise<void> = Promise.resolve();
  isClosed = false;
  readonly #entries: Map<string, Uint8Array>;
  readonly #listeners = new Set<(change: StoreChange) => void>();

  constructor(name: string, options: StoreOptions, kept: Map<string, Uint8Array>) {
    this.name = name;
    this.options = options;
    this.#entries = kept;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Uint8Array | undefined {
    return this.#entries.get(key);
  }

  entries(): IterableIterator<readonly [string, Uint8Array]> {
    return this.#entries.entries();
  }

  write(writes: readonly StoreWrite[]): Promise<void> {
    if (this.isClosed) throw new BarrelError('ERR_CLOSED', `store ${this.name} is closed`);
    this.writes.push(writes);
    for (const { key, value } of writes) this.#apply(key, value, { writer: SELF, cause: 'write' });
    return this.durable;
  }

  /** Another node wrote that. */
  arrive(key: string, value: Uint8Array | undefined): void {
    this.#apply(key, value, { writer: OTHER, cause: 'write' });
  }

  expire(key: string): void {
    this.#apply(key, undefined, { writer: SELF, cause: 'expired' });
  }

  onChange(listener: (change: StoreChange) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  #apply(
    key: string,
    value: Uint8Array | undefined,
    by: Pick<StoreChange, 'writer' | 'cause'>,
  ): void {
    const previous = this.#entries.get(key);
    if (value === undefined) this.#entries.delete(key);
    else this.#entries.set(key, value);
    if (value === previous) return;
    for (const listener of this.#listeners) listener({ key, value, previous, ...by });
  }
}

export class MemoryStores implements Stores {
  /** All that were opened, in that order. */
  readonly opened: MemoryStore[] = [];
  readonly dropped: string[] = [];
  /** Set: opens wait for it. */
  gate: Settlement<void> | undefined;
  /** Set: stores meet other hosts then. */
  meeting: Settlement<void> | undefined;
  readonly #disk = new Map<string, Map<string, Uint8Array>>();

  async open(name: string, options: StoreOptions): Promise<ReplicatedStore> {
    if (this.opened.some((store) => store.name === name && !store.isClosed)) {
      throw new Error(`store ${name} is open already`);
    }
    const kept = options.persist ? (this.#disk.get(name) ?? new Map()) : new Map();
    if (options.persist) this.#disk.set(name, kept);
    const store = new MemoryStore(name, options, kept);
    this.opened.push(store);
    try {
      await this.gate?.promise;
    } catch (error) {
      await store.close();
      throw error;
    }
    store.synced = this.meeting?.promise ?? Promise.resolve();
    return store;
  }

  async drop(name: string): Promise<void> {
    if (this.opened.some((store) => store.name === name && !store.isClosed)) {
      throw new Error(`store ${name} is not closed`);
    }
    this.dropped.push(name);
    this.#disk.delete(name);
  }

  /** The store of that map that is open now. */
  of(map: string): MemoryStore {
    const store = this.opened.findLast(({ name, isClosed }) => name === `map:${map}` && !isClosed);
    if (store === undefined) throw new Error(`no store of map ${map} is open`);
    return store;
  }

  hold(): Settlement<void> {
    this.gate = settlement();
    return this.gate;
  }
}
