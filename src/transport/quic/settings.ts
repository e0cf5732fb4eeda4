/**
 * TLS and transport settings of a connection, and the constants that both ends agree on.
 */

import { isLoopback } from '../../host/endpoint-text.ts';
import { PATHS_MAX } from '../path-limits.ts';
import { CREDIT } from '../streams/channels.ts';
import { PEER_STREAMS_HELD_MAX } from '../streams/stream-limits.ts';
import type { TransportIdentity } from '../transport.ts';
import { type NativeConfig, native } from './native.ts';

export const ALPN = 'barrel-p2p/1';
/** Length of every connection id that we choose; short headers carry no length. */
export const CONNECTION_ID_BYTES = 16;
/** A first datagram below this is no QUIC client (RFC 9000 section 14.1). */
export const FIRST_DATAGRAM_BYTES_MIN = 1_200;
/** A peer that stays silent for so long is lost; the keep-alive is a third of it. */
export const IDLE_TIMEOUT_MS = 15_000;
export const KEEP_ALIVE_MS = 4_000;
/** How long an ended connection goes on sending what was queued before its end. */
export const LINGER_MS = 1_000;
/** A pure acknowledgement waits so long for data to ride on, or for so many datagrams. */
export const ACK_DELAY_MS = 2;
export const ACK_EVERY_DATAGRAMS = 8;
/** Fits any path that carries QUIC without fragments; the loopback interface carries more. */
const DATAGRAM_BYTES_MAX = 1_350;
const LOOPBACK_DATAGRAM_BYTES_MAX = 16_384;
/** What a peer may send before we have read any of it; the window grows as we consume. */
const INITIAL_WINDOW_BYTES = 65_536;
/** All that arrives is read in the same turn: this bounds what comes while a turn lasts. */
const STREAM_WINDOW_BYTES_MAX = 8_388_608;
const CONNECTION_WINDOW_BYTES_MAX = 16_777_216;

export interface PathSettings {
  readonly config: NativeConfig;
  readonly datagramBytesMax: number;
  /** Raw key of the identity. */
  readonly ownKey: Uint8Array;
}

/** Settings for a path to that host: larger datagrams where they never leave the machine. */
export class Settings {
  readonly #everywhere: PathSettings;
  readonly #loopback: PathSettings;

  /** `spareBytes` of each datagram are left for what goes behind it. */
  constructor(identity: TransportIdentity, spareBytes: number) {
    this.#everywhere = pathSettings(identity, DATAGRAM_BYTES_MAX - spareBytes);
    this.#loopback = pathSettings(identity, LOOPBACK_DATAGRAM_BYTES_MAX - spareBytes);
  }

  forPeer(host: string): PathSettings {
    return isLoopback(host) ? this.#loopback : this.#everywhere;
  }
}

function pathSettings(identity: TransportIdentity, datagramBytesMax: number): PathSettings {
  const encoder = new TextEncoder();
  // Both ends must show a certificate; any is let through, because we judge the key ourselves.
  const config = native.Config.withBoringSslCtx(
    true,
    true,
    null,
    [encoder.encode(identity.privateKeyPem)],
    [encoder.encode(identity.certificatePem)],
    'ed25519',
  );
  config.setApplicationProtos([ALPN]);
  config.setMaxIdleTimeout(IDLE_TIMEOUT_MS);
  config.setMaxRecvUdpPayloadSize(LOOPBACK_DATAGRAM_BYTES_MAX);
  config.setMaxSendUdpPayloadSize(datagramBytesMax);
  config.setInitialMaxData(INITIAL_WINDOW_BYTES);
  config.setInitialMaxStreamDataBidiLocal(INITIAL_WINDOW_BYTES);
  config.setInitialMaxStreamDataBidiRemote(INITIAL_WINDOW_BYTES);
  config.setInitialMaxStreamDataUni(INITIAL_WINDOW_BYTES);
  config.setInitialMaxStreamsBidi(1 + PEER_STREAMS_HELD_MAX);
  config.setInitialMaxStreamsUni(CREDIT);
  config.setMaxStreamWindow(STREAM_WINDOW_BYTES_MAX);
  config.setMaxConnectionWindow(CONNECTION_WINDOW_BYTES_MAX);
  config.setDisableActiveMigration(false);
  config.setActiveConnectionIdLimit(PATHS_MAX);
  config.enablePacing(false);
  config.grease(false);
  return { config, datagramBytesMax, ownKey: identity.publicKey };
}

/** True for a stream of bytes: all two-way streams but control. */
export function isByteStream(stream: number): boolean {
  return stream !== 0 && (stream & 2) === 0;
}

/** Stream of a channel: control is the dialer's first two-way stream, the others are one-way. */
export function streamOfChannel(channel: number, openedByDialer: boolean): number {
  if (channel === 0) return 0;
  return (channel - 1) * 4 + (openedByDialer ? 2 : 3);
}
