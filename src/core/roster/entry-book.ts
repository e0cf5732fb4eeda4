/**
 * The entries of one node's roster with their digest, within their bounds: the living are kept, the
 * dead and left for an hour, so that late word of them finds them known.
 */
import type { NodeName } from '../names.ts';
import { inBatches } from './batches.ts';
import { BucketDigest, bucketOf, DIGEST_BUCKETS } from './digest.ts';
import { type DeadEntry, isLiving, type RosterEntry } from './entry.ts';

const GONE_KEPT_MS = 3_600_000;

export class EntryBook {
  readonly #self: NodeName;
  readonly #entriesMax: number;
  readonly #entries = new Map<NodeName, RosterEntry>();
  /** When each of the dead and left became so here, oldest first. */
  readonly #goneSinceMs = new Map<NodeName, number>();
  readonly digest: BucketDigest = new BucketDigest();

  constructor(self: NodeName, entriesMax: number) {
    this.#self = self;
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Members, suspect ones too. */
  get livingCount(): number {
    return this.#entries.size - this.#goneSinceMs.size;
  }

  /** With a known record, the latest first. */
  get recentlyDead(): readonly DeadEntry[] {
    const gone = [...this.#goneSinceMs.keys()].map((node) => this.#entries.get(node));
    return gone.filter(isDialable).reverse();
  }

  get(node: NodeName): RosterEntry | undefined {
    return this.#entries.get(node);
  }

  values(): IterableIterator<RosterEntry> {
    return this.#entries.values();
  }

  /** Replaces what was known of the node. Ask `makeRoom` before the first entry of a node. */
  store(entry: RosterEntry, nowMs: number): void {
    const known = this.#entries.get(entry.node);
    if (known !== undefined) this.digest.toggle(known);
    this.digest.toggle(entry);
    this.#entries.set(entry.node, entry);
    this.#goneSinceMs.delete(entry.node);
    if (!isLiving(entry)) this.#goneSinceMs.set(entry.node, nowMs);
  }

  /**
   * The entries in these buckets, in batches, read as they are taken. What changes meanwhile is
   * seen here or reaches the neighbour by broadcast. It ends even if the roster grows as fast as it
   * is read: those that came since are behind those that were there.
   */
  entriesIn(buckets: readonly number[]): IterableIterator<readonly RosterEntry[]> {
    return inBatches(this.#chosen(new Set(buckets)));
  }

  *#chosen(buckets: ReadonlySet<number>): IterableIterator<RosterEntry> {
    const isWhole = buckets.size === DIGEST_BUCKETS;
    let left = this.#entries.size;
    for (const entry of this.#entries.values()) {
      if (left === 0) return;
      left -= 1;
      if (isWhole || buckets.has(bucketOf(entry.node))) yield entry;
    }
  }

  /**
   * A full roster forgets who is gone longest; it takes in no dead, and no living without room.
   * False when there is none.
   */
  makeRoom(heard: RosterEntry): boolean {
    if (this.#entries.size < this.#entriesMax) return true;
    if (!isLiving(heard)) return false;
    for (const node of this.#goneSinceMs.keys()) {
      if (node === this.#self) continue;
      this.#drop(node);
      return true;
    }
    return false;
  }

  /** Drops the dead and left whose time is over. */
  forget(nowMs: number): void {
    for (const [node, sinceMs] of this.#goneSinceMs) {
      if (nowMs - sinceMs < GONE_KEPT_MS) break;
      if (node !== this.#self) this.#drop(node);
    }
  }

  #drop(node: NodeName): void {
    const entry = this.#entries.get(node);
    if (entry !== undefined) this.digest.toggle(entry);
    this.#entries.delete(node);
    this.#goneSinceMs.delete(node);
  }
}

function isDialable(entry: RosterEntry | undefined): entry is DeadEntry {
  return entry?.status === 'dead' && entry.record !== undefined;
}
