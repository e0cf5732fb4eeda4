/** What one end of a simulated connection is made of. */
import type { Address } from '../../core/names.ts';
import type { OnConnection } from '../transport.ts';
import type { MemoryConnection } from './connection.ts';
import type { EventLoop } from './event-loop.ts';
import type { SimulatedNetwork } from './network.ts';

export interface ConnectionOptions {
  readonly network: SimulatedNetwork;
  /** Of the node at this end. */
  readonly loop: EventLoop;
  readonly role: 'dialer' | 'acceptor';
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly peerKey: Uint8Array;
  readonly ownKey: Uint8Array;
  /** Round trip of the handshake. */
  readonly rttMs: number;
  readonly idleTimeoutMs: number;
  /** Acceptor only: the dialer's key is proven. */
  readonly onOpened: OnConnection;
  readonly onEnded: (connection: MemoryConnection) => void;
  /** The connection uses that local address, or no longer. */
  readonly hold: (local: Address) => void;
  readonly release: (local: Address) => void;
  /** Whether the peer is bound there. */
  readonly isPeerAt: (address: Address) => boolean;
}
