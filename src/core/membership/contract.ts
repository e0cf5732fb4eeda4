/**
 * What goes into the membership core and what comes out. Inputs are facts and commands, effects are
 * orders to the driver, to be carried out in the order in which they are returned.
 */
import type { NodeName } from '../names.ts';
import type { MembershipMessage } from './messages.ts';
import type { PeerDescriptor } from './peer.ts';

export type MembershipInput =
  /** Ask the contact for a place in the overlay; a link to it stands. Ends the state `left`. */
  | { readonly kind: 'join'; readonly peer: PeerDescriptor; readonly requestId: number }
  /** Leave the overlay; everything is refused until the next `join`. */
  | { readonly kind: 'leave'; readonly requestId: number }
  /**
   * An admitted link to that start of the node stands: asked for, dialled by the peer, or there
   * already when `connect` asked for it. Every admitted link is reported.
   */
  | { readonly kind: 'connected'; readonly peer: PeerDescriptor }
  /** A link that `connect` asked for cannot be had. */
  | { readonly kind: 'connectFailed'; readonly node: NodeName }
  /**
   * The last link to the node is gone. When a newer start of it takes over, this comes before its
   * `connected`. A link replaced by another to the same start needs no report.
   */
  | { readonly kind: 'disconnected'; readonly node: NodeName; readonly reason: string }
  /** A frame of a proven sender; `from` is what the link says, never what a message says. */
  | {
      readonly kind: 'messageReceived';
      readonly from: NodeName;
      readonly message: MembershipMessage;
    }
  | { readonly kind: 'timerFired'; readonly timer: MembershipTimer }
  /**
   * The answer to `needCandidates`, or peers known from the disk: they become passive. With
   * `arePresumedDead` also those that are `gone`, since they may live behind a split that healed;
   * never name nodes there that left.
   */
  | {
      readonly kind: 'candidates';
      readonly peers: readonly PeerDescriptor[];
      readonly arePresumedDead?: boolean;
    }
  /** The roster says that this start of the node is dead or left: forget it, unless it is heard. */
  | { readonly kind: 'gone'; readonly node: NodeName; readonly incarnation: bigint }
  /** The failure detector hears nothing of that neighbour: its place goes to the next one. */
  | { readonly kind: 'silent'; readonly node: NodeName; readonly incarnation: bigint }
  /** The silent neighbour was heard again: its place is its own. */
  | { readonly kind: 'heard'; readonly node: NodeName }
  /** Ask that peer to be a neighbour, with high priority: no path of the overlay leads to it. */
  | { readonly kind: 'invite'; readonly peer: PeerDescriptor }
  /**
   * For tests: from now on these nodes, and no others, are kept out of both views and refused. An
   * empty list ends it.
   */
  | { readonly kind: 'block'; readonly nodes: readonly NodeName[] };

/** Timers are never cancelled: one with an old generation is ignored when it fires. */
export type MembershipTimer =
  | { readonly kind: 'repair' | 'shuffle' | 'keepAlive'; readonly generation: number }
  | { readonly kind: 'request'; readonly node: NodeName; readonly generation: number };

export type MembershipEffect =
  /** Get a link to the peer; answer with `connected` (at once if one stands) or `connectFailed`. */
  | { readonly kind: 'connect'; readonly peer: PeerDescriptor }
  /** Membership needs the link no more; what was sent before should still leave. */
  | { readonly kind: 'release'; readonly node: NodeName }
  /** Only to nodes with a link. */
  | { readonly kind: 'send'; readonly to: NodeName; readonly message: MembershipMessage }
  | { readonly kind: 'schedule'; readonly timer: MembershipTimer; readonly delayMs: number }
  | { readonly kind: 'emit'; readonly event: NeighborEvent }
  | { readonly kind: 'reply'; readonly requestId: number; readonly result: MembershipResult }
  /** The passive view has nobody left to ask: members of the roster would help. */
  | { readonly kind: 'needCandidates' }
  /** A message above the link's rate was dropped; to be counted. */
  | { readonly kind: 'dropped'; readonly node: NodeName; readonly message: string }
  /** The peer broke the protocol: close its link. */
  | { readonly kind: 'protocolError'; readonly node: NodeName; readonly detail: string };

/** Says nothing about life and death: that is the roster's. */
export type NeighborEvent =
  | { readonly type: 'peerUp'; readonly node: NodeName; readonly incarnation: bigint }
  | {
      readonly type: 'peerDown';
      readonly node: NodeName;
      readonly incarnation: bigint;
      readonly reason: NeighborLoss;
    };

/**
 * `failed`: the link was lost or a newer start took over. `left`: the peer left the overlay.
 * `evicted`: this node made room for another. `disconnected`: the peer did, or this node left.
 * `blocked`: a test keeps the node out.
 */
export type NeighborLoss = 'failed' | 'left' | 'evicted' | 'disconnected' | 'blocked';

export type MembershipResult =
  | { readonly kind: 'accepted'; readonly contact: NodeName }
  /** The contact left the overlay or is blocked, or the link to it failed. */
  | { readonly kind: 'refused' }
  /** The contact has too many newcomers: join one of these instead. */
  | { readonly kind: 'redirected'; readonly peers: readonly PeerDescriptor[] }
  | { readonly kind: 'timedOut' }
  /** The answer to `leave`, and to a `join` that a `leave` overtook. */
  | { readonly kind: 'left' };
