/**
 * Entries as frames carry them: batches that are bounded in count and in bytes. A larger entry
 * travels alone.
 */
import { TABLE_BATCH_BYTES_MAX, TABLE_BATCH_MAX } from '../../limits.ts';
import type { TableEntry } from './contract.ts';
import { bytesOf } from './owner-entries.ts';

/**
 * Reads the entries as the batches are taken. One that was read when a batch was full has waited:
 * `asNow` says what it is by then, undefined when it is no more.
 */
export function* inBatches(
  entries: Iterable<TableEntry>,
  asNow: (entry: TableEntry) => TableEntry | undefined,
): IterableIterator<readonly TableEntry[]> {
  let batch: TableEntry[] = [];
  let bytes = 0;
  for (const read of entries) {
    let entry: TableEntry | undefined = read;
    const isFull = batch.length >= TABLE_BATCH_MAX || bytes + bytesOf(read) > TABLE_BATCH_BYTES_MAX;
    if (isFull && batch.length > 0) {
      yield batch;
      batch = [];
      bytes = 0;
      entry = asNow(read);
    }
    if (entry === undefined) continue;
    batch.push(entry);
    bytes += bytesOf(entry);
  }
  if (batch.length > 0) yield batch;
}

/** The first `count` items, read as they are taken. */
export function* firstOf<T>(items: Iterable<T>, count: number): IterableIterator<T> {
  let left = count;
  for (const item of items) {
    if (left === 0) return;
    left -= 1;
    yield item;
  }
}
