/**
 * The few bytes of a QUIC datagram that routing needs (RFC 8999): which connection it is for, and
 * whether it may open a new one. Everything else is the library's to read.
 */
import { CONNECTION_ID_BYTES, FIRST_DATAGRAM_BYTES_MIN } from './settings.ts';

const LONG_HEADER = 0x80;
const FIXED_BIT = 0x40;
const INITIAL_TYPE = 0x00;
const TYPE_MASK = 0x30;
const VERSION_1 = 1;
const DESTINATION_ID_BYTES_MIN = 8;
const DESTINATION_ID_BYTES_MAX = 20;

export interface Route {
  /** Destination connection id, as a map key. */
  readonly connection: string;
  /** True for a first datagram of version 1, of the size that a client must send. */
  readonly mayOpen: boolean;
}

/** Undefined for what is no QUIC datagram. */
export function routeOf(datagram: Uint8Array): Route | undefined {
  const first = datagram[0];
  if (first === undefined || (first & FIXED_BIT) === 0) return undefined;
  if ((first & LONG_HEADER) === 0) {
    if (datagram.length <= CONNECTION_ID_BYTES) return undefined;
    return { connection: idText(datagram, 1, CONNECTION_ID_BYTES), mayOpen: false };
  }
  const length = datagram[5] ?? 0;
  if (datagram.length < 6 + length || length > DESTINATION_ID_BYTES_MAX) return undefined;
  const isInitial = (first & TYPE_MASK) === INITIAL_TYPE && versionOf(datagram) === VERSION_1;
  return {
    connection: idText(datagram, 6, length),
    mayOpen:
      isInitial &&
      length >= DESTINATION_ID_BYTES_MIN &&
      datagram.length >= FIRST_DATAGRAM_BYTES_MIN,
  };
}

export function idText(bytes: Uint8Array, start: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('latin1');
}

function versionOf(datagram: Uint8Array): number {
  return new DataView(datagram.buffer, datagram.byteOffset).getUint32(1);
}
