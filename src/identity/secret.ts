/**
 * The join secret of a cluster. Each end proves that it knows it by a MAC over both keys of the TLS
 * session, so that a proof is worth nothing on any other connection or in the other direction.
 */
import { createHmac, scryptSync, timingSafeEqual } from 'node:crypto';
import { BarrelError } from '../errors.ts';
import type { Random } from '../host/host.ts';
import { SECRET_BYTES_MAX, SECRET_BYTES_MIN, SECRET_CHARS_MIN } from '../limits.ts';

export interface ProofParts {
  /** As `deriveSecretKey` made it. */
  readonly key: Uint8Array;
  /** Of the end that proves. */
  readonly role: 'dialer' | 'acceptor';
  /** Raw identity key of the end that proves. */
  readonly ownKey: Uint8Array;
  /** Raw identity key of the end that judges. */
  readonly peerKey: Uint8Array;
  readonly cluster: string;
  /** Node name of the end that proves. */
  readonly name: string;
}

const LABEL = 'barrel-p2p join proof 1';
const DERIVED_BYTES = 32;
const GENERATED_BYTES = 32;
/** 16 MiB and some 50 ms, once at a start: dear for a guesser, nothing beside a start. */
const COST = { N: 16_384, r: 8, p: 1 };

/** A new secret of 43 characters, 256 bits. */
export function generateSecret(random: Random): string {
  return Buffer.from(random.bytes(GENERATED_BYTES)).toString('base64url');
}

/**
 * The key that proofs are made with. Slow on purpose. Derived in one piece on the calling thread,
 * so that a simulated node does not depend on the real time of a thread pool.
 * @throws ERR_OPTION when the secret is too short or too long; the message does not show it.
 */
export async function deriveSecretKey(
  secret: string | Uint8Array,
  cluster: string,
): Promise<Uint8Array> {
  checkSecret(secret);
  return new Uint8Array(scryptSync(secret, cluster, DERIVED_BYTES, COST));
}

/** @throws ERR_OPTION unless it is at least 32 characters or 16 bytes, and at most 1,024 bytes. */
export function checkSecret(secret: string | Uint8Array): void {
  const isText = typeof secret === 'string';
  const isLong = secret.length >= (isText ? SECRET_CHARS_MIN : SECRET_BYTES_MIN);
  const bytes = isText ? Buffer.byteLength(secret) : secret.length;
  if (isLong && bytes <= SECRET_BYTES_MAX) return;
  throw new BarrelError(
    'ERR_OPTION',
    `\`secret\` must be a string of at least ${SECRET_CHARS_MIN} characters or at least` +
      ` ${SECRET_BYTES_MIN} bytes, at most ${SECRET_BYTES_MAX} bytes,` +
      ` received ${secret.length} ${isText ? 'characters' : 'bytes'}`,
  );
}

/** 32 bytes: HMAC-SHA-256 over the label and the parts, each behind its length. */
export function proofOf(parts: ProofParts): Uint8Array {
  const mac = createHmac('sha256', parts.key);
  const { role, ownKey, peerKey, cluster, name } = parts;
  for (const part of [LABEL, role, ownKey, peerKey, cluster, name]) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    mac.update(length).update(bytes);
  }
  return new Uint8Array(mac.digest());
}

/** Takes the same time wherever the first wrong byte is. */
export function isProof(proof: Uint8Array, parts: ProofParts): boolean {
  const expected = proofOf(parts);
  return proof.length === expected.length && timingSafeEqual(proof, expected);
}
