/**
 * What an operator's key says of a node's: whose names it may have, and when. Not X.509: a few
 * fields in one spelling, signed. An operator may let another key issue for a part of the names;
 * then the issuer's own certificate stands before the node's, and there is no third.
 */
import { Reader } from '../core/wire/reader.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { Writer } from '../core/wire/writer.ts';
import { CLOCK_SKEW_MS_MAX, NODE_NAME_BYTES_MAX } from '../limits.ts';
import { type KeyOwner, successionOf } from './endorsement.ts';
import { CERTIFICATE_BYTES_MAX, CERTIFICATE_CHAIN_MAX } from './identity-limits.ts';
import { isNamePattern, matchesName } from './name-pattern.ts';
import { isSignedBy, SIGNATURE_BYTES, signatureOf, signedBytes } from './signature.ts';

export interface CertificateFields {
  /** Names that the key may have, see `name-pattern.ts`. */
  readonly pattern: string;
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Names the certificate; of two for one name the greater one is the later one. */
  readonly serial: bigint;
  /** Wall clock. */
  readonly notBeforeMs: number;
  /** Wall clock. */
  readonly notAfterMs: number;
  /** The key is no node's: it issues certificates for names of the pattern. */
  readonly mayIssue: boolean;
}

export interface NodeCertificate extends CertificateFields {
  readonly signature: Uint8Array;
}

/** What a key rests on: the operator's word against any of it counts against the key. */
export interface Grounds {
  /** Of certificates. */
  readonly serials: readonly bigint[];
  /** Raw keys, the proven one too. */
  readonly keys: readonly Uint8Array[];
}

/** What was certified. */
export interface Certified extends Grounds {
  /** Of the node's certificate. */
  readonly serial: bigint;
  /** From the key of the node's certificate to the proven one. */
  readonly rotations: number;
  /** The first of them ends then. */
  readonly notAfterMs: number;
}

/** Whose certificate it should be. */
export interface CertificateQuestion {
  /** Raw key of the operator. */
  readonly authorityKey: Uint8Array;
  readonly owner: KeyOwner;
  /** The key that was proven. */
  readonly publicKey: Uint8Array;
  /** A key that was certified may have endorsed the one that was proven. */
  readonly endorsements: readonly Uint8Array[];
  /** Own wall clock. */
  readonly wallMs: number;
}

export type KeyQuestion = Pick<CertificateQuestion, 'owner' | 'publicKey' | 'endorsements'>;

const LABEL = 'barrel-p2p certificate 1';
const KEY_BYTES = 32;
const TIME_MS_MAX = 8_640_000_000_000_000;

/** One certificate behind those of its issuer, if there is one. */
export function issue(
  issuerPrivateKeyPem: string,
  fields: CertificateFields,
  issuer: readonly NodeCertificate[] = [],
): Uint8Array {
  const signature = signatureOf(issuerPrivateKeyPem, bytesToSign(fields));
  return encodeCertificates([...issuer, { ...fields, signature }]);
}

/**
 * The certificates in that order, the node's last.
 * @throws WireError unless it is one or two certificates, whoever made them.
 */
export function decodeCertificates(bytes: Uint8Array): readonly NodeCertificate[] {
  if (bytes.length > CERTIFICATE_BYTES_MAX) throw new WireError('certificate above its bound');
  const reader = new Reader(bytes);
  const chain = reader.list(CERTIFICATE_CHAIN_MAX, readCertificate);
  reader.end();
  if (chain.length === 0) throw new WireError('no certificate');
  return chain;
}

/**
 * Holds certificates against the operator's key, the name and the proven key. A sentence says what
 * is wrong. Takes hostile bytes and never throws.
 */
