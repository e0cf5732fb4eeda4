/**
 * Signatures of ours: Ed25519 over labelled parts, each behind its length, so that no two
 * statements of different meaning have the same bytes.
 */
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';

export const SIGNATURE_BYTES = 64;
/** What SPKI puts before the 32 raw bytes of an Ed25519 key (RFC 8410, section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

export type Part = string | number | bigint | Uint8Array;

/** A label, then each part as bytes behind a length of 32 bits; numbers are 64 bits. */
export function signedBytes(label: string, parts: readonly Part[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (const part of [label, ...parts]) {
    const bytes = bytesOf(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    chunks.push(length, bytes);
  }
  return Buffer.concat(chunks);
}

/** 64 bytes. `privateKeyPem` is PKCS #8 of an Ed25519 key. */
export function signatureOf(privateKeyPem: string, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, bytes, createPrivateKey(privateKeyPem)));
}

/** Never throws, whatever key and signature are. `publicKey` is raw, 32 bytes. */
export function isSignedBy(
  publicKey: Uint8Array,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const key = Buffer.concat([SPKI_PREFIX, publicKey]);
    const spki = createPublicKey({ key, format: 'der', type: 'spki' });
    return verify(null, bytes, spki, signature);
  } catch {
    // No point of the curve: nobody signs with it.
    return false;
  }
}

/** SPKI in PEM of a raw 32-byte key. */
export function publicKeyPem(publicKey: Uint8Array): string {
  const key = Buffer.concat([SPKI_PREFIX, publicKey]);
  const spki = createPublicKey({ key, format: 'der', type: 'spki' });
  return String(spki.export({ format: 'pem', type: 'spki' }));
}

function bytesOf(part: Part): Uint8Array {
  if (typeof part === 'string') return Buffer.from(part);
  if (part instanceof Uint8Array) return part;
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(part));
  return number;
}
