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
  enablePacing(enabled: boolean): void;
  grease(enabled: boolean): void;
}

export interface NativeCloseError {
  readonly isApp: boolean;
  readonly errorCode: number;
  readonly reason: Uint8Array;
}

/** Methods throw an `Error` whose message is the name of the library's error. */
export interface NativeConnection {
  /** Decrypts in place. */
  recv(datagram: Uint8Array, info: { readonly from: Endpoint; readonly to: Endpoint }): number;
  /** Null when there is nothing to send. */
  send(target: Uint8Array): readonly [number, { readonly to: Endpoint }] | null;
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
  pathStats(): readonly { readonly active: boolean; readonly rtt: number }[];
  sendAckEliciting(): void;
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
