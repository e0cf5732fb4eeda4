/**
 * The messages of admission. HELLO says who its sender claims to be; ACCEPT and REJECT judge the
 * other end's HELLO; ASK and KEYS come before it where a key was rotated. They are the first bytes
 * of ours that a stranger can send, so every field is bounded here and believed nowhere before
 * `admission.ts` has judged it.
 */
import { type Address, isAddress } from '../core/names.ts';
import { printable } from '../core/printable.ts';
import { Reader } from '../core/wire/reader.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { Writer } from '../core/wire/writer.ts';
import type { RefusalReason } from '../errors.ts';
import {
  ADDRESS_BYTES_MAX,
  ADDRESSES_MAX,
  CLUSTER_NAME_BYTES_MAX,
  ENDORSEMENT_BYTES_MAX,
  ENDORSEMENTS_MAX,
  HELLO_NAME_BYTES_MAX,
  PROOF_BYTES_MAX,
  REASON_BYTES_MAX,
} from '../limits.ts';
import { CERTIFICATE_BYTES_MAX } from './identity-limits.ts';

/** Oldest and newest version of the protocol that this release speaks. */
export const PROTOCOL_VERSION_MIN = 1;
export const PROTOCOL_VERSION_MAX = 1;

export interface Hello {
  readonly kind: 'hello';
  /** Of the sender on this connection. */
  readonly role: 'dialer' | 'acceptor';
  readonly versionMin: number;
  readonly versionMax: number;
  readonly cluster: string;
  /** Claimed; may break the rules of names. */
  readonly name: string;
  /** Start id of the sender. */
  readonly incarnation: bigint;
  /** Where others should dial the sender, at most 8. */
  readonly addresses: readonly Address[];
  /** The sender has no data directory: its key ends with it. */
  readonly ephemeral: boolean;
  readonly heartbeatMs: number;
  /** 0 = not set. */
  readonly ringSize: number;
  readonly wallMs: number;
  /** Bit set; unknown bits are ignored. */
  readonly features: number;
  /** Statements of rotated keys, oldest first. */
  readonly endorsements: readonly Uint8Array[];
  /** Name of the node that a dialer means; undefined when it knows an address only. */
  readonly dialled: string | undefined;
  /** Proof of the join secret; undefined without one. */
  readonly proof: Uint8Array | undefined;
  /** What an operator says of the sender's key, see `node-certificate.ts`. */
  readonly certificate: Uint8Array | undefined;
}

/** A HELLO of a release that speaks no version of ours: nothing behind the versions can be read. */
export interface ForeignHello {
  readonly kind: 'foreignHello';
  readonly versionMin: number;
  readonly versionMax: number;
}

/** A dialer that has pinned another key for that name asks, before its HELLO, how they follow. */
export interface Ask {
  readonly kind: 'ask';
}

/** The answer: the statements of rotated keys, oldest first. */
export interface Keys {
  readonly kind: 'keys';
  readonly endorsements: readonly Uint8Array[];
}

export interface Accept {
  readonly kind: 'accept';
}

/** `superseded`: the other of two connections that both ends dialled at once was kept. */
export type RejectReason = RefusalReason | 'superseded';

export interface Reject {
  readonly kind: 'reject';
  readonly reason: RejectReason;
  /** With `stale-incarnation`: the greatest incarnation seen for that name. */
  readonly seenIncarnation: bigint | undefined;
  /** For people. Printable ASCII. */
  readonly detail: string;
}

export type AdmissionMessage = Hello | ForeignHello | Ask | Keys | Accept | Reject;

const HELLO = 1;
const ACCEPT = 2;
const REJECT = 3;
const ASK = 4;
const KEYS = 5;
const INCARNATION_MAX = 2n ** 63n - 1n;
const REASON_NAME_BYTES_MAX = 32;

const REASONS: ReadonlySet<string> = new Set<RejectReason>([
  'protocol-version',
  'cluster',
  'secret',
  'name',
  'name-taken',
  'key-mismatch',
  'not-trusted',
  'revoked',
  'certificate',
  'stale-incarnation',
  'parameters',
  'clock',
  'overloaded',
  'blocked',
  'superseded',
]);

/** The versions stay in front in every release, so that a stranger's can always be read. */
export function encodeHello(hello: Omit<Hello, 'kind'>): Uint8Array {
  const writer = new Writer().uint(HELLO).uint(hello.versionMin).uint(hello.versionMax);
  return writer
    .bool(hello.role === 'dialer')
    .string(hello.cluster)
    .string(hello.name)
    .big(hello.incarnation)
    .list(hello.addresses, (w, address) => w.string(address))
    .bool(hello.ephemeral)
    .uint(hello.heartbeatMs)
    .uint(hello.ringSize)
    .uint(Math.max(0, Math.trunc(hello.wallMs)))
    .uint(hello.features)
    .list(hello.endorsements, (w, statement) => w.bytes(statement))
    .optional(hello.dialled, (w, name) => w.string(name))
    .optional(hello.proof, (w, proof) => w.bytes(proof))
    .optional(hello.certificate, (w, certificate) => w.bytes(certificate))
    .take();
}

