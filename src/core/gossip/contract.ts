/**
 * What goes into the broadcast core and what comes out. Inputs are facts and commands, effects are
 * orders to the driver, to be carried out in the order in which they are returned.
 */
import type { NodeName } from '../names.ts';
import type { GossipMessage } from './messages.ts';

/** Names one broadcast: numbered by the start of the node that made it, from 1. */
export interface MessageId {
  readonly origin: NodeName;
  readonly incarnation: bigint;
  /** 1 to 2^48 - 1. */
  readonly sequence: number;
}

/** One broadcast as it reaches a node. */
export interface Broadcast {
  readonly id: MessageId;
  /** What the payload is about, 0 to 255: each feature has its own. */
  readonly tag: number;
  readonly payload: Uint8Array;
  /** Links that this copy has crossed; 0 at the origin. */
  readonly hops: number;
}

export type GossipInput =
  /**
   * Tells all nodes. The first effect is its `deliver`, with the id, also to this node itself.
   * `toAll`: the payload goes to lazy neighbours too, for a last word that must not wait.
   */
  | {
      readonly kind: 'broadcast';
      readonly tag: number;
      readonly payload: Uint8Array;
      readonly toAll?: boolean | undefined;
      /** From `reserve`, where the number had to be known before. */
      readonly sequence?: number | undefined;
    }
  /** The node entered the active view. */
  | { readonly kind: 'neighborUp'; readonly node: NodeName }
  /** The node left the active view. */
  | { readonly kind: 'neighborDown'; readonly node: NodeName }
  /** A frame of a neighbour; from others it is ignored. */
  | { readonly kind: 'messageReceived'; readonly from: NodeName; readonly message: GossipMessage }
  /** The queue to that neighbour is above its high-water mark: only announcements go there. */
  | { readonly kind: 'congested'; readonly node: NodeName }
  /** The queue to that neighbour is below its mark again. */
  | { readonly kind: 'drained'; readonly node: NodeName }
  | { readonly kind: 'timerFired'; readonly timer: GossipTimer };

/** Timers are never cancelled: one with an old generation is ignored when it fires. */
export interface GossipTimer {
  /** `announce`: batched IHAVEs go out. `graft`: what is missing is asked for. `sweep`: caches. */
  readonly kind: 'announce' | 'graft' | 'sweep';
  readonly generation: number;
}

export type GossipEffect =
  /** Only to neighbours. */
  | { readonly kind: 'send'; readonly to: NodeName; readonly message: GossipMessage }
  /** Exactly once for each broadcast, own ones included. */
  | { readonly kind: 'deliver'; readonly broadcast: Broadcast }
  | { readonly kind: 'schedule'; readonly timer: GossipTimer; readonly delayMs: number }
  /** So many broadcasts of that origin were announced but cannot be had any more; to be counted. */
  | { readonly kind: 'lost'; readonly origin: NodeName; readonly count: number }
  /** The neighbour knows more origins than it told: stores compare with it what they hold. */
  | { readonly kind: 'truncated'; readonly node: NodeName }
  /** The peer broke the protocol: close its link. */
  | { readonly kind: 'protocolError'; readonly node: NodeName; readonly detail: string };
