/**
 * What goes into the failure detector and what comes out: whether the neighbours live, and, now and
 * then, whether some other member does. Effects are orders to the driver, in order.
 */
import type { PeerDescriptor } from '../membership/peer.ts';
import type { NodeName } from '../names.ts';
import type { DetectorMessage } from './messages.ts';

export type DetectorInput =
  /** That start of the node entered the active view. */
  | { readonly kind: 'neighborUp'; readonly node: NodeName; readonly incarnation: bigint }
  /** It left the view. `isLost`: with its link, which is a miss by itself. */
  | { readonly kind: 'neighborDown'; readonly node: NodeName; readonly isLost: boolean }
  /** From any node with a link. */
  | { readonly kind: 'messageReceived'; readonly from: NodeName; readonly message: DetectorMessage }
  /** There is a reason to look whether that start still lives: a link to it was lost. */
  | { readonly kind: 'doubt'; readonly node: NodeName; readonly incarnation: bigint }
  /** What `reach` asked for: a link stands, or none can be had. */
  | { readonly kind: 'reached'; readonly node: NodeName; readonly isReached: boolean }
  /** This node had to refute a suspicion: its own time-outs get longer. */
  | { readonly kind: 'refuted' }
  | { readonly kind: 'timerFired'; readonly timer: DetectorTimer };

/** Timers are never cancelled: one with an old generation is ignored when it fires. */
export interface DetectorTimer {
  readonly kind: 'watch' | 'audit';
  readonly generation: number;
}

export type DetectorEffect =
  /** To a neighbour or any other node: without a link, one is made for it. */
  | { readonly kind: 'send'; readonly to: NodeName; readonly message: DetectorMessage }
  /** Make a link to that node if there is none; answer with `reached`. */
  | { readonly kind: 'reach'; readonly node: NodeName }
  /** That start gave no sign of life, here and through others: tell the roster. Said once. */
  | { readonly kind: 'suspect'; readonly node: NodeName; readonly incarnation: bigint }
  /** A neighbour that was suspected is heard again. */
  | { readonly kind: 'heard'; readonly node: NodeName }
  /**
   * A member that no way through the overlay leads to answered a dial: the overlay may be split,
   * ask it to be a neighbour.
   */
  | { readonly kind: 'stray'; readonly peer: PeerDescriptor }
  | { readonly kind: 'schedule'; readonly timer: DetectorTimer; readonly delayMs: number };
