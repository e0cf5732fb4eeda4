/**
 * Connections to other nodes, proven by key but not yet admitted.
 *
 * A transport moves length-prefixed frames over a few ordered channels of an encrypted, mutually
 * authenticated connection: channel 0 carries control traffic and comes first, channels 1 to
 * `LANE_COUNT` carry messages. Order holds within a channel, never across. `quic/` is the real
 * transport, `memory/` the simulated one; one conformance suite holds for both.
 */
import type { Address, NodeName } from '../core/names.ts';
import type { ByteStreams } from './byte-stream.ts';

export const CONTROL = 0;

/** 0 for control, 1 .. LANE_COUNT for messages. */
export type Channel = number;

/** Why a connection ended: the word that travels, and whose word it was. */
export interface Closure {
  /**
   * A `RefusalReason`, or one of: `closed` (orderly), `superseded`, `idle`, `lost` (nothing heard
   * for the idle time-out), `protocol` (the peer broke the rules), `replaced`, `leaving`.
   */
  readonly reason: string;
  /** Who ended it. A lost connection has `local`. */
  readonly by: 'local' | 'peer';
  /** For people: what was wrong. */
  readonly detail?: string;
}

/** What a connection tells its owner. Called one at a time, never from within a call to it. */
export interface ConnectionEvents {
  /** One whole frame. The bytes are a view that is valid during the call only. */
  onFrame(channel: Channel, frame: Uint8Array): void;
  /** The send queue fell below its high-water mark after `send` had answered false. */
  onDrained(): void;
  /** The last call, exactly once, whoever ended it and however. */
  onClosed(closure: Closure): void;
}

/** What is known of the path that a connection uses. */
export interface PathFacts {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** Smoothed round-trip time; 0 before the first sample. */
  readonly rttMs: number;
  /** Bytes that may be under way at once; 0 where nothing counts them. */
  readonly cwndBytes: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly lostPackets: number;
  /** Largest datagram. */
  readonly mtuBytes: number;
}

/** Where a connection goes. */
export interface PathMove {
  /** A local address that `bind` gave. Default: the one in use. */
  readonly local?: Address | undefined;
  /**
   * Where the peer may be reached from now on: the first to answer is taken. An empty host stands
   * for the one in use. Default: the address in use.
   */
  readonly remotes?: readonly Address[] | undefined;
  /** Also where datagrams of the peer came from that it was not known to use. Default false. */
  readonly mayFollow?: boolean | undefined;
}

export interface Connection {
  readonly role: 'dialer' | 'acceptor';
  /** Raw 32-byte Ed25519 key that the peer proved to hold in this very session. */
  readonly peerKey: Uint8Array;
  /** The same of this node: the key that it had when the session began. */
  readonly ownKey: Uint8Array;
  /** Of the path in use: it changes when either end moves. */
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** False where the way cannot change: through a tunnel, or where the peer forbids it. */
  readonly canMigrate: boolean;
  readonly path: PathFacts;
  /** Time since the first frame went out after which nothing was heard; 0 when all is answered. */
  readonly unansweredMs: number;
  /** Smoothed round-trip time; 0 before the first sample. */
  readonly rttMs: number;
  /** Bytes accepted by `send` that have not left this machine. */
  readonly queuedBytes: number;
  /** Monotonic time at which data of the peer last came; keep-alives do not count. */
  readonly lastHeardMs: number;
  /** Streams of bytes beside the channels, after them in importance. */
  readonly streams: ByteStreams;
  /** Must be called in the tick in which the connection was handed over. */
  attach(events: ConnectionEvents): void;
  /**
   * Holds frames back until `admit`: what was read already waits here (64 KiB at most), the rest
   * with the sender. Lanes are not read before admission in any case.
   */
  pause(): void;
  /** Lifts the bounds and the deadline that hold before admission, delivers what was held back. */
  admit(): void;
  /**
   * Queues one frame; the bytes are copied or sent before it returns. False when the queue is above
   * its high-water mark; the frame is taken all the same. On a closed connection it does nothing.
   * @throws ERR_OVERLOADED above the hard limit, the frame is not taken.
   */
  send(channel: Channel, frame: Uint8Array): boolean;
  /**
   * Moves to another path when that one is validated; frames under way arrive in order all the
   * same. Only the dialer can. A later call ends an earlier one. On failure nothing has changed.
   * @throws ERR_MIGRATION_DISABLED, ERR_PATH_NOT_VALIDATED, or the signal's reason.
   */
  migrate(move: PathMove, signal: AbortSignal): Promise<void>;
  /** Sends what is queued as far as the path allows, tells the reason, ends. Idempotent. */
  close(reason: string, detail?: string): void;
}

/** A local address that is kept open while it is held; a connection that uses it holds it too. */
export interface Binding extends Disposable {
  readonly address: Address;
}

export interface DialOptions {
  readonly signal?: AbortSignal | undefined;
}

/** One end of a way for datagrams that leads through other nodes. */
export interface Tunnel {
  /** What this node dials to reach the other end. It means nothing to anybody else. */
  readonly address: Address;
  /** Takes a datagram that came from the other end. It is the receiver's to keep. */
  deliver(datagram: Uint8Array): void;
  /** Nothing goes in or comes out any more. */
  close(): void;
}

/** A tunnel leads through other nodes, or through what the user has made. */
export type TunnelKind = 'circuit' | 'pipe';

export interface Tunnels {
  /**
   * Opens the near end of a tunnel that begins at that neighbour, or under that name of a pipe:
   * `send` is given the datagrams that go in. A connection that the other end opens is accepted
   * like any other.
   * @param kind default `circuit`.
   * @throws RangeError when there are as many as circuits may be.
   */
  open(
    entry: NodeName | string,
    send: (datagram: Uint8Array) => void,
    kind?: TunnelKind | undefined,
  ): Tunnel;
}

/** What a node shows in new sessions. */
export interface TransportIdentity {
  /** PKCS #8 PEM of the Ed25519 key. */
  readonly privateKeyPem: string;
  /** PEM of the one self-signed certificate over that key. */
  readonly certificatePem: string;
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array;
}

export interface Transport {
  /** Bound address, with its real port: where this node listens. */
  readonly address: Address;
  readonly tunnels: Tunnels;
  /**
   * One more local address, to move connections to. Default: a free port on the host that this
   * node listens on. One that is open already is shared.
   * @throws ERR_PATH_NOT_VALIDATED where the system refuses it, ERR_OVERLOADED, ERR_CLOSED.
   */
  bind(local?: {
    readonly host?: string | undefined;
    readonly port?: number | undefined;
  }): Promise<Binding>;
  /**
   * The host that this node listened on is gone: it listens on that one, on the same port where it
   * is free, and speaks from there. Rejects as `bind` does.
   */
  rehome(host: string): Promise<void>;
  /**
   * Resolves when both ends have proven their keys.
   * Rejects with ERR_UNREACHABLE (nothing answered), ERR_REFUSED (`certificate`), ERR_TIMEOUT,
   * ERR_CLOSED, or the signal's reason.
   */
  dial(address: Address, options?: DialOptions): Promise<Connection>;
  /** Sessions that begin from now on show that key; those that have begun go on as they are. */
  setIdentity(identity: TransportIdentity): void;
  /** Closes all connections with a reason, waits for their last datagrams, frees the socket. */
  close(reason?: string): Promise<void>;
}

/** Called for each connection that another node opened, when its key is proven. */
export type OnConnection = (connection: Connection) => void;
