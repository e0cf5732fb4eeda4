/**
 * An admitted connection: from here on a peer has a name, and that name, its key and its
 * incarnation are what everything above believes. A sender named inside a message is not.
 */
import { isEconomyKind } from '../core/links/economy-messages.ts';
import type { Address, NodeName } from '../core/names.ts';
import { isRoutingKind } from '../core/routing/messages.ts';
import type { Clock } from '../host/host.ts';
import type { Hello } from '../identity/hello.ts';
import { type Channel, type Closure, CONTROL, type Connection } from '../transport/transport.ts';
import { isCircuitAddress } from '../transport/tunnel/tunnel-address.ts';
import type { NodeRef } from './ports.ts';

/** Frames are sent by the link, which counts them. */
export type LinkConnection = Omit<Connection, 'send'>;

export interface Link extends NodeRef {
  readonly connection: LinkConnection;
  /** Raw Ed25519 key that the peer proved, or has rotated to since. */
  readonly key: Uint8Array;
  readonly addresses: readonly Address[];
  /** It leads through other nodes. */
  readonly isRelayed: boolean;
  readonly use: LinkUse;
  /** See `Connection.send`. @throws ERR_OVERLOADED. */
  send(channel: Channel, frame: Uint8Array): boolean;
}

/** What went over a link, but for the words about its end. */
export class LinkUse {
  readonly #clock: Clock;
  framesSent = 0;
  framesReceived = 0;
  /** Monotonic time of the last message, either way; minus infinity before the first. */
  messageMs: number = Number.NEGATIVE_INFINITY;
  /** Of the last other frame, or of the link's beginning. */
  otherMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.otherMs = clock.monotonicMs();
  }

  sent(channel: Channel, frame: Uint8Array): void {
    if (this.#note(channel, frame[0] ?? 0)) this.framesSent += 1;
  }

  /** False for a word about the end of the link. */
  received(channel: Channel, frame: Uint8Array): boolean {
    const isCounted = this.#note(channel, frame[0] ?? 0);
    if (isCounted) this.framesReceived += 1;
    return isCounted;
  }

  #note(channel: Channel, kind: number): boolean {
    if (channel !== CONTROL && !isRoutingKind(kind)) this.messageMs = this.#clock.monotonicMs();
    else if (channel === CONTROL && isEconomyKind(kind)) return false;
    else this.otherMs = this.#clock.monotonicMs();
    return true;
  }
}

/** What a link has of the HELLO of its peer. */
type HelloOfLink = Pick<Hello, 'name' | 'incarnation' | 'addresses'>;

export class AdmittedLink implements Link {
  readonly node: NodeName;
  readonly incarnation: bigint;
  readonly addresses: readonly Address[];
  key: Uint8Array;
  readonly connection: LinkConnection;
  readonly isRelayed: boolean;
  readonly use: LinkUse;
  readonly #connection: Connection;

  constructor(hello: HelloOfLink, connection: Connection, clock: Clock) {
    this.node = hello.name;
    this.incarnation = hello.incarnation;
    this.addresses = hello.addresses;
    this.key = connection.peerKey;
    this.connection = connection;
    this.isRelayed = isCircuitAddress(connection.remoteAddress);
    this.use = new LinkUse(clock);
    this.#connection = connection;
  }

  send(channel: Channel, frame: Uint8Array): boolean {
    const isClear = this.#connection.send(channel, frame);
    this.use.sent(channel, frame);
    return isClear;
  }
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
