/**
 * A word without a connection: "we do not share a join secret". It has the form of a QUIC Version
 * Negotiation packet (RFC 8999 section 6) with one version, which is none, so that it means nothing
 * to anybody else. Nobody signs it: what is believed of it is that it names the 16 random bytes of
 * a dial, which only who sees the path can know.
 */
import type { InitialHeader } from './datagram.ts';

/** Of the versions that are reserved to be none (RFC 9000 section 15). */
const SECRET_REFUSED = 0x5aea_ca2a;
const FIRST_BYTE = 0xc0;
const VERSION_BYTES = 4;

/** 43 bytes for ids of 16: a 27th of the datagram that it answers. */
export function encodeSecretRefusal({ destinationId, sourceId }: InitialHeader): Uint8Array {
  const idsEnd = 1 + VERSION_BYTES + 2 + sourceId.length + destinationId.length;
  const bytes = new Uint8Array(idsEnd + VERSION_BYTES);
  bytes[0] = FIRST_BYTE;
  bytes[5] = sourceId.length;
  bytes.set(sourceId, 6);
  bytes[6 + sourceId.length] = destinationId.length;
  bytes.set(destinationId, 7 + sourceId.length);
  new DataView(bytes.buffer).setUint32(idsEnd, SECRET_REFUSED);
  return bytes;
}

/** For a datagram of version 0: true when it says that. */
export function isSecretRefusal(datagram: Uint8Array): boolean {
  const sourceAt = 6 + (datagram[5] ?? 0);
  const versionsAt = sourceAt + 1 + (datagram[sourceAt] ?? 0);
  if (datagram.length !== versionsAt + VERSION_BYTES) return false;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  return view.getUint32(versionsAt) === SECRET_REFUSED;
}