export function encodeAsk(): Uint8Array {
  return new Writer().uint(ASK).take();
}

export function encodeKeys(endorsements: readonly Uint8Array[]): Uint8Array {
  return new Writer()
    .uint(KEYS)
    .list(endorsements, (w, statement) => w.bytes(statement))
    .take();
}

export function encodeAccept(): Uint8Array {
  return new Writer().uint(ACCEPT).take();
}

/** The detail is cut to its bound and to printable ASCII: it may quote what the peer sent. */
export function encodeReject(reject: Omit<Reject, 'kind'>): Uint8Array {
  return new Writer()
    .uint(REJECT)
    .string(reject.reason)
    .optional(reject.seenIncarnation, (w, seen) => w.big(seen))
    .string(detailOf(reject.detail))
    .take();
}

/** @throws WireError on anything but exactly one of the messages within its bounds. */
export function decodeAdmission(bytes: Uint8Array): AdmissionMessage {
  const reader = new Reader(bytes);
  const kind = reader.uint();
  if (kind === HELLO) return readHello(reader);
  if (kind === REJECT) return readReject(reader);
  if (kind === KEYS) return readKeys(reader);
  if (kind !== ACCEPT && kind !== ASK) throw new WireError('no message of admission');
  reader.end();
  return { kind: kind === ASK ? 'ask' : 'accept' };
}

function readHello(reader: Reader): Hello | ForeignHello {
  const versionMin = reader.uint();
  const versionMax = reader.uint();
  if (versionMin > PROTOCOL_VERSION_MAX || versionMax < PROTOCOL_VERSION_MIN) {
    return { kind: 'foreignHello', versionMin, versionMax };
  }
  const hello: Hello = {
    kind: 'hello',
    versionMin,
    versionMax,
    role: reader.bool() ? 'dialer' : 'acceptor',
    cluster: reader.string(CLUSTER_NAME_BYTES_MAX),
    name: reader.string(HELLO_NAME_BYTES_MAX),
    incarnation: readIncarnation(reader),
    addresses: reader.list(ADDRESSES_MAX, readAddress),
    ephemeral: reader.bool(),
    heartbeatMs: reader.uint(),
    ringSize: reader.uint(),
    wallMs: reader.uint(),
    features: reader.uint(),
    endorsements: readEndorsements(reader),
    dialled: reader.optional((r) => r.string(HELLO_NAME_BYTES_MAX)),
    proof: reader.optional((r) => new Uint8Array(r.bytes(PROOF_BYTES_MAX))),
    certificate: reader.optional((r) => new Uint8Array(r.bytes(CERTIFICATE_BYTES_MAX))),
  };
  reader.end();
  return hello;
}

function readKeys(reader: Reader): Keys {
  const endorsements = readEndorsements(reader);
  reader.end();
  return { kind: 'keys', endorsements };
}

function readEndorsements(reader: Reader): Uint8Array[] {
  return reader.list(ENDORSEMENTS_MAX, (r) => new Uint8Array(r.bytes(ENDORSEMENT_BYTES_MAX)));
}

/** The REJECT in a frame, undefined when it is another one. @throws WireError when it is broken. */
export function decodeReject(frame: Uint8Array): Reject | undefined {
  return frame[0] === REJECT ? readReject(new Reader(frame.subarray(1))) : undefined;
}

function readReject(reader: Reader): Reject {
  const reason = reader.string(REASON_NAME_BYTES_MAX);
  if (!isRejectReason(reason)) throw new WireError('unknown reason of a refusal');
  const seenIncarnation = reader.optional(readIncarnation);
  const detail = detailOf(reader.string(REASON_BYTES_MAX));
  reader.end();
  return { kind: 'reject', reason, seenIncarnation, detail };
}

function readIncarnation(reader: Reader): bigint {
  const incarnation = reader.big();
  if (incarnation > INCARNATION_MAX) throw new WireError('incarnation out of range');
  return incarnation;
}

function readAddress(reader: Reader): Address {
  const address = reader.string(ADDRESS_BYTES_MAX);
  if (!isAddress(address)) throw new WireError('not an address');
  return address;
}

/** True for the reasons that a REJECT may give. */
export function isRejectReason(text: string): text is RejectReason {
  return REASONS.has(text);
}

function detailOf(text: string): string {
  return printable(text).slice(0, REASON_BYTES_MAX);
}
