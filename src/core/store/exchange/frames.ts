/** The bulk frames of an exchange, made one at a time as they are sent. */
import {
  EXCHANGE_IDS_MAX,
  STORE_BATCH_BYTES_MAX,
  STORE_BATCH_ENTRIES_MAX,
} from '../../../limits.ts';
import { BUCKETS } from '../bucket.ts';
import { areSameBytes, type Entry, type Replica } from '../entry.ts';
import { frameBytesOf, WRITER_BYTES_MAX } from '../entry-codec.ts';
import type { RegisterStore } from '../register-store.ts';
import { BUCKET_DIGEST_BYTES } from './exchange-codec.ts';
import type { BucketIds, ExchangeBody } from './messages.ts';

/** Entries in batches that a frame takes; one that is larger travels alone. */
export function* inBatches(entries: Iterable<Entry>): IterableIterator<readonly Entry[]> {
  let batch: Entry[] = [];
  let writers = new Set<Replica>();
  let bytes = 0;
  for (const entry of entries) {
    let more = frameBytesOf(entry) + (writers.has(entry.writer) ? 0 : WRITER_BYTES_MAX);
    const isFull = batch.length >= STORE_BATCH_ENTRIES_MAX || bytes + more > STORE_BATCH_BYTES_MAX;
    if (isFull && batch.length > 0) {
      yield batch;
      batch = [];
      writers = new Set();
      bytes = 0;
      more = frameBytesOf(entry) + WRITER_BYTES_MAX;
    }
    batch.push(entry);
    writers.add(entry.writer);
    bytes += more;
  }
  if (batch.length > 0) yield batch;
}

export function* entryFrames(
  store: string,
  entries: Iterable<Entry>,
): IterableIterator<ExchangeBody> {
  for (const batch of inBatches(entries)) yield { kind: 'entries', store, entries: batch };
}

/** What was wanted, as far as it is still so; then `answered`. */
export function* answerFrames(
  store: string,
  registers: RegisterStore,
  ids: readonly string[],
): IterableIterator<ExchangeBody> {
  yield* entryFrames(store, registers.ofIds(ids));
  yield { kind: 'answered', store };
}

/**
 * Goes through the buckets in order. Where the other side has nothing, or a bucket is too large to
 * be listed, its entries follow at once; where it has something else, the ids of all entries.
 */
export function* rangeFrames(
  store: string,
  registers: RegisterStore,
  digests: Uint8Array,
): IterableIterator<ExchangeBody> {
  let listed: BucketIds[] = [];
  let listedIds = 0;
  const empty = digests.length === 0;
  if (empty) yield* entryFrames(store, everything(registers));
  for (let bucket = 0; bucket < BUCKETS && !empty; bucket += 1) {
    const theirs = digestAt(digests, bucket);
    if (areSameBytes(registers.bucketDigest(bucket), theirs)) continue;
    const ids = Array.from(registers.inBucket(bucket), (entry) => registers.idOf(entry));
    const isTooLong = ids.length > EXCHANGE_IDS_MAX;
    if (theirs === undefined || isTooLong) yield* entryFrames(store, registers.inBucket(bucket));
    if (theirs === undefined) continue;
    // Without ids the other side gives all that it has there.
    if (isTooLong) ids.length = 0;
    if (listedIds + ids.length > EXCHANGE_IDS_MAX) {
      yield { kind: 'ids', store, buckets: listed };
      listed = [];
      listedIds = 0;
    }
    listed.push({ bucket, ids });
    listedIds += ids.length;
  }
  if (listed.length > 0) yield { kind: 'ids', store, buckets: listed };
  yield { kind: 'ended', store };
}

/** 8 bytes for each bucket; none when the store is empty. */
export function bucketDigests(registers: RegisterStore): Uint8Array {
  if (registers.size === 0) return new Uint8Array(0);
  const digests = new Uint8Array(BUCKETS * BUCKET_DIGEST_BYTES);
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    digests.set(registers.bucketDigest(bucket) ?? [], bucket * BUCKET_DIGEST_BYTES);
  }
  return digests;
}

/** Bucket by bucket: what was sent before a break need not be sent again after it. */
function* everything(registers: RegisterStore): IterableIterator<Entry> {
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) yield* registers.inBucket(bucket);
}

/** Undefined for a bucket that is empty. */
function digestAt(digests: Uint8Array, bucket: number): Uint8Array | undefined {
  const at = bucket * BUCKET_DIGEST_BYTES;
  const digest = digests.subarray(at, at + BUCKET_DIGEST_BYTES);
  return digest.every((byte) => byte === 0) ? undefined : digest;
}
