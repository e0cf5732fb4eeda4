/**
 * What goes into the schedule of one node and what comes out. Effects are orders for a driver, in
 * the order in which it must carry them out.
 *
 * The driver tells the book of all that the store of reminders has, before the first partition is
 * held, then of every change, own writes included, and of every partition that comes and goes. It
 * answers each `write` with `written`, each `ask` with `acknowledged`, and each `deliver` with
 * `outcome`, once, whatever happens.
 */
import type { NodeName } from '../names.ts';
import type { Claimant, ReminderRecord } from './record.ts';
import type { ScheduleConfig } from './schedule-config.ts';

/** The times of one input. */
export interface ScheduleTime {
  /** Monotonic milliseconds. */
  readonly nowMs: number;
  /** Milliseconds since 1970 by the wall clock; it may step. */
  readonly wallMs: number;
}

/** How a delivery ended. */
export type DeliveryOutcome =
  /** The handler's promise was fulfilled. */
  | { readonly kind: 'fulfilled' }
  /**
   * It was rejected, or nobody knows: the node that it was handed to is gone. Counts as an
   * attempt. The text is cut to 512 characters.
   */
  | { readonly kind: 'rejected'; readonly error: string }
  /** It reached no handler. Does not count as an attempt. */
  | { readonly kind: 'undelivered' };

export type ScheduleInput =
  /** The store has a record for the id now. `isClaimed`: see `isClaimedValue`. */
  | { readonly kind: 'stored'; readonly id: string; readonly isClaimed: boolean }
  /** It has none any more. */
  | { readonly kind: 'removed'; readonly id: string }
  /** This node holds them from now on; of those that it holds already nothing changes. */
  | { readonly kind: 'held'; readonly partitions: readonly number[] }
  /** They have to go. Each is answered with `released` when nothing here works on it any more. */
  | { readonly kind: 'letGo'; readonly partitions: readonly number[] }
  /** Members came back, after a start or a heal, and their records may be missing: fire nothing. */
  | { readonly kind: 'unsettled' }
  /** The stores are compared. So it is not from the beginning. */
  | { readonly kind: 'settled' }
  /** `canHandle` may answer other than before. */
  | { readonly kind: 'handlersChanged' }
  /** `isDurable` is false when it was refused, or could not be made durable. */
  | { readonly kind: 'written'; readonly token: number; readonly isDurable: boolean }
  /** A majority of the owners has the claim; or so many did not say so in time. */
  | { readonly kind: 'acknowledged'; readonly token: number; readonly isMajority: boolean }
  | { readonly kind: 'outcome'; readonly token: number; readonly outcome: DeliveryOutcome }
  | { readonly kind: 'timerFired'; readonly timer: ScheduleTimer };

/** Timers are never cancelled: one with an old generation is ignored when it fires. */
export interface ScheduleTimer {
  readonly kind: 'look';
  readonly generation: number;
}

export interface ReminderWrite {
  readonly id: string;
  /** Undefined removes, for good. */
  readonly record: ReminderRecord | undefined;
}

/**
 * `fired`: deliveries of a first attempt. `retried`: of further ones. `fulfilled`, `rejected`: how
 * they ended. `dead`: occurrences that are tried no more. `skipped`: occurrences passed over by
 * `missed` or `overlap`; those of cron between two looks count as one. `lost`: of those delivered
 * at most once, those that were gone before it turned out that they reach no handler. `dropped`:
 * dead occurrences that were removed because their series has too many.
 */
export type ScheduleCount =
  | 'fired'
  | 'retried'
  | 'fulfilled'
  | 'rejected'
  | 'dead'
  | 'skipped'
  | 'lost'
  | 'dropped';

/** To the handler of the key, here or on a node that has one. */
export interface DeliverEffect {
  readonly kind: 'deliver';
  readonly token: number;
  readonly id: string;
  readonly attempt: number;
  readonly fence: bigint;
  readonly dueAtMs: number;
  /** How late by the wall clock. */
  readonly lateMs: number;
  /** An encoded value. */
  readonly payload: Uint8Array;
}

export type ScheduleEffect =
  /**
   * Write all of them at once, here and everywhere, in this order; answer with `written` when
   * they are durable. `before`: what follows when they are. Before it is delivered at most once,
   * those who would fire it next know that it is gone; where nothing is kept on disk, of a claim
   * too.
   */
  | {
      readonly kind: 'write';
      readonly token: number;
      readonly writes: readonly ReminderWrite[];
      readonly before: 'onlyDelivery' | 'attempt' | 'nothing';
    }
  /** Ask those nodes, one or more, whether they have that claim, see `acknowledges`. */
  | {
      readonly kind: 'ask';
      readonly token: number;
      readonly id: string;
      readonly claim: ReminderRecord;
      readonly owners: readonly NodeName[];
    }
  | DeliverEffect
  /** Abort the signal of that delivery. Its `outcome` is waited for all the same. */
  | { readonly kind: 'abandon'; readonly token: number }
  /** Nothing here works on these any more. */
  | { readonly kind: 'released'; readonly partitions: readonly number[] }
  | { readonly kind: 'schedule'; readonly timer: ScheduleTimer; readonly delayMs: number }
  | { readonly kind: 'count'; readonly what: ScheduleCount; readonly count: number };

/** When a cron expression is due. Rules of daylight saving are those of the port. */
export interface CronPort {
  /**
   * The first time after `afterMs`, whole seconds in wall milliseconds. Undefined when there is
   * none, or for an expression or zone that it cannot read: then the reminder ends. Never throws.
   */
  nextAfter(expression: string, timeZone: string | undefined, afterMs: number): number | undefined;
}

export interface ReminderBookOptions {
  readonly self: Claimant;
  readonly cron: CronPort;
  /** The record of that id as the store has it now; undefined for none, or what is no record. */
  readonly read: (id: string) => ReminderRecord | undefined;
  /** Of a key's canonical bytes, as a string of one character (0 to 255) for each. */
  readonly partitionOf: (keyText: string) => number;
  /** Whether this node or another one can handle the key now. */
  readonly canHandle: (keyText: string) => boolean;
  /**
   * True for a node that has left the cluster by its own word and has not come back: it is on no
   * side of a split and is not asked as an owner. Never for one that is only dead.
   */
  readonly hasLeft: (node: NodeName) => boolean;
  readonly config?: Partial<ScheduleConfig> | undefined;
}
