/**
 * What the roster says of a node: one entry per name, and the order that decides between two. The
 * order is total over what honest nodes can say, so that entries may come late, twice and in any
 * order and every node ends with the same roster.
 */
import {
  REFUTATION_LEAP_MAX,
  REFUTATION_MAX,
  SHARD_WEIGHT_MAX,
  SHARD_WEIGHT_MIN,
} from '../../limits.ts';
import type { Address, NodeName } from '../names.ts';

/** What a node tells of itself. */
export interface MemberRecord {
  /** Best first; at most `ADDRESSES_MAX`. */
  readonly addresses: readonly Address[];
  readonly fingerprint: string;
  /** The key ends with this start of the node; default: it is kept. */
  readonly ephemeral?: boolean | undefined;
  /** Of the program that the node runs. */
  readonly version: string;
  readonly zone?: string | undefined;
  /** Its share of the ring is in proportion to it; see `isWeight`. */
  readonly weight: number;
  /** An encoded value of at most `META_BYTES_MAX` bytes; the roster does not look inside. */
  readonly meta: Uint8Array;
  /**
   * The node's active view as it last told; at most `ACTIVE_SIZE_MAX`. They watch over it. The
   * roster fills this in, whatever the owner of the record says.
   */
  readonly neighbors: readonly NodeName[];
}

/** 0 for a node that shall own nothing; else `SHARD_WEIGHT_MIN` to `SHARD_WEIGHT_MAX`. */
export function isWeight(input: unknown): input is number {
  if (typeof input !== 'number') return false;
  return Object.is(input, 0) || (input >= SHARD_WEIGHT_MIN && input <= SHARD_WEIGHT_MAX);
}

interface EntryBase {
  readonly node: NodeName;
  readonly incarnation: bigint;
  /** Raised by the node itself alone: with each update, refutation and leave. */
  readonly refutation: number;
}

/** A living node is always known with its record. */
export interface AliveEntry extends EntryBase {
  readonly status: 'alive';
  readonly record: MemberRecord;
}

/** A member still, until its time is over. */
export interface SuspectEntry extends EntryBase {
  readonly status: 'suspect';
  /** Who gave it up, each by itself; at most `SUSPECTERS_MAX`. Nobody: it is suspect by rule. */
  readonly by: readonly NodeName[];
  /** Left out of broadcasts: whoever hears them knows it. */
  readonly record?: MemberRecord | undefined;
}

export interface GoneEntry extends EntryBase {
  readonly status: 'dead' | 'left';
  readonly record?: MemberRecord | undefined;
}

export type RosterEntry = AliveEntry | SuspectEntry | GoneEntry;
export type RosterStatus = RosterEntry['status'];

/** A member as rosters hold it: suspect ones have their record, too. */
export type LivingEntry = AliveEntry | (SuspectEntry & { readonly record: MemberRecord });

/** One that can be dialed, in case it was a mistake. */
export type DeadEntry = GoneEntry & { readonly status: 'dead'; readonly record: MemberRecord };

/** Of one suspicion: the first, and as many as shorten its time. */
export const SUSPECTERS_MAX = 4;

/** True for members, suspect or not. */
export function isLiving(entry: RosterEntry | undefined): entry is LivingEntry {
  if (entry === undefined) return false;
  return entry.status === 'alive' || (entry.status === 'suspect' && entry.record !== undefined);
}

/** The next refutation of a node; at the greatest that a frame carries it stays there. */
export function nextRefutation(refutation: number): number {
  return Math.min(refutation + 1, REFUTATION_MAX);
}

/** The place of each status in the order, also its number on the wire. */
export const RANK: Readonly<Record<RosterStatus, number>> = {
  alive: 0,
  suspect: 1,
  dead: 2,
  left: 3,
};

/**
 * True when `heard` says more than `known`: greater incarnation, then greater refutation, then
 * alive < suspect < dead < left.
 *
 * `left` is final: a node raises its refutation to leave, so that nothing said of it before is
 * above it, and others never raise it. Only the node itself comes back, by announcing itself anew.
 */
export function supersedes(heard: RosterEntry, known: RosterEntry): boolean {
  if (heard.incarnation !== known.incarnation) return heard.incarnation > known.incarnation;
  if (heard.refutation !== known.refutation) return heard.refutation > known.refutation;
  return RANK[heard.status] > RANK[known.status];
}

/** True when both speak of the same word of the node itself. */
export function isSameWord(one: RosterEntry, other: RosterEntry): boolean {
  return one.incarnation === other.incarnation && one.refutation === other.refutation;
}

/**
 * True for a refutation so far above the known one that no honest node has come to it: a forged one
 * at the bound of the numbers could never be refuted.
 */
export function leaps(heard: RosterEntry, known: RosterEntry): boolean {
  const isSameStart = heard.incarnation === known.incarnation;
  return isSameStart && heard.refutation > known.refutation + REFUTATION_LEAP_MAX;
}

/** Of a member, suspect or not. */
export function livingRecord(entry: RosterEntry | undefined): MemberRecord | undefined {
  return isLiving(entry) ? entry.record : undefined;
}

/** Word of others comes without a record: the one that is known of that start stays. */
export function withRecord(heard: RosterEntry, known: RosterEntry | undefined): RosterEntry {
  if (heard.record !== undefined || known?.record === undefined) return heard;
  return known.incarnation === heard.incarnation ? { ...heard, record: known.record } : heard;
}

/** As broadcasts carry it: only the living need their record. */
export function withoutRecord(entry: RosterEntry): RosterEntry {
  return entry.status === 'alive' ? entry : { ...entry, record: undefined };
}

/** True when users see the same in both; neighbours are no business of theirs. */
export function isSameToUsers(one: MemberRecord, other: MemberRecord): boolean {
  return (
    one.fingerprint === other.fingerprint &&
    (one.ephemeral === true) === (other.ephemeral === true) &&
    one.version === other.version &&
    one.zone === other.zone &&
    one.weight === other.weight &&
    isSameList(one.addresses, other.addresses) &&
    isSameList(one.meta, other.meta)
  );
}

/** True for equal items in the same order. */
export function isSameList<T>(one: ArrayLike<T>, other: ArrayLike<T>): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i += 1) if (one[i] !== other[i]) return false;
  return true;
}
