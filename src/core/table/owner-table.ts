/**
 * A replicated table whose entries only their owner writes: known on every node, gone with their
 * owner. Each write has a version of its owner's count, the greater one wins, so that entries may
 * come late, twice and in any order. What changes a node's table is passed on to all its neighbours
 * but the one it came from, and a new neighbour gets the whole.
 */

import { BarrelError } from '../../errors.ts';
import {
  KEY_BYTES_MAX,
  ROSTER_ENTRIES_MAX,
  SMALL_VALUE_BYTES_MAX,
  TABLE_BYTES_MAX,
  TABLE_ENTRIES_MAX,
  TABLE_VERSION_REPAIRED_MAX,
} from '../../limits.ts';
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import { firstOf, inBatches } from './batches.ts';
import type { Owner, TableEffect, TableEntry, TableInput } from './contract.ts';
import { bytesOf, OWNER_BOUNDS_DEFAULTS, type OwnerBounds, OwnerEntries } from './owner-entries.ts';

export interface OwnerTableOptions extends Partial<OwnerBounds> {
  /** True when the roster knows that start of the node as alive; not asked for this node. */
  readonly isAlive: (node: NodeName, incarnation: bigint) => boolean;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** The table as one node has it. No clock, no links: facts in, effects out. */
export class OwnerTable {
  readonly #self: Owner;
  readonly #isAlive: OwnerTableOptions['isAlive'];
  readonly #bounds: OwnerBounds;
  readonly #owners = new Map<NodeName, OwnerEntries>();
  readonly #own: OwnerEntries;
  readonly #neighbors = new Set<NodeName>();
  /** Entries of all owners, tombstones included, and their bytes. */
  #size = 0;
  #bytes = 0;
  #effects: TableEffect[] = [];
  /** What changed during this input, to be passed on together. */
  #news: TableEntry[] = [];
  /** What was said in this node's name during this input: the greatest version of each key. */
  readonly #forged = new Map<string, number>();

  constructor(self: Owner, options: OwnerTableOptions) {
    const { isAlive, ...bounds } = options;
    this.#self = { node: self.node, incarnation: self.incarnation };
    this.#isAlive = isAlive;
    this.#bounds = { ...OWNER_BOUNDS_DEFAULTS, ...bounds };
    this.#own = new OwnerEntries(this.#self, this.#bounds);
    this.#owners.set(self.node, this.#own);
  }

  /** The entries that stand, of all owners; tombstones are left out. */
  *entries(): IterableIterator<TableEntry> {
    for (const owner of this.#owners.values()) {
      for (const entry of owner.all()) if (entry.value !== undefined) yield entry;
    }
  }

  /** All that is known of one owner, tombstones included. */
  *entriesOf(node: NodeName): IterableIterator<TableEntry> {
    yield* this.#owners.get(node)?.all() ?? [];
  }

  /**
   * Everything that is known, tombstones included, in batches, for a new neighbour; read as it is
   * taken. What changes meanwhile is seen here or reaches the neighbour as news. It ends even if
   * the table grows as fast as it is read: what came since is behind what was there.
   */
  *exchange(): IterableIterator<readonly TableEntry[]> {
    yield* inBatches(this.#all(), ({ owner, key }) => {
      const entries = this.#owners.get(owner.node);
      return entries?.owner.incarnation === owner.incarnation ? entries.get(key) : undefined;
    });
  }

  /** The value of an owner's key; undefined when there is none. */
  get(node: NodeName, key: string): Uint8Array | undefined {
    return this.#owners.get(node)?.get(key)?.value;
  }

