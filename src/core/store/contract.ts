/** What a replicated store is told, and what it tells. */
import type { Stamp } from '../clock/stamp.ts';
import type { Entry, EntryOrder, Replica } from './entry.ts';
import type { Heard } from './knowledge.ts';

/** How a replicated store behaves: the same on every node that hosts it. */
export interface StoreRules {
  /** `owner`: a key is written by the node alone that its first part names, see `ownedKey`. */
  readonly ownership: 'anyone' | 'owner';
  /** `writer`: an entry is gone when the start of the node that wrote it is. */
  readonly lifetime: 'own' | 'writer';
  /** See `EntryOrder`. @default 'stamp' */
  readonly order?: EntryOrder | undefined;
}

/** One key of a write. Keys are bytes, held as strings of one character (0 to 255) for each. */
export interface StoreWrite {
  readonly key: string;
  /** Undefined removes. The bytes are kept, not copied. */
  readonly value: Uint8Array | undefined;
  /** Removed by itself after so long. */
  readonly ttlMs?: number | undefined;
}

/** The visible value of a key is other than before. */
export interface StoreChange {
  readonly key: string;
  /** Undefined when there is none any more. */
  readonly value: Uint8Array | undefined;
  /** Undefined when there was none. */
  readonly previous: Uint8Array | undefined;
  /** Who wrote the entry that decided; for `gone` and `expired`, the entry that went. */
  readonly writer: Replica;
  readonly cause: 'write' | 'gone' | 'expired';
}

/** The hybrid logical clock of the node, as stores use it. */
export interface StampSource {
  /** A stamp greater than all before. */
  now(): Stamp;
  /** The next stamps will be greater. False for one that is too far ahead of the wall clock. */
  observe(stamp: Stamp): boolean;
}

/** What an input did to a replica, for its driver. */
export interface StoreOutcome {
  /** In the order in which they happened. */
  readonly changes: readonly StoreChange[];
  /** Entries that were taken in: to be kept on disk. */
  readonly stored: readonly Entry[];
  /** Keys that are forgotten altogether. */
  readonly forgotten: readonly string[];
  /** Of durable replicas: of whom more has come. To be kept once the entries are. */
  readonly heard: readonly Heard[];
}

/** The key of an owned store: only that node writes it. Node names have no NUL. */
export function ownedKey(owner: string, key: string): string {
  return `${owner}\0${key}`;
}

/** The owner and the rest of an owned key; undefined for one that is none. */
export function splitOwnedKey(
  owned: string,
): { readonly owner: string; readonly key: string } | undefined {
  const end = owned.indexOf('\0');
  return end < 1 ? undefined : { owner: owned.slice(0, end), key: owned.slice(end + 1) };
}
