/** The replicated store of reminders as one node has it: joined by rank, then by stamp. */
import type { ReminderRecord } from '../../../../src/core/schedule/record.ts';
import { RANK_BYTES } from '../../../../src/core/schedule/record-codec.ts';

export interface PlayedEntry {
  readonly id: string;
  /** Undefined for a tombstone. */
  readonly bytes: Uint8Array | undefined;
  readonly record: ReminderRecord | undefined;
  readonly stamp: number;
  readonly writer: string;
}

export class PlayedStore {
  readonly entries: Map<string, PlayedEntry> = new Map();

  /** True when it took the place of what was known. */
  join(entry: PlayedEntry): boolean {
    const known = this.entries.get(entry.id);
    if (known !== undefined && !isAbove(entry, known)) return false;
    this.entries.set(entry.id, entry);
    return true;
  }

  read(id: string): ReminderRecord | undefined {
    return this.entries.get(id)?.record;
  }
}

function isAbove(a: PlayedEntry, b: PlayedEntry): boolean {
  if (a.bytes === undefined || b.bytes === undefined) {
    return a.bytes === undefined && b.bytes !== undefined;
  }
  const order = Buffer.compare(a.bytes.subarray(0, RANK_BYTES), b.bytes.subarray(0, RANK_BYTES));
  if (order !== 0) return order > 0;
  return a.stamp !== b.stamp ? a.stamp > b.stamp : a.writer > b.writer;
}
