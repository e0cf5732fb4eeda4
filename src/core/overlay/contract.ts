/**
 * What goes into the overlay and what comes out: membership, broadcast, roster and failure detector
 * of one node as one pure machine. Inputs are facts and commands, effects are orders to the driver,
 * to be carried out in the order in which they are returned.
 */
import type { Broadcast, GossipTimer } from '../gossip/contract.ts';
import type { GossipMessage } from '../gossip/messages.ts';
import type { MembershipResult, MembershipTimer, NeighborEvent } from '../membership/contract.ts';
import type { MembershipMessage } from '../membership/messages.ts';
import type { PeerDescriptor } from '../membership/peer.ts';
import type { NodeName } from '../names.ts';
import type { MemberEvent, RosterTimer } from '../roster/contract.ts';
import type { DetectorTimer } from '../roster/detector-contract.ts';
import type { MemberRecord } from '../roster/entry.ts';
import type { LivenessMessage } from '../roster/messages.ts';

/** A message with the protocol that it belongs to. */
export type OverlayMessage =
  | { readonly layer: 'membership'; readonly message: MembershipMessage }
  | { readonly layer: 'gossip'; readonly message: GossipMessage }
  | { readonly layer: 'liveness'; readonly message: LivenessMessage };

/** Timers are never cancelled: one with an old generation is ignored when it fires. */
export type OverlayTimer =
  | { readonly layer: 'membership'; readonly timer: MembershipTimer }
  | { readonly layer: 'gossip'; readonly timer: GossipTimer }
  | { readonly layer: 'roster'; readonly timer: RosterTimer }
  | { readonly layer: 'detector'; readonly timer: DetectorTimer };

export type OverlayInput =
  /** This node takes part, for the first time or after `leave`. */
  | { readonly kind: 'announce'; readonly record: MemberRecord }
  /** This node's record changed. Ignored while it is not announced. */
  | { readonly kind: 'update'; readonly record: MemberRecord }
  /** A join after `leave` failed: unless another is under way, this node has left as before. */
  | { readonly kind: 'retract' }
  /** Ask the contact for a place in the overlay; a link to it stands. */
  | { readonly kind: 'join'; readonly peer: PeerDescriptor; readonly requestId: number }
  /** Say goodbye to all, leave the overlay; everything is refused until the next `join`. */
  | { readonly kind: 'leave'; readonly requestId: number }
  /** Tells all nodes, this one included, under a sequence that `reserve` gave. */
  | {
      readonly kind: 'broadcast';
      readonly tag: number;
      readonly payload: Uint8Array;
      readonly sequence: number;
    }
  /** Every admitted link is reported, whoever made it. */
  | { readonly kind: 'connected'; readonly peer: PeerDescriptor }
  /** A link that `connect` asked for cannot be had. */
  | { readonly kind: 'connectFailed'; readonly node: NodeName }
  /** The last link to that start of the node is gone. `isLost`: without a word of its own. */
  | {
      readonly kind: 'disconnected';
      readonly node: NodeName;
      readonly incarnation: bigint;
      readonly reason: string;
      readonly isLost: boolean;
    }
  /** The answer to `reach`. */
  | { readonly kind: 'reached'; readonly node: NodeName; readonly isReached: boolean }
  /** The queue of the link to that node is above its high-water mark, or below it again. */
  | { readonly kind: 'congested' | 'drained'; readonly node: NodeName }
  /** A frame of a proven sender. */
  | { readonly kind: 'received'; readonly from: NodeName; readonly message: OverlayMessage }
  /** Peers that this node knew before it was started. */
  | { readonly kind: 'known'; readonly peers: readonly PeerDescriptor[] }
  /** For tests: these nodes are refused, and nobody else. */
  | { readonly kind: 'block'; readonly nodes: readonly NodeName[] }
  | { readonly kind: 'timerFired'; readonly timer: OverlayTimer };

export type OverlayEffect =
  /** Get a link to the peer; answer with `connected` (at once if one stands) or `connectFailed`. */
  | { readonly kind: 'connect'; readonly peer: PeerDescriptor }
  /** Get a link to that node if there is none; answer with `reached`. */
  | { readonly kind: 'reach'; readonly node: NodeName }
  /** The overlay needs the link no more; what was sent before should still leave. */
  | { readonly kind: 'release'; readonly node: NodeName }
  /** Only to nodes with a link. */
  | { readonly kind: 'send'; readonly to: NodeName; readonly message: OverlayMessage }
  /** To any node: a link is made for it if there is none. Lost if that fails. */
  | { readonly kind: 'sendAnywhere'; readonly to: NodeName; readonly message: OverlayMessage }
  | { readonly kind: 'schedule'; readonly timer: OverlayTimer; readonly delayMs: number }
  /** The active view changed. */
  | { readonly kind: 'neighbor'; readonly event: NeighborEvent }
  /** The cluster changed. */
  | { readonly kind: 'member'; readonly event: MemberEvent }
  /** A broadcast reached this node, once; own ones included. */
  | { readonly kind: 'deliver'; readonly broadcast: Broadcast }
  | {
      readonly kind: 'reply';
      readonly requestId: number;
      readonly result: MembershipResult;
    }
  /**
   * Send the neighbour the roster's entries in these buckets, page by page; `isFirst`: and all
   * other state behind them.
   */
  | {
      readonly kind: 'exchange';
      readonly to: NodeName;
      readonly buckets: readonly number[];
      readonly isFirst: boolean;
    }
  /** Others believed this node dead and dropped what it owned. */
  | { readonly kind: 'reassert' }
  /** A later start of this very node is in the cluster. */
  | { readonly kind: 'superseded'; readonly incarnation: bigint }
  /** The peer broke the protocol: close its link. */
  | { readonly kind: 'protocolError'; readonly node: NodeName; readonly detail: string }
  /** Something was dropped at a bound; to be counted. */
  | { readonly kind: 'dropped'; readonly what: OverlayDrop; readonly count: number };

/** A message above its link's rate, a member above the roster's size, a broadcast nobody kept. */
export type OverlayDrop = 'message' | 'member' | 'broadcast';
