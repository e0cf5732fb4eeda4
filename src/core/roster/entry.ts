/**
 * What the roster says of a node: one entry per name, and the order that decides between two. The
 * order is total over what honest nodes can say, so that entries may come late, twice and in any
 * order and every node ends with the same roster.
 */
import { REFUTATION_MAX } from '../../limits.ts';
import type { Address, NodeName } from '../names.ts';

/** What a node tells of itself. */
export interface MemberRecord {
  /** Best first; at most `ADDRESSES_MAX`. */
  readonly addresses: readonly Address[];
  readonly fingerprint: string;
  /** Of the program that the node runs. */
  readonly version: string;
  readonly zone?: string | undefined;
  /** Finite, 0 or more. */
  readonly weight: number;
  /** An encoded value of at most `META_BYTES_MAX` bytes; the roster does not look inside. */
  readonly meta: Uint8Array;
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

export interface GoneEntry extends EntryBase {
  readonly status: 'dead' | 'left';
  readonly record?: MemberRecord | undefined;
}

export type RosterEntry = AliveEntry | GoneEntry;
export type RosterStatus = RosterEntry['status'];

/** The next refutation of a node; at the greatest that a frame carries it stays there. */
export function nextRefutation(refutation: number): number {
  return Math.min(refutation + 1, REFUTATION_MAX);
}

const RANK: Readonly<Record<RosterStatus, number>> = { alive: 0, dead: 1, left: 2 };

/**
 * True when `heard` says more than `known`: greater incarnation, then greater refutation, then
 * alive < dead < left.
 *
 * `left` is final: a node raises its refutation to leave, so that nothing said of it before is
 * above it, and others never raise it. Only the node itself comes back, by announcing itself anew.
 */
export function supersedes(heard: RosterEntry, known: RosterEntry): boolean {
  if (heard.incarnation !== known.incarnation) return heard.incarnation > known.incarnation;
  if (heard.refutation !== known.refutation) return heard.refutation > known.refutation;
  return RANK[heard.status] > RANK[known.status];
}
