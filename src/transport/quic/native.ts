/**
 * The part of the native QUIC binding that we drive: its sans-IO connection object. Only these
 * members are used, so that another binding can take its place behind the transport interface.
 *
 * The binding's own class layer is never loaded. There is no build for musl.
 */
import { createRequire } from 'node:module';
import type { Endpoint } from '../../host/udp.ts';

export interface NativeConfig {
  setApplicationProtos(protocols: string[]): void;
  setMaxIdleTimeout(ms: number): void;
  setMaxRecvUdpPayloadSize(bytes: number): void;
  setMaxSendUdpPayloadSize(bytes: number): void;
  setInitialMaxData(bytes: number): void;
  setInitialMaxStreamDataBidiLocal(bytes: number): void;
  setInitialMaxStreamDataBidiRemote(bytes: number): void;
  setInitialMaxStreamDataUni(bytes: number): void;
  setInitialMaxStreamsBidi(count: number): void;
  setInitialMaxStreamsUni(count: number): void;
  setMaxStreamWindow(bytes: number): void;
  setMaxConnectionWindow(bytes: number): void;
  setDisableActiveMigration(disabled: boolean): void;
  setActiveConnectionIdLimit(count: number): void;
  enablePacing(enabled: boolean): void;
  grease(enabled: boolean): void;
}

export interface NativeCloseError {
  readonly isApp: boolean;
  readonly errorCode: number;
  readonly reason: Uint8Array;
}

export interface NativePathStats {
  readonly localHost: Endpoint;
  readonly peerHost: Endpoint;
  readonly active: boolean;
  /** Datagrams. */
  readonly recv: number;
  readonly lost: number;
  readonly rtt: number;
  readonly cwnd: number;
  readonly sentBytes: number;
  readonly recvBytes: number;
  readonly pmtu: number;
}

/** `PeerMigrated`: `old` is the local end of the path that the peer uses now, `new` the peer's. */
export type NativePathEvent =
  | {
      readonly type: 'New' | 'Validated' | 'FailedValidation' | 'Closed';
      readonly local: Endpoint;
      readonly peer: Endpoint;
    }
  | { readonly type: 'ReusedSourceConnectionId' }
  | { readonly type: 'PeerMigrated'; readonly old: Endpoint; readonly new: Endpoint };

/** Methods throw an `Error` whose message is the name of the library's error. */
export interface NativeConnection {
  /** Decrypts in place. */
  recv(datagram: Uint8Array, info: { readonly from: Endpoint; readonly to: Endpoint }): number;
  /** Null when there is nothing to send. */
  send(
    target: Uint8Array,
  ): readonly [number, { readonly from: Endpoint; readonly to: Endpoint }] | null;
  /**
   * Null when nothing can be read now; throws for a stream that the peer has not opened, and once
   * `StreamReset(code)` for one that it has reset.
   */
  streamRecv(stream: number, target: Uint8Array): readonly [number, boolean] | null;
  /** Bytes taken; null when none can be. */
  streamSend(stream: number, bytes: Uint8Array, fin: boolean): number | null;
  /**
   * Bytes that a write would take now; throws for a stream that nobody has opened or that is over,
   * and `StreamStopped(code)` for one that the peer wants no more of.
   */
  streamCapacity(stream: number): number;
  /** Direction 0 = reading, 1 = writing. Until a stream is read to its end, it takes up room. */
  streamShutdown(stream: number, direction: 0 | 1, code: number): void;
  streamPriority(stream: number, urgency: number, incremental: boolean): void;
  isReadable(): boolean;
  readable(): Iterable<number>;
  timeout(): number | null;
  onTimeout(): void;
  close(app: boolean, code: number, reason: Uint8Array): void;
  peerCertChain(): readonly Uint8Array[] | null;
  isEstablished(): boolean;
  isResumed(): boolean;
  isDraining(): boolean;
  isClosed(): boolean;
  isTimedOut(): boolean;
  peerError(): NativeCloseError | null;
  localError(): NativeCloseError | null;
  pathStats(): readonly NativePathStats[];
  stats(): { readonly peerDisableActiveMigration: boolean };
  sendAckEliciting(): void;
  /** Asks for an answer on that path, known or new; the next `send` carries the question. */
  probePath(local: Endpoint, remote: Endpoint): number;
  isPathValidated(local: Endpoint, remote: Endpoint): boolean;
  /** Client only: sends everything on that path from now on. */
  migrate(local: Endpoint, remote: Endpoint): number;
  /** Null when there is none. */
  pathEventNext(): NativePathEvent | null;
  /** A further id under which the peer may address us; answers its number. */
  newSourceCid(id: Uint8Array, resetToken: bigint, retireIfNeeded: boolean): number;
  activeSourceCids(): number;
  /** How many more the peer takes. */
  sourceCidsLeft(): number;
  /** An id of ours that the peer will not use any more. */
  retiredScidNext(): Uint8Array | null;
}

interface Native {
  readonly Config: {
    withBoringSslCtx(
      verifyPeer: boolean,
      verifyAllowFail: boolean,
      authorities: null,
      keys: Uint8Array[],
      certificates: Uint8Array[],
      signatureAlgorithms: string,
    ): NativeConfig;
  };
  readonly Connection: {
    connect(
      serverName: null,
      sourceId: Uint8Array,
      local: Endpoint,
      remote: Endpoint,
      config: NativeConfig,
    ): NativeConnection;
    accept(
      sourceId: Uint8Array,
      /** Of a client that was told to try again: what it addressed first. */
      originalDestinationId: Uint8Array | null,
      local: Endpoint,
      remote: Endpoint,
      config: NativeConfig,
    ): NativeConnection;
  };
  /** Writes a Retry packet for a client's first one; answers its length. */
  retry(
    sourceId: Uint8Array,
    destinationId: Uint8Array,
    newSourceId: Uint8Array,
    token: Uint8Array,
    version: number,
    target: Uint8Array,
  ): number;
}

/** Required, not imported: how a bundler or a test runner wraps CommonJS must not matter. */
const load = createRequire(import.meta.url);
export const native: Native = load('@infisical/quic/dist/native/quiche.js').default;
