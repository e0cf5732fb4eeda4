/**
 * The entries of one start of one node, removed keys included: their tombstones keep older writes
 * that come late from bringing them back.
 */
import { TABLE_BYTES_PER_OWNER_MAX, TABLE_ENTRIES_PER_OWNER_MAX } from '../../limits.ts';
import type { Owner, TableEntry } from './contract.ts';

/** Bounds on what one owner may have; tombstones count. */
export interface OwnerBounds {
  /** @default TABLE_ENTRIES_PER_OWNER_MAX */
  readonly entriesMax: number;
  /** Of keys and values together. @default TABLE_BYTES_PER_OWNER_MAX */
  readonly bytesMax: number;
}

export const OWNER_BOUNDS_DEFAULTS: OwnerBounds = {
  entriesMax: TABLE_ENTRIES_PER_OWNER_MAX,
  bytesMax: TABLE_BYTES_PER_OWNER_MAX,
};

export class OwnerEntries {
  readonly owner: Owner;
  readonly #bounds: OwnerBounds;
  readonly #entries = new Map<string, TableEntry>();
  /** Keys with a tombstone, in the order in which they were stored. */
  readonly #tombstones = new Set<string>();
  #bytes = 0;
  #tombstoneBytes = 0;
  /** The greatest version of the tombstones that were dropped. */
  #forgottenMax = 0;
  #versionMax = 0;

  constructor(owner: Owner, bounds: OwnerBounds) {
    this.owner = owner;
    this.#bounds = bounds;
  }

  /** Tombstones included. */
  get size(): number {
    return this.#entries.size;
  }

  /** Of keys and values together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The greatest version seen. */
  get versionMax(): number {
    return this.#versionMax;
  }

  /** The next write gets a version above this one, too. */
  raise(version: number): void {
    this.#versionMax = Math.max(this.#versionMax, version);
  }

  get(key: string): TableEntry | undefined {
    return this.#entries.get(key);
  }

  /** In the order in which the keys were first stored, tombstones included. */
  all(): IterableIterator<TableEntry> {
    return this.#entries.values();
  }

  /** True when storing the entry keeps the bounds; old tombstones make way. */
  hasRoomFor(entry: TableEntry): boolean {
    const known = this.#entries.get(entry.key);
    if (entry.value !== undefined) {
      const replaced = known?.value === undefined ? 0 : bytesOf(known);
      const bytes = this.#bytes - this.#tombstoneBytes - replaced + bytesOf(entry);
      if (bytes > this.#bounds.bytesMax) return false;
    }
    if (known !== undefined) return true;
    return this.#entries.size < this.#bounds.entriesMax || this.#tombstones.size > 0;
  }

  /**
   * True for a tombstone that was dropped or is as old as one: taken in again it would displace
   * another, and nodes that displace each other's would pass them round for ever.
   */
  hasForgotten({ key, version, value }: TableEntry): boolean {
    return value === undefined && version <= this.#forgottenMax && !this.#entries.has(key);
  }

  /** The caller has asked for the room. */
  store(entry: TableEntry): void {
    const known = this.#entries.get(entry.key);
    if (known !== undefined) this.#count(known, -1);
    this.#count(entry, 1);
    this.#entries.set(entry.key, entry);
    this.#versionMax = Math.max(this.#versionMax, entry.version);
    this.#tombstones.delete(entry.key);
    if (entry.value === undefined) this.#tombstones.add(entry.key);
    this.#dropTombstones();
  }

  #count(entry: TableEntry, sign: 1 | -1): void {
    const bytes = sign * bytesOf(entry);
    this.#bytes += bytes;
    if (entry.value === undefined) this.#tombstoneBytes += bytes;
  }

  /**
   * Tombstones are kept while the owner lives, up to half of its entries; the oldest go first. A
   * write that then comes back from afar is answered by the owner with a new tombstone.
   */
  #dropTombstones(): void {
    for (const key of this.#tombstones) {
      if (!this.#isAboveBounds()) break;
      const dropped = this.#entries.get(key);
      this.#entries.delete(key);
      this.#tombstones.delete(key);
      if (dropped === undefined) continue;
      this.#count(dropped, -1);
      this.#forgottenMax = Math.max(this.#forgottenMax, dropped.version);
    }
  }

  #isAboveBounds(): boolean {
    const { entriesMax, bytesMax } = this.#bounds;
    const isTooMany = this.#entries.size > entriesMax || this.#bytes > bytesMax;
    return isTooMany || this.#tombstones.size > Math.floor(entriesMax / 2);
  }
}

/** Bytes that an entry is counted with: an upper bound for its key, its value, a little more. */
export function bytesOf(entry: TableEntry): number {
  return entry.key.length * 3 + (entry.value?.length ?? 0) + 32;
}