export function judgeCertificates(
  bytes: Uint8Array | undefined,
  question: CertificateQuestion,
): Certified | string {
  if (bytes === undefined) return 'a certificate is required here';
  const chain = chainOf(bytes);
  const leaf = chain?.at(-1);
  if (chain === undefined || leaf === undefined) return 'unreadable certificate';
  const fault = chainFault(chain, question);
  if (fault !== undefined) return fault;
  const former = keysFrom(leaf, question);
  if (former === undefined) return 'for another key';
  return {
    serial: leaf.serial,
    serials: chain.map(({ serial }) => serial),
    keys: [question.publicKey, ...former, ...chain.map(({ publicKey }) => publicKey)],
    rotations: former.length,
    notAfterMs: Math.min(...chain.map(({ notAfterMs }) => notAfterMs)),
  };
}

/** True when the certificate is for that key, or one that has led to it by those statements. */
export function isCertificateFor(bytes: Uint8Array, question: KeyQuestion): boolean {
  const leaf = chainOf(bytes)?.at(-1);
  return leaf !== undefined && keysFrom(leaf, question) !== undefined;
}

function chainFault(
  chain: readonly NodeCertificate[],
  { authorityKey, owner, wallMs }: CertificateQuestion,
): string | undefined {
  let signer = authorityKey;
  for (const [at, certificate] of chain.entries()) {
    const { pattern, publicKey, signature, mayIssue, notBeforeMs, notAfterMs } = certificate;
    if (!isSignedBy(signer, bytesToSign(certificate), signature)) return 'not of this authority';
    if (mayIssue !== at < chain.length - 1) return 'an issuer where a node should be, or none';
    if (!matchesName(pattern, owner.name)) return `for ${pattern}, not ${owner.name}`;
    if (wallMs < notBeforeMs - CLOCK_SKEW_MS_MAX) return 'not valid yet';
    if (wallMs > notAfterMs) return `expired at ${new Date(notAfterMs).toISOString()}`;
    signer = publicKey;
  }
  return undefined;
}

/** Those that lead from the certified key to the proven one; undefined when it is another one. */
function keysFrom(
  { publicKey: from }: NodeCertificate,
  { publicKey: to, endorsements, owner }: KeyQuestion,
): readonly Uint8Array[] | undefined {
  if (Buffer.compare(from, to) === 0) return [];
  return successionOf({ endorsements, owner, from, to })?.keys;
}

function chainOf(bytes: Uint8Array): readonly NodeCertificate[] | undefined {
  try {
    return decodeCertificates(bytes);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function encodeCertificates(chain: readonly NodeCertificate[]): Uint8Array {
  const writer = new Writer().list(chain, (w, certificate) => {
    const { pattern, publicKey, serial, notBeforeMs, notAfterMs, mayIssue } = certificate;
    w.string(pattern).bytes(publicKey).big(serial).uint(notBeforeMs).uint(notAfterMs);
    return w.bool(mayIssue).bytes(certificate.signature);
  });
  return writer.take().slice();
}

function readCertificate(reader: Reader): NodeCertificate {
  const certificate = {
    pattern: reader.string(NODE_NAME_BYTES_MAX),
    publicKey: exactly(reader, KEY_BYTES),
    serial: reader.big(),
    notBeforeMs: reader.uint(TIME_MS_MAX),
    notAfterMs: reader.uint(TIME_MS_MAX),
    mayIssue: reader.bool(),
    signature: exactly(reader, SIGNATURE_BYTES),
  };
  if (!isNamePattern(certificate.pattern)) throw new WireError('no pattern of names');
  return certificate;
}

function bytesToSign(fields: CertificateFields): Uint8Array {
  const { pattern, publicKey, serial, notBeforeMs, notAfterMs, mayIssue } = fields;
  const times = [notBeforeMs, notAfterMs] as const;
  return signedBytes(LABEL, [pattern, publicKey, serial, ...times, mayIssue ? 1 : 0]);
}

function exactly(reader: Reader, length: number): Uint8Array {
  const bytes = new Uint8Array(reader.bytes(length));
  if (bytes.length !== length) throw new WireError(`not ${length} bytes`);
  return bytes;
}
