/**
 * One register: what a key holds, who wrote it and when. Of two entries of a key the greater one
 * wins, in a total order over everything that an entry says, so that merging is a join: in any
 * order, any number of times, on every node the same bytes stay.
 */
import type { Stamp } from '../clock/stamp.ts';
import type { NodeName } from '../names.ts';

/**
 * Who writes: a node and the start of it from which this replica of the store goes on. A replica
 * without a disk has the incarnation of its node, one that lost its disk takes a new one.
 */
export interface Replica {
  readonly node: NodeName;
  readonly incarnation: bigint;
}

export interface Entry {
  /** Bytes, as a string of one character (0 to 255) for each. */
  readonly key: string;
  readonly stamp: Stamp;
  readonly writer: Replica;
  /** Undefined for a key that was removed: a tombstone. */
  readonly value: Uint8Array | undefined;
  /** Wall milliseconds from which the entry counts as removed; 0 = never. */
  readonly expiresAtMs: number;
}

/** Bytes that a value begins with in a store that goes by rank. */
export const RANK_BYTES = 10;

/**
 * What decides between two entries of a key. `stamp`: the later one stays. `rank`: a removal is
 * final; of two values the one whose first `RANK_BYTES` are greater stays, then the later one. For
 * keys that are never used again, and values that go through steps.
 */
export type EntryOrder = 'stamp' | 'rank';

/** True when `entry` takes the place of `known`. */
export function beats(entry: Entry, known: Entry, order: EntryOrder = 'stamp'): boolean {
  const rank = order === 'rank' ? orderByRank(entry.value, known.value) : 0;
  if (rank !== 0) return rank > 0;
  if (entry.stamp !== known.stamp) return entry.stamp > known.stamp;
  return orderOfEquals(entry, known) > 0;
}

/** True for entries that say the same; of one key. */
export function isSameEntry(a: Entry, b: Entry): boolean {
  return a.stamp === b.stamp && orderOfEquals(a, b) === 0;
}

/** True when the entry has no visible value at that time. */
export function isBuried(entry: Entry, wallMs: number): boolean {
  return entry.value === undefined || (entry.expiresAtMs !== 0 && entry.expiresAtMs <= wallMs);
}

export function isSameReplica(a: Replica, b: Replica): boolean {
  return a === b || (a.node === b.node && a.incarnation === b.incarnation);
}

/** True for equal bytes, or none in both. */
export function areSameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && compareBytes(a, b) === 0;
}

function orderByRank(a: Uint8Array | undefined, b: Uint8Array | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return compareBytes(a.subarray(0, RANK_BYTES), b.subarray(0, RANK_BYTES));
}

/**
 * Only a fault gives two entries one stamp and one writer. A value beats a tombstone, then the
 * writer decides, then what was written.
 */
function orderOfEquals(a: Entry, b: Entry): number {
  const kind = Number(a.value !== undefined) - Number(b.value !== undefined);
  if (kind !== 0) return kind;
  if (a.writer.node !== b.writer.node) return a.writer.node < b.writer.node ? -1 : 1;
  if (a.writer.incarnation !== b.writer.incarnation) {
    return a.writer.incarnation < b.writer.incarnation ? -1 : 1;
  }
  if (a.expiresAtMs !== b.expiresAtMs) return a.expiresAtMs - b.expiresAtMs;
  return a.value === undefined || b.value === undefined ? 0 : compareBytes(a.value, b.value);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
