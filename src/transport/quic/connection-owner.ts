/** What the transport does for its connections. */
import type { Host } from '../../host/host.ts';
import type { Endpoint } from '../../host/udp.ts';
import type { PathPair } from './path-pair.ts';
import type { QuicConnection } from './quic-connection.ts';

export interface ConnectionOwner {
  readonly host: Pick<Host, 'clock' | 'timers' | 'random'>;
  /** The raw key of an Ed25519 certificate, or undefined. */
  keyOf(certificate: Uint8Array): Uint8Array | undefined;
  /** Memory for one datagram. */
  datagram(bytesMax: number): Uint8Array;
  transmit(datagram: Uint8Array, way: PathPair, connection: QuicConnection): void;
  /** Asks for a call of `flush` at the end of this turn. */
  wake(connection: QuicConnection): void;
  /** The peer's key is proven. */
  established(connection: QuicConnection): void;
  /** The peer is let in: what bounds strangers no longer counts it. */
  admitted(connection: QuicConnection): void;
  /** The connection is gone for good, after any lingering. */
  ended(connection: QuicConnection): void;
  /** Datagrams under that id belong to the connection from now on, or no longer. */
  addId(connection: QuicConnection, id: Uint8Array): void;
  deleteId(connection: QuicConnection, id: Uint8Array): void;
  /** The connection uses that local end, or no longer. */
  holdSocket(local: Endpoint): void;
  releaseSocket(local: Endpoint): void;
  /** To be counted: a path answered; the peer moved and was followed. */
  countPath(what: 'validated' | 'followed'): void;
}

/** How a connection begins. */
export interface ConnectionStart extends PathPair {
  readonly role: 'dialer' | 'acceptor';
  readonly datagramBytesMax: number;
  /** Raw key that this end shows. */
  readonly ownKey: Uint8Array;
}
