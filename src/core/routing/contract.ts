/**
 * What goes into routing and what comes out: queries through the overlay, and circuits that relay
 * datagrams between two nodes without a link. Effects are orders to the driver, in order.
 */
import type { NodeName } from '../names.ts';
import type { FoundService, Miss, QueryTarget, RoutingMessage } from './messages.ts';

/** How a query of this node ended. A miss that is not `absent` may have overlooked somebody. */
export type QueryResult =
  | { readonly kind: 'found'; readonly found: FoundService }
  /** A circuit to the node stands: `opened` came before. */
  | { readonly kind: 'reached' }
  | { readonly kind: 'miss'; readonly why: Exclude<Miss, 'seen'> };

export type RoutingInput =
  /** This node looks for somebody. The id, 64 random bits, names the circuit to a node, too. */
  | {
      readonly kind: 'find';
      readonly id: bigint;
      readonly target: QueryTarget;
      readonly timeLeftMs: number;
      /** Asks although nobody had it a moment ago. */
      readonly isAnew: boolean;
    }
  /** A frame of a proven sender. What a datagram holds is valid during the call only. */
  | { readonly kind: 'received'; readonly from: NodeName; readonly message: RoutingMessage }
  /** The direct link to that node is gone. */
  | { readonly kind: 'linkDown'; readonly node: NodeName }
  /** A datagram for the other end of a circuit that ends here. */
  | { readonly kind: 'carry'; readonly circuit: bigint; readonly datagram: Uint8Array }
  /** This node needs a circuit that ends here no more. */
  | { readonly kind: 'close'; readonly circuit: bigint }
  | { readonly kind: 'timerFired'; readonly timer: RoutingTimer };

/** Timers are never cancelled: one whose query has ended is ignored when it fires. */
export type RoutingTimer =
  | { readonly kind: 'query'; readonly id: bigint }
  /** Looks for circuits that nothing uses. */
  | { readonly kind: 'sweep' };

export type RoutingEffect =
  /** On the control channel; only to nodes with a direct link. */
  | { readonly kind: 'send'; readonly to: NodeName; readonly message: RoutingMessage }
  /** On the lanes; lost, and counted, where the link is gone or too much waits for it. */
  | {
      readonly kind: 'carry';
      readonly to: NodeName;
      readonly circuit: bigint;
      readonly datagram: Uint8Array;
    }
  /** A circuit ends here from now on, and that neighbour is next on it. */
  | { readonly kind: 'opened'; readonly circuit: bigint; readonly through: NodeName }
  /** A datagram came out of a circuit that ends here. */
  | { readonly kind: 'deliver'; readonly circuit: bigint; readonly datagram: Uint8Array }
  /** A circuit that ended here is no more, and not because this node closed it. */
  | { readonly kind: 'closed'; readonly circuit: bigint }
  /** The end of a `find`, once. */
  | { readonly kind: 'answered'; readonly id: bigint; readonly result: QueryResult }
  | { readonly kind: 'schedule'; readonly timer: RoutingTimer; readonly delayMs: number }
  /** The peer broke the protocol: close its link. */
  | { readonly kind: 'protocolError'; readonly node: NodeName; readonly detail: string }
  /** To be counted. */
  | { readonly kind: 'count'; readonly what: RoutingCount };

/**
 * `asked`: a query of this node went out. `handled`: one of another node was looked into.
 * `overloaded`: one was refused at a bound. `expired`: one was answered because its time was over.
 * `full`: a circuit found no room.
 */
export type RoutingCount = 'asked' | 'handled' | 'overloaded' | 'expired' | 'full';

/** What a node knows by itself, read while an input is handled. */
export interface RoutingFacts {
  /** Members of the active view with a direct link. */
  neighbors(): readonly NodeName[];
  /** All nodes with a direct link: one that leads through no other node. */
  directLinks(): readonly NodeName[];
  isDirect(node: NodeName): boolean;
  /** The neighbour that is next on the way to that node, as the roster knows it. */
  nextHop(node: NodeName): NodeName | undefined;
  /** Smoothed round trip to that node; undefined before the first sample. */
  rttMs(node: NodeName): number | undefined;
  /** What this node says of a service of its own; undefined where it has none of that name. */
  ownService(name: string): Uint8Array | undefined;
}
