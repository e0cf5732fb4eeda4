/**
 * What goes into the custody of partitions and what comes out. Effects are orders for a driver, in
 * the order in which it must carry them out.
 */
import type { NodeName } from '../names.ts';
import type { CustodyMessage } from './custody-codec.ts';

/** Who owns each partition by the members that this node knew at one moment. Never changes. */
export interface OwnerTable {
  /** Undefined where the node knows of no member, not even itself. */
  owner(partition: number): NodeName | undefined;
  /** The owner among the other members; undefined when there is none. */
  ownerWithoutSelf(partition: number): NodeName | undefined;
  isMember(node: NodeName): boolean;
}

export type CustodyInput =
  /** Somebody came or went: these are the owners now. */
  | {
      readonly kind: 'table';
      readonly table: OwnerTable;
      /** The longest round trip to another node that is known: how slow word is. Default 0. */
      readonly rttMs?: number | undefined;
    }
  /** This node takes part, again after `left`. It holds nothing until it has settled. */
  | { readonly kind: 'joined' }
  /** It knows the members that others know, or is alone. A table came before. */
  | { readonly kind: 'settled' }
  /** It leaves: all that it holds goes to the owners among the others. */
  | { readonly kind: 'left' }
  /** In answer to `release`: work on these goes on for a while, `released` follows. */
  | { readonly kind: 'ending'; readonly partitions: readonly number[] }
  /** In answer to `release`: nothing here works on these any more. */
  | { readonly kind: 'released'; readonly partitions: readonly number[] }
  /** A frame of a proven sender. */
  | { readonly kind: 'received'; readonly from: NodeName; readonly message: CustodyMessage }
  | { readonly kind: 'timerFired'; readonly timer: CustodyTimer };

/** Timers are never cancelled: one with an old generation is ignored when it fires. */
export interface CustodyTimer {
  readonly kind: 'look';
  readonly generation: number;
}

/**
 * `handedOver`: partitions that this node gave to another one. `timedOut`: those that it took
 * because the former holder did not give them in time.
 */
export type CustodyCount = 'handedOver' | 'timedOut';

export type CustodyEffect =
  /** These have to go: end the work on them, then answer `released`. */
  | { readonly kind: 'release'; readonly partitions: readonly number[] }
  /** This node holds them from now on. */
  | { readonly kind: 'acquire'; readonly partitions: readonly number[] }
  /** A link is made where there is none. What cannot be sent is lost. */
  | { readonly kind: 'send'; readonly to: NodeName; readonly message: CustodyMessage }
  | { readonly kind: 'schedule'; readonly timer: CustodyTimer; readonly delayMs: number }
  | { readonly kind: 'count'; readonly what: CustodyCount; readonly count: number };

/** Parameters of the hand-off. */
export interface CustodyConfig {
  /**
   * How long a new owner waits for the former one; 0: it does not wait. From 0 to 2^31 - 1.
   * @default 10 s
   */
  readonly handOffMs: number;
  /**
   * By then all nodes know of the last change of members; eight round trips come on top, up to 2 s
   * in all.
   * @default 500 ms
   */
  readonly agreedMs: number;
  /** A question without an answer is asked again after this. @default 1 s */
  readonly retryMs: number;
}

export const CUSTODY_DEFAULTS: CustodyConfig = {
  handOffMs: 10_000,
  agreedMs: 500,
  retryMs: 1_000,
};
