/**
 * The seam between the laboratory's network and what runs on it: a node is one or more cores with
 * somebody who carries out their effects. Messages cross it as objects, not as bytes.
 */

import type { LinkFacts } from '../../core/link-facts.ts';
import type { PeerDescriptor } from '../../core/membership/peer.ts';
import type { NodeName } from '../../core/names.ts';

/** All that the network needs to know of a message: what to count it under. */
export interface LabMessage {
  readonly kind: string;
}

/** One simulated node: told facts, never asked to wait. `M` its messages, `T` its timers. */
export interface LabNode<M extends LabMessage, T> {
  /** A link to that node stands: asked for, or dialled by it. */
  linkUp(peer: PeerDescriptor): void;
  /** The link is gone. */
  linkDown(node: NodeName, reason: string): void;
  /** A link that was asked for cannot be had. */
  dialFailed(node: NodeName): void;
  received(from: NodeName, message: M): void;
  timerFired(timer: T): void;
}

/** What the network does for one node; never calls back before it returns. */
export interface LabPort<M extends LabMessage, T> {
  /** Number of the node, from 0 in order of adding. */
  readonly index: number;
  readonly self: PeerDescriptor;
  /** Virtual time of the network. */
  readonly nowMs: number;
  readonly links: LinkFacts;
  /** Makes a link, or finds the one that stands: `linkUp` or `dialFailed` follows. */
  connect(node: NodeName): void;
  /** The node needs the link no more; it closes when neither end does and nothing crosses it. */
  release(node: NodeName): void;
  /** Dropped when there is no link. */
  send(to: NodeName, message: M): void;
  /** Without a link, in no order, and lost when the network loses it: a bare datagram. */
  sendDatagram(to: NodeName, message: M): void;
  schedule(timer: T, delayMs: number): void;
  /** The active view changed; keeps the link and the measured graph up to date. */
  neighborUp(node: NodeName): void;
  neighborDown(node: NodeName): void;
}
