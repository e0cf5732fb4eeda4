/**
 * What the replicated store of reminders holds: one record for each id. Records of one id are
 * ordered by their rank, occurrence before step, and only then by stamp; a removal outranks them
 * all. Every write raises the rank, so that of two nodes that write to one id the one that has
 * come further wins, on all nodes.
 *
 * The id has the key and the version of the reminder, see `reminder-id.ts`; the record does not
 * say them again.
 */
import type { NodeName } from '../names.ts';

/** When it is due, once or again and again. A recurring one begins at its anchor. */
export type Schedule =
  | { readonly kind: 'once' }
  | {
      readonly kind: 'interval';
      readonly everyMs: number;
      /** When its first occurrence is due, in wall milliseconds. */
      readonly anchorMs: number;
    }
  | {
      readonly kind: 'cron';
      readonly expression: string;
      /** An IANA name; undefined for UTC. */
      readonly timeZone: string | undefined;
      readonly anchorMs: number;
    };

/** What becomes of occurrences that nobody could fire in time. */
export type Missed = 'skip' | 'once' | { readonly catchUp: number };

/** How it is delivered. */
export interface DeliveryRules {
  readonly delivery: 'at-most-once' | 'at-least-once';
  /** Deliveries of one occurrence before it is dead. */
  readonly maxAttempts: number;
  /** Before the second attempt; doubles with each further one, up to 1 h. */
  readonly backoffMs: number;
  readonly missed: Missed;
  readonly overlap: 'skip' | 'queue' | 'allow';
  readonly onPartition: 'fire' | 'hold';
}

/** One start of one node. */
export interface Claimant {
  readonly node: NodeName;
  readonly incarnation: bigint;
}

/** Waits until it is due, or for its next attempt. */
export interface ScheduledState {
  readonly kind: 'scheduled';
  /** Attempts so far. */
  readonly attempt: number;
  /** Wall time before which it is not tried; 0 where its due time alone counts. */
  readonly notBeforeMs: number;
  /** Why the last attempt failed. */
  readonly error: string | undefined;
}

/** A node has it for its handler. */
export interface ClaimedState {
  readonly kind: 'claimed';
  /** From 1. */
  readonly attempt: number;
  readonly by: Claimant;
  /** How long it counts from when it was seen. */
  readonly leaseMs: number;
  /** Why the attempt before failed. */
  readonly error: string | undefined;
}

/** It is tried no more, until somebody retries it. */
export interface DeadState {
  readonly kind: 'dead';
  readonly attempt: number;
  readonly error: string;
}

export type ReminderState = ScheduledState | ClaimedState | DeadState;

export interface ReminderRecord {
  /**
   * Of what is due. A function of its due time, so that the same number on two sides of a
   * split is the same occurrence: periods, or seconds for cron, since the anchor.
   */
  readonly occurrence: number;
  /** Counts the attempts at one occurrence, and the writes to each: see `transitions.ts`. */
  readonly step: number;
  readonly dueAtMs: number;
  readonly schedule: Schedule;
  readonly rules: DeliveryRules;
  /** An encoded value. Not to be changed. */
  readonly payload: Uint8Array;
  /** For `hold`: whose majority has to know of a claim. None where it is not asked for. */
  readonly owners: readonly NodeName[];
  /** Missed occurrences that may still be caught up after this one. */
  readonly catchUpLeft: number;
  readonly state: ReminderState;
}

/** True for a claim of that start. */
export function isClaimedBy({ state }: ReminderRecord, { node, incarnation }: Claimant): boolean {
  return state.kind === 'claimed' && isSameStart(state.by, { node, incarnation });
}

export function isSameStart(a: Claimant, b: Claimant): boolean {
  return a.node === b.node && a.incarnation === b.incarnation;
}

/**
 * Of one occurrence: the same on all nodes and for all attempts, greater for each later one.
 * Occurrences are at least a second apart and a second has 65,536,000 stamps, so the fences of an
 * earlier version stay below those of a later one. Fits 64 bits.
 */
export function fenceOf(version: bigint, occurrence: number): bigint {
  return BigInt.asUintN(64, version + BigInt(occurrence));
}

/**
 * What an owner says to a node that asks whether it knows of its claim: true when `here`, the
 * record of that id in its own store, is that claim or a renewal of it.
 */
export function acknowledges(here: ReminderRecord | undefined, claim: ReminderRecord): boolean {
  if (here === undefined || claim.state.kind !== 'claimed') return false;
  const isSame = here.occurrence === claim.occurrence && here.step >= claim.step;
  return isSame && isClaimedBy(here, claim.state.by);
}

/** How many of them make a majority: 2 of 3, 2 of 2, 1 of 1. */
export function majorityOf(owners: readonly NodeName[]): number {
  return Math.floor(owners.length / 2) + 1;
}
