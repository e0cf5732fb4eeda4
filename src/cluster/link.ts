/**
 * An admitted connection: from here on a peer has a name, and that name, its key and its
 * incarnation are what everything above believes. A sender named inside a message is not.
 */
import type { Address, NodeName } from '../core/names.ts';
import type { Channel, Closure, Connection } from '../transport/transport.ts';
import type { NodeRef } from './ports.ts';

export interface Link extends NodeRef {
  readonly connection: Connection;
  /** Raw Ed25519 key that the peer proved, or has rotated to since. */
  readonly key: Uint8Array;
  readonly addresses: readonly Address[];
  /** It leads through other nodes. */
  readonly isRelayed: boolean;
}

/** What happens on admitted links; for one node `onUp` and `onDown` alternate. */
export interface LinkTableEvents {
  onUp(link: Link): void;
  onDown(link: Link, closure: Closure): void;
  /** The bytes are a view that is valid during the call only. @throws WireError ends the link. */
  onFrame(link: Link, channel: Channel, frame: Uint8Array): void;
  onDrained(link: Link): void;
  /** A peer refused this start of the node, because it knows a later one. */
  onStale(seenIncarnation: bigint): void;
}

/** Whom to dial: an address, and the name and key that must answer there, if they are known. */
export interface DialTarget {
  readonly address: Address;
  readonly node?: NodeName | undefined;
  readonly fingerprint?: string | undefined;
  /**
   * A link through other nodes gives way to the new one. Asked when the peer has accepted that: the
   * new one is given up if not.
   */
  readonly mayReplaceRelayed?: (() => boolean) | undefined;
}

export function keyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('hex');
}
