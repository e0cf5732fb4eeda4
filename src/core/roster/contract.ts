/**
 * What goes into the roster core and what comes out. Effects are orders to the driver, in order.
 */
import type { NodeName } from '../names.ts';
import type { MemberRecord, RosterEntry } from './entry.ts';

export type RosterInput =
  /** This node takes part, for the first time or after `leave`. */
  | { readonly kind: 'announce'; readonly record: MemberRecord }
  /** This node's record changed. Ignored while it is not announced. */
  | { readonly kind: 'update'; readonly record: MemberRecord }
  /** This node leaves: `left` goes to all neighbours. Comes before their links are let go. */
  | { readonly kind: 'leave' }
  /** The node entered the active view: it gets the news; the driver sends the `exchange`. */
  | { readonly kind: 'neighborUp'; readonly node: NodeName }
  /** The node left the active view, which says nothing about its life. */
  | { readonly kind: 'neighborDown'; readonly node: NodeName }
  | {
      readonly kind: 'received';
      readonly from: NodeName;
      readonly entries: readonly RosterEntry[];
    }
  /**
   * This node has its own evidence that the start is dead: the heartbeat monitor says so, or its
   * link was lost and cannot be made again.
   */
  | { readonly kind: 'suspectDead'; readonly node: NodeName; readonly incarnation: bigint }
  /** Time passes; every few seconds is enough. */
  | { readonly kind: 'tick' };

export type RosterEffect =
  /** Only to neighbours; at most `ROSTER_BATCH_MAX` entries. */
  | {
      readonly kind: 'send';
      readonly to: NodeName;
      readonly entries: readonly RosterEntry[];
    }
  | { readonly kind: 'emit'; readonly event: MemberEvent }
  /** Others believed this node dead and dropped what it owned: assert the table's entries again. */
  | { readonly kind: 'reassert' }
  /** A later start of this very node is about: this one is not the newest any more. */
  | { readonly kind: 'superseded'; readonly incarnation: bigint }
  /** The roster is full of living nodes, this one was not taken in; to be counted. */
  | { readonly kind: 'refused'; readonly node: NodeName };

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
