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
/** The version of Version Negotiation packets, which are not of any version. */
export const VERSION_NEGOTIATION = 0;
const DESTINATION_ID_BYTES_MIN = 8;
const ID_BYTES_MAX = 20;

export interface Route {
  /** Destination connection id, as a map key. */
  readonly connection: string;
  /** Of a long header; undefined for a short one. */
  readonly version: number | undefined;
  /** True for a first datagram of version 1, of the size that a client must send. */
  readonly mayOpen: boolean;
}

/** What a client's first packet says in the clear. The bytes are views. */
export interface InitialHeader {
  readonly destinationId: Uint8Array;
  readonly sourceId: Uint8Array;
  /** Empty without one. */
  readonly token: Uint8Array;
  /** Where the packet ends in its datagram; what follows is padding or another packet. */
  readonly end: number;
}

/** Undefined for what is no QUIC datagram. */
export function routeOf(datagram: Uint8Array): Route | undefined {
  const first = datagram[0];
  if (first === undefined || (first & FIXED_BIT) === 0) return undefined;
  if (!hasLongHeader(datagram)) {
    if (datagram.length <= CONNECTION_ID_BYTES) return undefined;
    const connection = idText(datagram, 1, CONNECTION_ID_BYTES);
    return { connection, version: undefined, mayOpen: false };
  }
  const length = datagram[5] ?? 0;
  if (datagram.length < 6 + length || length > ID_BYTES_MAX) return undefined;
  const version = versionOf(datagram);
  const isInitial = (first & TYPE_MASK) === INITIAL_TYPE && version === VERSION_1;
  return {
    connection: idText(datagram, 6, length),
    version,
    mayOpen:
      isInitial &&
      length >= DESTINATION_ID_BYTES_MIN &&
      datagram.length >= FIRST_DATAGRAM_BYTES_MIN,
  };
}

export function hasLongHeader(datagram: Uint8Array): boolean {
  return ((datagram[0] ?? 0) & LONG_HEADER) !== 0;
}

/** For a datagram that may open a connection; undefined where its header is cut. */
export function initialHeaderOf(datagram: Uint8Array): InitialHeader | undefined {
  const sourceAt = 6 + (datagram[5] ?? 0);
  const tokenLengthAt = sourceAt + 1 + (datagram[sourceAt] ?? 0);
  if ((datagram[sourceAt] ?? 0) > ID_BYTES_MAX) return undefined;
  const token = lengthAt(datagram, tokenLengthAt);
  const rest = token === undefined ? undefined : lengthAt(datagram, token.at + token.value);
  if (token === undefined || rest === undefined) return undefined;
  const end = rest.at + rest.value;
  if (end > datagram.length) return undefined;
  return {
    destinationId: datagram.subarray(6, sourceAt),
    sourceId: datagram.subarray(sourceAt + 1, tokenLengthAt),
    token: datagram.subarray(token.at, token.at + token.value),
    end,
  };
}

/** A length of one, two or four bytes (RFC 9000 section 16), and where it ends. */
function lengthAt(bytes: Uint8Array, at: number): { value: number; at: number } | undefined {
  const first = bytes[at] ?? 0xff;
  const width = 1 << (first >> 6);
  if (width > 4 || at + width > bytes.length) return undefined;
  let value = first & 0x3f;
  for (let index = 1; index < width; index += 1) value = value * 256 + (bytes[at + index] ?? 0);
  return { value, at: at + width };
}

export function idText(bytes: Uint8Array, start: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('latin1');
}

function versionOf(datagram: Uint8Array): number {
  return new DataView(datagram.buffer, datagram.byteOffset).getUint32(1);
}
