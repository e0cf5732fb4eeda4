/**
 * The messages of an exchange, in which two nodes make their replicas equal. One side asks for it;
 * its number and the side that speaks stand in each message. Kind 40 of the control channel.
 */
import type { Stamp } from '../../clock/stamp.ts';
import type { Entry, Replica } from '../entry.ts';
import type { CodedSymbols } from '../sketch/coded-symbols.ts';
import type { StampRange } from '../stamp-ranges.ts';

export interface KnownReplica {
  readonly replica: Replica;
  readonly know: Stamp;
  readonly ack: Stamp;
  /** All that it wrote in these ranges has come, or was superseded by what has. */
  readonly had: readonly StampRange[];
}

/** What a replica knows of the others at one moment. */
export interface KnowledgeSnapshot {
  readonly self: Replica;
  readonly clock: Stamp;
  readonly floor: Stamp;
  readonly known: readonly KnownReplica[];
}

/** What both learn when the exchange of a store is complete. */
export interface StoreKnowledge {
  readonly store: string;
  readonly knowledge: KnowledgeSnapshot;
}

/** A store as the answering node has it. */
export interface StoreDigest {
  readonly store: string;
  readonly digest: Uint8Array;
  readonly count: number;
  /** The first coded symbols; left out where there are many stores, or no entries. */
  readonly symbols: CodedSymbols | undefined;
  readonly knowledge: KnowledgeSnapshot | undefined;
}

/** An entry that is deleted history where it came to. */
export interface BuriedEntry {
  readonly key: string;
  readonly stamp: Stamp;
  readonly writer: Replica;
  /** It was there; else it is only older than what is told apart. */
  readonly isCertain: boolean;
}

/** The ids of all entries in one bucket of the sender. */
export interface BucketIds {
  readonly bucket: number;
  readonly ids: readonly string[];
}

export type ExchangeBody =
  /** Are the stores that we both host equal? `knowledge` where tombstones wait. */
  | {
      readonly kind: 'open';
      readonly digest: Uint8Array;
      readonly knowledge: readonly StoreKnowledge[];
    }
  /** They are. Ends the exchange. */
  | { readonly kind: 'same'; readonly knowledge: readonly StoreKnowledge[] }
  /** They are not. */
  | { readonly kind: 'differ'; readonly stores: readonly StoreDigest[] }
  /** Not now: too many exchanges, or the store was closed in the middle of one. Ends it. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'more'; readonly store: string; readonly from: number; readonly count: number }
  | { readonly kind: 'symbols'; readonly store: string; readonly symbols: CodedSymbols }
  /** Many differ: 8 bytes for each bucket, zero for one that is empty; no bytes for no entries. */
  | { readonly kind: 'buckets'; readonly store: string; readonly digests: Uint8Array }
  | { readonly kind: 'ids'; readonly store: string; readonly buckets: readonly BucketIds[] }
  | { readonly kind: 'entries'; readonly store: string; readonly entries: readonly Entry[] }
  | { readonly kind: 'want'; readonly store: string; readonly ids: readonly string[] }
  /** All of one `want` has been sent. */
  | { readonly kind: 'answered'; readonly store: string }
  /** All buckets have been told of. */
  | { readonly kind: 'ended'; readonly store: string }
  /** These entries are deleted history: forget them. */
  | { readonly kind: 'buried'; readonly store: string; readonly entries: readonly BuriedEntry[] }
  /** One more frame may follow: of `ids`, `entries`, `answered` and `ended` only so many wait. */
  | { readonly kind: 'took' }
  /** The replicas of the store are equal now, as of the beginning of the exchange. */
  | { readonly kind: 'done'; readonly store: string };

export interface ExchangeMessage {
  /** Counted by the side that asked for the exchange. */
  readonly exchange: number;
  /** True when the side that asked for it speaks. */
  readonly isAsking: boolean;
  readonly body: ExchangeBody;
}
