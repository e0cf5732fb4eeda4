/** Paths as a user holds them: where the connections to other nodes run, and moving them. */
import type { Address, NodeName } from '../core/names.ts';
import type { Timed } from '../observable.ts';

/** Where a connection is moved to, and how long that may take. */
export interface MigrateOptions extends Timed {
  /** IP address of this machine. Default: the one that the connection uses. */
  readonly localHost?: string | undefined;
  /** 0 to 65,535. Default 0: any free one. */
  readonly localPort?: number | undefined;
}

/** Of the path that a connection uses. */
export interface PathStats {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** Smoothed round-trip time in milliseconds, in steps of one; 0 before the first sample. */
  readonly rttMs: number;
  /** Congestion window: bytes that may be under way at once. */
  readonly cwndBytes: number;
  /** Since this path is in use, retransmissions and acknowledgements included. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly lostPackets: number;
  /** Largest datagram. */
  readonly mtuBytes: number;
}

/** The connections of a node, as ways through the network. */
export interface Paths {
  /**
   * Moves the connection to that node to another local address, whichever end dialled it: streams,
   * calls, monitors and links ride through. Resolves when the new path is validated and in use.
   * Default time-out 5 s. After a failure the old path is in use as before; a peer that follows too
   * late is asked back.
   * @throws ERR_NOT_CONNECTED, ERR_MIGRATION_DISABLED (it leads through other nodes, or the peer
   * forbids it), ERR_PATH_NOT_VALIDATED (no such local address, or another move began),
   * ERR_TIMEOUT (nothing answered there), ERR_OVERLOADED (too many local addresses in use),
   * ERR_OPTION, ERR_CLOSED, or the signal's reason.
   */
  migrate(node: NodeName, options?: MigrateOptions): Promise<void>;
  /** Of the path in use; undefined without a link to that node. A local read. */
  stats(node: NodeName): PathStats | undefined;
}
