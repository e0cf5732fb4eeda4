/**
 * An operator's word that a certificate or a key counts no more, for good. Signed, so that whoever
 * passes it on can neither make nor change one.
 */
import { Reader } from '../core/wire/reader.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { Writer } from '../core/wire/writer.ts';
import { REVOCATIONS_MAX } from './identity-limits.ts';
import { isSignedBy, SIGNATURE_BYTES, signatureOf, signedBytes } from './signature.ts';

/** Decimal digits of a serial, or a raw key. */
export type Revoked =
  | { readonly kind: 'serial'; readonly serial: bigint }
  | { readonly kind: 'key'; readonly publicKey: Uint8Array };

export interface Revocation {
  readonly revoked: Revoked;
  /** Wall clock of the operator. */
  readonly atMs: number;
  readonly signature: Uint8Array;
}

const LABEL = 'barrel-p2p revocation 1';
const KEY_BYTES = 32;

/** The signed word, as it travels: at most 120 bytes. */
export function revoke(privateKeyPem: string, revoked: Revoked, atMs: number): Uint8Array {
  const signature = signatureOf(privateKeyPem, bytesToSign(revoked, atMs));
  const writer = new Writer().bool(revoked.kind === 'serial');
  if (revoked.kind === 'serial') writer.big(revoked.serial);
  else writer.bytes(revoked.publicKey);
  return writer.uint(atMs).bytes(signature).take().slice();
}

/** Undefined for anything that the operator did not sign. Takes hostile bytes, never throws. */
export function readRevocation(
  bytes: Uint8Array,
  authorityKey: Uint8Array,
): Revocation | undefined {
  const revocation = decode(bytes);
  if (revocation === undefined) return undefined;
  const { revoked, atMs, signature } = revocation;
  return isSignedBy(authorityKey, bytesToSign(revoked, atMs), signature) ? revocation : undefined;
}

/** Names what is revoked, in bytes as characters: one for each certificate or key. */
export function revokedId(revoked: Revoked): string {
  return revoked.kind === 'serial'
    ? `s${revoked.serial}`
    : `k${Buffer.from(revoked.publicKey).toString('hex')}`;
}

/** Those that this node goes by. They only ever grow, up to 4,096. */
export class Revocations {
  readonly #byId = new Map<
    string,
    { readonly revocation: Revocation; readonly bytes: Uint8Array }
  >();

  /** False for one that is known, or for which there is no room. */
  add(revocation: Revocation, bytes: Uint8Array): boolean {
    const id = revokedId(revocation.revoked);
    if (this.#byId.has(id) || this.isFull) return false;
    this.#byId.set(id, { revocation, bytes: bytes.slice() });
    return true;
  }

  get isFull(): boolean {
    return this.#byId.size >= REVOCATIONS_MAX;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  hasKey(publicKey: Uint8Array): boolean {
    return this.#byId.size > 0 && this.has(revokedId({ kind: 'key', publicKey }));
  }

  hasSerial(serial: bigint): boolean {
    return this.#byId.size > 0 && this.has(revokedId({ kind: 'serial', serial }));
  }

  /** All, with the bytes that were signed. */
  *all(): IterableIterator<
    readonly [id: string, { readonly revocation: Revocation; readonly bytes: Uint8Array }]
  > {
    yield* this.#byId;
  }
}

function decode(bytes: Uint8Array): Revocation | undefined {
  try {
    const reader = new Reader(bytes);
    const revoked = readRevoked(reader);
    const atMs = reader.uint();
    const signature = exactly(reader, SIGNATURE_BYTES);
    reader.end();
    return { revoked, atMs, signature };
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function readRevoked(reader: Reader): Revoked {
  if (reader.bool()) return { kind: 'serial', serial: reader.big() };
  return { kind: 'key', publicKey: exactly(reader, KEY_BYTES) };
}

function bytesToSign(revoked: Revoked, atMs: number): Uint8Array {
  const what = revoked.kind === 'serial' ? revoked.serial : revoked.publicKey;
  return signedBytes(LABEL, [revoked.kind, what, atMs]);
}

function exactly(reader: Reader, length: number): Uint8Array {
  const bytes = new Uint8Array(reader.bytes(length));
  if (bytes.length !== length) throw new WireError(`not ${length} bytes`);
  return bytes;
}