  /**
   * Applies one input; returns its effects in the order in which the driver must carry them out.
   * Never throws for what a peer sent.
   * @throws ERR_VALUE for a put with too long a key or value or with half a surrogate pair in its
   * key, ERR_OVERLOADED for one above the bounds of an owner; nothing changes then.
   */
  handle(input: TableInput): readonly TableEffect[] {
    switch (input.kind) {
      case 'put':
        this.#put(input.key, input.value);
        break;
      case 'remove':
        if (this.#own.get(input.key)?.value !== undefined) this.#write(input.key, undefined);
        break;
      case 'received':
        for (const entry of input.entries) this.#hear(entry);
        this.#contradict(input.from);
        break;
      case 'neighborUp':
        this.#neighbors.add(input.node);
        break;
      case 'neighborDown':
        this.#neighbors.delete(input.node);
        break;
      case 'ownerGone':
        this.#onOwnerGone(input.node, input.incarnation);
        break;
      case 'reassert':
        for (const { key, value } of [...this.#own.all()]) this.#write(key, value);
        break;
      default:
        unreachable(input);
    }
    this.#passOn(input.kind === 'received' ? input.from : undefined);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  // Own entries

  #put(key: string, value: Uint8Array): void {
    if (utf8BytesAtMost(key) > KEY_BYTES_MAX) {
      throw new BarrelError('ERR_VALUE', `key of a table entry is too long: ${key.slice(0, 80)}`);
    }
    if (LONE_SURROGATE.test(key)) {
      throw new BarrelError('ERR_VALUE', 'key of a table entry has half a surrogate pair');
    }
    if (value.length > SMALL_VALUE_BYTES_MAX) {
      throw new BarrelError('ERR_VALUE', `value of ${value.length} bytes is too long: ${key}`);
    }
    const known = this.#own.get(key);
    if (areSame(known?.value, value)) return;
    const version = this.#own.versionMax + 1;
    if (!this.#own.hasRoomFor({ owner: this.#self, key, version, value })) {
      throw new BarrelError('ERR_OVERLOADED', `no room for another table entry: ${key}`);
    }
    this.#write(key, value);
  }

  /** Own writes are noted and spread; the value may be the same as before, then with no change. */
  #write(key: string, value: Uint8Array | undefined): void {
    const version = this.#own.versionMax + 1;
    this.#store(this.#own, { owner: this.#self, key, version, value });
  }

  /**
   * What comes back of this node's own writes is an echo. One of a key that is not known any more
   * is an old write that outlived its tombstone: it gets a new one.
   */
  #hearOfOwn({ owner, key, version, value }: TableEntry): void {
    if (owner.incarnation !== this.#self.incarnation) return;
    const known = this.#own.get(key);
    const isOther = version === known?.version && !areSame(known.value, value);
    if (isOther || version > (known?.version ?? this.#own.versionMax)) {
      this.#forged.set(key, Math.max(version, this.#forged.get(key) ?? 0));
    } else if (known === undefined && value !== undefined) {
      this.#write(key, undefined);
    }
  }

  /**
   * Says again, with a greater version, what this node says of each forged key: one write for each,
   * however often it was forged. A version that leaves too few above it is not contradicted.
   */
  #contradict(from: NodeName): void {
    for (const [key, version] of this.#forged) {
      this.#effects.push({ kind: 'forged', from, key });
      if (version >= TABLE_VERSION_REPAIRED_MAX) continue;
      this.#own.raise(version);
      this.#write(key, this.#own.get(key)?.value);
    }
    this.#forged.clear();
  }

  // Others' entries

  #hear(entry: TableEntry): void {
    const { node, incarnation } = entry.owner;
    if (node === this.#self.node) {
      this.#hearOfOwn(entry);
      return;
    }
    if (!this.#isAlive(node, incarnation)) {
      this.#effects.push({ kind: 'refused', owner: entry.owner, key: entry.key });
      return;
    }
    const owner = this.#entriesOf(entry.owner);
    if (owner === undefined) return;
    const known = owner.get(entry.key);
    if (known === undefined ? owner.hasForgotten(entry) : known.version >= entry.version) return;
    if (this.#hasRoomFor(owner, entry)) this.#store(owner, entry);
    else this.#effects.push({ kind: 'refused', owner: owner.owner, key: entry.key });
  }

  /**
   * A later start of an owner replaces the older; undefined for one that is older itself, and for
   * more owners than a roster has members.
   */
  #entriesOf({ node, incarnation }: Owner): OwnerEntries | undefined {
    const known = this.#owners.get(node);
    if (known !== undefined) {
      if (known.owner.incarnation === incarnation) return known;
      if (known.owner.incarnation > incarnation) return undefined;
      this.#drop(known);
    }
    if (this.#owners.size > ROSTER_ENTRIES_MAX) return undefined;
    const fresh = new OwnerEntries({ node, incarnation }, this.#bounds);
    this.#owners.set(node, fresh);
    return fresh;
  }

  #onOwnerGone(node: NodeName, incarnation: bigint): void {
    const known = this.#owners.get(node);
    if (known === undefined || known === this.#own) return;
    if (known.owner.incarnation <= incarnation) this.#drop(known);
  }

  #drop(gone: OwnerEntries): void {
    const { owner } = gone;
    this.#owners.delete(owner.node);
    this.#size -= gone.size;
    this.#bytes -= gone.bytes;
    for (const { key, value } of gone.all()) {
      if (value === undefined) continue;
      this.#effects.push({ kind: 'change', owner, key, value: undefined, cause: 'gone' });
    }
  }

  // All entries

  /** For another's entry: it keeps the bounds of the table, too. */
  #hasRoomFor(owner: OwnerEntries, entry: TableEntry): boolean {
    const known = owner.get(entry.key);
    if (known === undefined && this.#size >= TABLE_ENTRIES_MAX) return false;
    const more = bytesOf(entry) - (known === undefined ? 0 : bytesOf(known));
    if (more > 0 && this.#bytes + more > TABLE_BYTES_MAX) return false;
    return owner.hasRoomFor(entry);
  }

  #store(entries: OwnerEntries, entry: TableEntry): void {
    const { owner } = entries;
    const { key, value } = entry;
    const before = entries.get(key)?.value;
    this.#size -= entries.size;
    this.#bytes -= entries.bytes;
    entries.store(entry);
    this.#size += entries.size;
    this.#bytes += entries.bytes;
    this.#news.push(entry);
    if (!areSame(before, value))
      this.#effects.push({ kind: 'change', owner, key, value, cause: 'owner' });
  }

  // Spreading

  #passOn(except?: NodeName): void {
    const news = this.#news;
    if (news.length === 0) return;
    this.#news = [];
    const own = news.filter((entry) => entry.owner.node === this.#self.node);
    for (const neighbor of this.#neighbors) {
      // An own tombstone answers the one that sent the old write, too.
      this.#send(neighbor, neighbor === except ? own : news);
    }
  }

  *#all(): IterableIterator<TableEntry> {
    for (const owner of firstOf(this.#owners.values(), this.#owners.size)) {
      for (const entry of firstOf(owner.all(), owner.size)) {
        if (this.#owners.get(owner.owner.node) !== owner) break;
        yield entry;
      }
    }
  }

  #send(to: NodeName, news: readonly TableEntry[]): void {
    for (const entries of inBatches(news, (entry) => entry)) {
      this.#effects.push({ kind: 'send', to, entries });
    }
  }
}

/** At most what the text takes as UTF-8; exact for ASCII. */
function utf8BytesAtMost(text: string): number {
  // Each UTF-16 unit takes at most three bytes.
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 127) return text.length * 3;
  return text.length;
}

function areSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
