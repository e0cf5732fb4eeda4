/** Entries as frames and broadcasts carry them: batches that are bounded in count and in bytes. */
import { ROSTER_BATCH_MAX } from '../../limits.ts';
import type { RosterEntry } from './entry.ts';

/** A batch that has come so far takes no more; with its last entry it stays below 64 KiB. */
const BATCH_BYTES = 32_768;
/** Of an entry without its lists: name, numbers, fingerprint, version, zone. */
const ENTRY_BYTES = 384;

/** Reads entries only as the batches are taken, none ahead. */
export function* inBatches(
  entries: Iterable<RosterEntry>,
): IterableIterator<readonly RosterEntry[]> {
  let batch: RosterEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    batch.push(entry);
    bytes += bytesOf(entry);
    if (batch.length < ROSTER_BATCH_MAX && bytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

/** About the bytes on the wire; names and addresses are ASCII. */
function bytesOf({ node, record }: RosterEntry): number {
  if (record === undefined) return node.length;
  let bytes = ENTRY_BYTES + record.meta.length;
  for (const address of record.addresses) bytes += address.length + 3;
  for (const neighbor of record.neighbors) bytes += neighbor.length + 3;
  return bytes;
}
