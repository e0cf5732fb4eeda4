/**
 * Statements by which a key names the one that follows it: signed by the old key, for one node of
 * one cluster, numbered. Whoever has pinned any of the keys follows the statements to the newest.
 */
import { Reader } from '../core/wire/reader.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { Writer } from '../core/wire/writer.ts';
import { ENDORSEMENT_BYTES_MAX } from '../limits.ts';
import { isSignedBy, SIGNATURE_BYTES, signatureOf, signedBytes } from './signature.ts';

/** Whose keys they are: a statement for another node or cluster is none. */
export interface KeyOwner {
  readonly cluster: string;
  readonly name: string;
}

export interface Endorsement {
  /** Raw, 32 bytes. */
  readonly oldKey: Uint8Array;
  /** Raw, 32 bytes. */
  readonly newKey: Uint8Array;
  /** From 1, greater with every rotation of the node. */
  readonly seq: number;
  readonly signature: Uint8Array;
}

/** How a key was reached from one that was known. */
export interface Succession {
  /** Of the last statement. */
  readonly seq: number;
  /** The key that made the last statement. */
  readonly previousKey: Uint8Array;
  /** All keys before it, newest first; the known one is the last of them. */
  readonly keys: readonly Uint8Array[];
}

export interface SuccessionQuestion {
  /** Statements as they came, oldest first. */
  readonly endorsements: readonly Uint8Array[];
  readonly owner: KeyOwner;
  /** The key that is known. */
  readonly from: Uint8Array;
  /** The key that was proven. */
  readonly to: Uint8Array;
  /** Statements up to this number were followed already; default 0. */
  readonly above?: number | undefined;
}

const LABEL = 'barrel-p2p rotation 1';
const COUNTERSIGNED = 'barrel-p2p rotation countersigned 1';
const KEY_BYTES = 32;

/** The statement of the holder of the old key, as it travels: 150 bytes or less. */
export function endorse(
  privateKeyPem: string,
  { oldKey, newKey, seq }: Omit<Endorsement, 'signature'>,
  owner: KeyOwner,
): Uint8Array {
  const signature = signatureOf(privateKeyPem, bytesToSign({ oldKey, newKey, seq }, owner));
  return new Writer().bytes(oldKey).bytes(newKey).uint(seq).bytes(signature).take().slice();
}

/** @throws WireError for anything that is no statement; says nothing about who made it. */
export function decodeEndorsement(bytes: Uint8Array): Endorsement {
  if (bytes.length > ENDORSEMENT_BYTES_MAX) throw new WireError('endorsement above its bound');
  const reader = new Reader(bytes);
  const endorsement = {
    oldKey: exactly(reader, KEY_BYTES),
    newKey: exactly(reader, KEY_BYTES),
    seq: reader.uint(),
    signature: exactly(reader, SIGNATURE_BYTES),
  };
  reader.end();
  return endorsement;
}

/** True when the old key made that statement for this node of this cluster. */
export function isEndorsedBy(endorsement: Endorsement, owner: KeyOwner): boolean {
  const { oldKey, signature } = endorsement;
  return isSignedBy(oldKey, bytesToSign(endorsement, owner), signature);
}

/**
 * By the key that a statement names, where no TLS proves it: else a node could name the key of
 * another one, and have it taken for its own.
 */
export function countersign(
  privateKeyPem: string,
  statement: Uint8Array,
  owner: KeyOwner,
): Uint8Array {
  const bytes = bytesToSign(decodeEndorsement(statement), owner, COUNTERSIGNED);
  return signatureOf(privateKeyPem, bytes);
}

/** True when the new key has countersigned that statement for this node of this cluster. */
export function isCountersigned(
  endorsement: Endorsement,
  countersignature: Uint8Array,
  owner: KeyOwner,
): boolean {
  const bytes = bytesToSign(endorsement, owner, COUNTERSIGNED);
  return isSignedBy(endorsement.newKey, bytes, countersignature);
}

/**
 * How the proven key follows from the known one; undefined when the statements do not say so. Takes
 * hostile bytes and never throws.
 */
export function successionOf(question: SuccessionQuestion): Succession | undefined {
  const { endorsements, owner, from, to, above = 0 } = question;
  const statements = statementsOf(endorsements);
  const first = statements.findIndex(({ oldKey }) => isEqual(oldKey, from));
  if (first < 0) return undefined;
  let succession: Succession = { seq: above, previousKey: from, keys: [] };
  let key = from;
  for (const statement of statements.slice(first)) {
    const isNext = isEqual(statement.oldKey, key) && statement.seq > succession.seq;
    if (!isNext || !isEndorsedBy(statement, owner)) return undefined;
    succession = { seq: statement.seq, previousKey: key, keys: [key, ...succession.keys] };
    key = statement.newKey;
  }
  return isEqual(key, to) ? succession : undefined;
}

/**
 * The keys whose statements lead to the proven one, newest first: of whoever is met for the first
 * time. Takes hostile bytes and never throws.
 */
export function keysBefore(
  to: Uint8Array,
  endorsements: readonly Uint8Array[],
  owner: KeyOwner,
): readonly Uint8Array[] {
  const keys: Uint8Array[] = [];
  let key = to;
  for (const statement of [...statementsOf(endorsements)].reverse()) {
    if (!isEqual(statement.newKey, key) || !isEndorsedBy(statement, owner)) break;
    key = statement.oldKey;
    keys.push(key);
  }
  return keys;
}

/**
 * True when the key before the known one has also endorsed another key under the same number: one
 * of the two statements was made by a thief.
 */
export function isForked(
  endorsements: readonly Uint8Array[],
  known: Omit<Succession, 'keys'> & { readonly publicKey: Uint8Array },
  owner: KeyOwner,
): boolean {
  return statementsOf(endorsements).some(
    (statement) =>
      statement.seq === known.seq &&
      isEqual(statement.oldKey, known.previousKey) &&
      !isEqual(statement.newKey, known.publicKey) &&
      isEndorsedBy(statement, owner),
  );
}

/** The statements that can be read; none when one of them cannot. */
export function statementsOf(endorsements: readonly Uint8Array[]): readonly Endorsement[] {
  try {
    return endorsements.map(decodeEndorsement);
  } catch (error) {
    if (error instanceof WireError) return [];
    throw error;
  }
}

function bytesToSign(
  { oldKey, newKey, seq }: Omit<Endorsement, 'signature'>,
  { cluster, name }: KeyOwner,
  label: string = LABEL,
): Uint8Array {
  return signedBytes(label, [cluster, name, oldKey, newKey, seq]);
}

function exactly(reader: Reader, length: number): Uint8Array {
  const bytes = new Uint8Array(reader.bytes(length));
  if (bytes.length !== length) throw new WireError(`not ${length} bytes`);
  return bytes;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
