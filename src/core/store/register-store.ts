/**
 * The registers of one store, and what is summed over them: a digest of all, a digest of each
 * bucket of keys, and the sketch. All of them follow each change at once, whatever the size.
 */
import { bytesOfText } from './binary-text.ts';
import { Bucket, bucketOf, type KeyHash, KeyHasher } from './bucket.ts';
import { beats, type Entry, type EntryOrder, isSameEntry } from './entry.ts';
import { HashedEntry } from './hashed-entry.ts';
import { CodedPrefix } from './sketch/coded-prefix.ts';

/** Up to so many entries the sketch is made when it is wanted. */
const SKETCHED_MIN = 512;

/** Ids in one bucket that are not found yet, under the hash of their key. */
type WantedIds = ReadonlyMap<KeyHash, Set<string>>;

/** A cryptographic hash: 32 characters of 0 to 255. */
export type Digest = (bytes: Uint8Array) => string;

export interface RegisterStoreOptions {
  readonly digest: Digest;
  /** Goes into each hash: one for each cluster and store, so that nobody outside can aim at ids. */
  readonly salt: string;
  /** @default 'stamp' */
  readonly order?: EntryOrder | undefined;
}

export class RegisterStore {
  readonly #digest: Digest;
  readonly #hashed: HashedEntry;
  readonly #keys: KeyHasher;
  readonly #order: EntryOrder;
  readonly #buckets = new Map<number, Bucket>();
  readonly #sum = new Bucket();
  #sketch: CodedPrefix | undefined;
  #size = 0;
  #bytes = 0;

  constructor({ digest, salt, order = 'stamp' }: RegisterStoreOptions) {
    this.#order = order;
    this.#digest = digest;
    const secret = bytesOfText(digest(new TextEncoder().encode(salt)));
    this.#hashed = new HashedEntry(secret);
    this.#keys = new KeyHasher(secret);
  }

  /** Keys, removed ones included. */
  get size(): number {
    return this.#size;
  }

  /** Of keys and values. */
  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Entry | undefined {
    return this.#buckets.get(bucketOf(this.#keys.hash(key)))?.entries.get(key);
  }

  /** True for an entry that would take the place of the one of its key, or has none to take. */
  accepts(entry: Entry): boolean {
    const known = this.get(entry.key);
    return known === undefined || beats(entry, known, this.#order);
  }

  /** Takes the entry in if it beats the one of its key; false when it does not. */
  join(entry: Entry): boolean {
    const known = this.get(entry.key);
    if (known !== undefined) {
      if (!beats(entry, known, this.#order)) return false;
      this.#count(known, -1);
    }
    this.#count(entry, 1);
    this.#bucket(entry.key).entries.set(entry.key, entry);
    return true;
  }

  /** Forgets a key; false unless it holds that very entry. */
  forget(entry: Entry): boolean {
    const known = this.get(entry.key);
    if (known === undefined || !isSameEntry(known, entry)) return false;
    this.#count(known, -1);
    this.#bucket(entry.key).entries.delete(entry.key);
    return true;
  }

  *all(): IterableIterator<Entry> {
    for (const { entries } of this.#buckets.values()) yield* entries.values();
  }

  inBucket(number: number): Iterable<Entry> {
    return this.#buckets.get(number)?.entries.values() ?? [];
  }

  /**
   * The entries of ids that this store gave out. Of an id that is other by now, what its key has:
   * the other side counts on having that, too. A bucket is gone through once for all ids in it, so
   * that whoever fills one bucket gains nothing by it.
   */
  *ofIds(ids: Iterable<string>): IterableIterator<Entry> {
    for (const [number, wanted] of byBucket(ids)) yield* this.#wanted(number, wanted);
  }

  *#wanted(number: number, wanted: WantedIds): IterableIterator<Entry> {
    const others: Entry[] = [];
    for (const entry of this.inBucket(number)) {
      const exact = wanted.get(this.#keys.hash(entry.key));
      if (exact === undefined) continue;
      if (exact.delete(this.idOf(entry))) yield entry;
      else others.push(entry);
    }
    for (const entry of others) {
      if (wanted.get(this.#keys.hash(entry.key))?.size !== 0) yield entry;
    }
  }

  /** 16 characters: a hash of the key, by which it is found, and one of all that the entry says. */
  idOf(entry: Entry): string {
    const hash = this.#keys.hash(entry.key);
    const start = String.fromCharCode(hash >>> 16, (hash >>> 8) & 255, hash & 255);
    return start + this.#digest(this.#hashed.of(entry)).slice(0, 13);
  }

  /** Equal for equal entries, whatever their order. 16 bytes. */
  digest(): Uint8Array {
    return this.#sum.digest();
  }

  /** 8 bytes; undefined for a bucket that is empty. */
  bucketDigest(number: number): Uint8Array | undefined {
    const bucket = this.#buckets.get(number);
    return bucket === undefined || bucket.entries.size === 0
      ? undefined
      : bucket.digest().subarray(8);
  }

  /** The coded symbols of all entries. It is the store's own: copy what is kept. */
  sketch(): CodedPrefix {
    return this.#sketch ?? this.#sketched();
  }

  #sketched(): CodedPrefix {
    const sketch = new CodedPrefix();
    for (const entry of this.all()) sketch.add(this.idOf(entry));
    if (this.#size >= SKETCHED_MIN) this.#sketch = sketch;
    return sketch;
  }

  #count(entry: Entry, sign: 1 | -1): void {
    const id = this.idOf(entry);
    this.#size += sign;
    this.#bytes += sign * (entry.key.length + (entry.value?.length ?? 0));
    this.#sum.toggle(id);
    this.#bucket(entry.key).toggle(id);
    if (sign === 1) this.#sketch?.add(id);
    else this.#sketch?.remove(id);
  }

  #bucket(key: string): Bucket {
    const number = bucketOf(this.#keys.hash(key));
    const known = this.#buckets.get(number);
    if (known !== undefined) return known;
    const bucket = new Bucket();
    this.#buckets.set(number, bucket);
    return bucket;
  }
}

/** Bucket by bucket, the ids under the hash of their key. */
function byBucket(ids: Iterable<string>): ReadonlyMap<number, WantedIds> {
  const buckets = new Map<number, Map<KeyHash, Set<string>>>();
  for (const id of ids) {
    const hash = keyHashOfId(id);
    const hashes = buckets.get(bucketOf(hash)) ?? new Map<KeyHash, Set<string>>();
    buckets.set(bucketOf(hash), hashes.set(hash, (hashes.get(hash) ?? new Set()).add(id)));
  }
  return buckets;
}

function keyHashOfId(id: string): KeyHash {
  return (id.charCodeAt(0) << 16) | (id.charCodeAt(1) << 8) | id.charCodeAt(2);
}
