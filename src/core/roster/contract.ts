/**
 * What goes into the roster core and what comes out. Effects are orders to the driver, in order.
 */
import type { NodeName } from '../names.ts';
import type { MemberRecord, RosterEntry } from './entry.ts';
import type { RosterMessage } from './messages.ts';

/** Word that all heard, or word that one neighbour gave while two rosters were compared. */
export type Hearing = 'broadcast' | 'exchange';

export type RosterInput =
  /** This node takes part, for the first time or after `leave`. */
  | { readonly kind: 'announce'; readonly record: MemberRecord }
  /** This node's record changed. Ignored while it is not announced. */
  | { readonly kind: 'update'; readonly record: MemberRecord }
  /** This node leaves: `left` goes to all. Comes before its links are let go. */
  | { readonly kind: 'leave' }
  /** This node's active view as it is now: told to all, at a bounded rate, for the orphan rule. */
  | { readonly kind: 'neighborsChanged'; readonly neighbors: readonly NodeName[] }
  /** The node entered the active view: it gets this node's digest. */
  | { readonly kind: 'neighborUp'; readonly node: NodeName }
  | {
      readonly kind: 'heard';
      readonly from: NodeName;
      readonly entries: readonly RosterEntry[];
      readonly by: Hearing;
    }
  /** `digest` messages of neighbours. */
  | { readonly kind: 'messageReceived'; readonly from: NodeName; readonly message: RosterMessage }
  /** This node's own failure detector has no sign of life of that start. */
  | { readonly kind: 'suspect'; readonly node: NodeName; readonly incarnation: bigint }
  | { readonly kind: 'timerFired'; readonly timer: RosterTimer };

/** Timers are never cancelled: one with an old generation is ignored when it fires. */
export interface RosterTimer {
  readonly kind: 'suspicion' | 'neighbors' | 'news' | 'orphans' | 'repair' | 'sweep';
  readonly generation: number;
}

export type RosterEffect =
  /** To all nodes, through the broadcast core; at most `ROSTER_BATCH_MAX` entries. */
  | {
      readonly kind: 'broadcast';
      readonly entries: readonly RosterEntry[];
      /** A last word: to all neighbours at once, for the links go next. */
      readonly toAll: boolean;
    }
  /** Only to neighbours. */
  | { readonly kind: 'send'; readonly to: NodeName; readonly message: RosterMessage }
  /**
   * The neighbour lacks something in these buckets: send it all entries in them, page by page.
   * `isFirst`: it is a new neighbour, for which this node's other state follows.
   */
  | {
      readonly kind: 'exchange';
      readonly to: NodeName;
      readonly buckets: readonly number[];
      readonly isFirst: boolean;
    }
  | { readonly kind: 'emit'; readonly event: MemberEvent }
  /** Others believed this node dead and dropped what it owned: it says that again. */
  | { readonly kind: 'reassert' }
  /** This node had to refute: it may be the slow one. */
  | { readonly kind: 'refuted' }
  /** A later start of this very node is about: this one is not the newest any more. */
  | { readonly kind: 'superseded'; readonly incarnation: bigint }
  /** The roster is full of living nodes, this one was not taken in; to be counted. */
  | { readonly kind: 'refused'; readonly node: NodeName }
  | { readonly kind: 'schedule'; readonly timer: RosterTimer; readonly delayMs: number };

/** Never about this node itself. */
export type MemberEvent =
  | {
      readonly type: 'memberUp' | 'memberUpdated';
      readonly node: NodeName;
      readonly incarnation: bigint;
      readonly record: MemberRecord;
    }
  | {
      readonly type: 'memberDown';
      readonly node: NodeName;
      readonly incarnation: bigint;
      readonly reason: 'failed' | 'left';
    };
