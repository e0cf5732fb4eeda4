/** Ways for datagrams that the user makes: a relay, a tunnel, whatever carries them. */
import type { Address, NodeName } from '../core/names.ts';

/** What a pipe tells the node. */
export interface PipeEvents {
  /** One datagram came from the other end. It is the node's to keep. */
  onDatagram(datagram: Uint8Array): void;
  /** Nothing goes in or comes out any more: a link through it is lost. */
  onClosed(): void;
}

/**
 * Carries the datagrams of one link, of 1,350 bytes at most. Those may be lost, doubled, and
 * overtake each other; what is changed on the way is thrown away by the other end.
 */
export interface DatagramPipe {
  /** Called once, before anything else. */
  attach(events: PipeEvents): void;
  /** Takes one datagram, which is the pipe's to keep and not to change. */
  send(datagram: Uint8Array): void;
  /** The node needs it no more. Called once. */
  close(): void;
}

/** Whom a node is about to dial. */
export interface PipeTarget {
  /** Undefined when a contact is an address only. */
  readonly node: NodeName | undefined;
  readonly address: Address;
  /** Aborted when nobody waits for the answer any more; it has 5 s. */
  readonly signal: AbortSignal;
}

/**
 * Asked for each dial: a pipe that leads there, or undefined for the node's own socket. What it
 * throws is a failed dial of that address.
 */
export type DialHook = (
  target: PipeTarget,
) => DatagramPipe | undefined | Promise<DatagramPipe | undefined>;
