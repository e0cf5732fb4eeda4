/**
 * The messages of the roster and of the failure detector, and their frames: one kind, then
 * positional fields. Kinds 32 to 39 of the control channel are theirs. Entries travel in broadcasts
 * too, without a kind.
 */
import { ROSTER_BATCH_MAX, ROSTER_ENTRIES_MAX } from '../../limits.ts';
import { readNode } from '../membership/peer.ts';
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';
import { DIGEST_BUCKETS } from './digest.ts';
import type { RosterEntry } from './entry.ts';
import { readEntry, writeEntry } from './entry-codec.ts';

/** `greeting`: a new link. `repair`: answer with `answer` if they differ. */
export type DigestPurpose = 'greeting' | 'repair' | 'answer';

export interface RosterMessage {
  readonly kind: 'digest';
  readonly purpose: DigestPurpose;
  /** Entries that the sender holds, at most `ROSTER_ENTRIES_MAX`. */
  readonly entryCount: number;
  /** One hash of 32 bits for each of 256 buckets. */
  readonly buckets: Uint32Array;
}

/** A page of what a neighbour's roster says. */
export interface EntriesMessage {
  readonly kind: 'entries';
  readonly entries: readonly RosterEntry[];
}

/** The names along which an audit travels, both ends included; at most `ROUTE_NODES_MAX`. */
export type Route = readonly NodeName[];

/** 16 hops. */
export const ROUTE_NODES_MAX = 17;

export type DetectorMessage =
  /** Answer with `pong`. `isNeighbor`: the sender has the receiver in its active view. */
  | { readonly kind: 'ping'; readonly isNeighbor: boolean }
  /** Nothing but a sign of life. */
  | { readonly kind: 'pong' }
  /** The sender hears nothing of the target: does the receiver? */
  | { readonly kind: 'pingRequest'; readonly nonce: number; readonly target: NodeName }
  | { readonly kind: 'pingAnswer'; readonly nonce: number; readonly isAlive: boolean }
  /** On its way to the last node of the route; the receiver is the one at `position`. */
  | AuditMessage<'audit'>
  /** On its way back to the first node of the route. */
  | AuditMessage<'audited'>;

export interface AuditMessage<K extends 'audit' | 'audited'> {
  readonly kind: K;
  readonly nonce: number;
  readonly route: Route;
  readonly position: number;
}

/** All that frames of kinds 32 to 39 carry. */
export type LivenessMessage = RosterMessage | EntriesMessage | DetectorMessage;

const ENTRIES = 32;
const DIGEST = 33;
const PING = 34;
const PONG = 35;
const PING_REQUEST = 36;
const PING_ANSWER = 37;
const AUDIT = 38;
const AUDITED = 39;

const PURPOSES: readonly DigestPurpose[] = ['greeting', 'repair', 'answer'];
const DIGEST_BYTES = 4 * DIGEST_BUCKETS;

/** True for the frame kinds of the roster and the failure detector, 32 to 39. */
export function isLivenessKind(kind: number): boolean {
  return kind >= 32 && kind <= 39;
}

/** Encodes a message as a whole frame that begins with its kind. */
export function encodeLiveness(message: LivenessMessage): Uint8Array {
  const writer = new Writer();
  switch (message.kind) {
    case 'entries':
      writer.uint(ENTRIES).list(message.entries, writeEntry);
      break;
    case 'digest':
      writer.uint(DIGEST).uint(PURPOSES.indexOf(message.purpose));
      writer.uint(Math.min(message.entryCount, ROSTER_ENTRIES_MAX)).bytes(toBytes(message.buckets));
      break;
    case 'ping':
      writer.uint(PING).bool(message.isNeighbor);
      break;
    case 'pong':
      writer.uint(PONG);
      break;
    case 'pingRequest':
      writer.uint(PING_REQUEST).uint(message.nonce).string(message.target);
      break;
    case 'pingAnswer':
      writer.uint(PING_ANSWER).uint(message.nonce).bool(message.isAlive);
      break;
    case 'audit':
    case 'audited':
      writer.uint(message.kind === 'audit' ? AUDIT : AUDITED).uint(message.nonce);
      writer.uint(message.position).list(message.route, (w, node) => w.string(node));
      break;
    default:
      unreachable(message);
  }
  return writer.take();
}

/**
 * Decodes a whole frame; what is kept is copied out of it.
 * @throws WireError when it is no message of these, breaks a bound, or has bytes left.
 */
export function decodeLiveness(frame: Uint8Array): LivenessMessage {
  const reader = new Reader(frame);
  const message = readMessage(reader);
  reader.end();
  return message;
}

/** Encodes the payload of a broadcast; at most `ROSTER_BATCH_MAX` entries. */
export function encodeEntries(entries: readonly RosterEntry[]): Uint8Array {
  return new Writer().list(entries, writeEntry).take();
}

/**
 * Decodes the payload of a broadcast; what is kept is copied out of it.
 * @throws WireError when it is no list of entries, breaks a bound, or has bytes left.
 */
export function decodeEntries(payload: Uint8Array): readonly RosterEntry[] {
  const reader = new Reader(payload);
  const entries = reader.list(ROSTER_BATCH_MAX, readEntry);
  reader.end();
  return entries;
}

function readMessage(reader: Reader): LivenessMessage {
  const kind = reader.uint();
  switch (kind) {
    case ENTRIES:
      return { kind: 'entries', entries: reader.list(ROSTER_BATCH_MAX, readEntry) };
    case DIGEST:
      return readDigest(reader);
    case PING:
      return { kind: 'ping', isNeighbor: reader.bool() };
    case PONG:
      return { kind: 'pong' };
    case PING_REQUEST:
      return { kind: 'pingRequest', nonce: reader.uint(), target: readNode(reader) };
    case PING_ANSWER:
      return { kind: 'pingAnswer', nonce: reader.uint(), isAlive: reader.bool() };
    case AUDIT:
      return readAudit(reader, 'audit');
    case AUDITED:
      return readAudit(reader, 'audited');
    default:
      throw new WireError(`no message of the roster has kind ${kind}`);
  }
}

function readDigest(reader: Reader): RosterMessage {
  const purpose = PURPOSES[reader.uint(PURPOSES.length - 1)];
  if (purpose === undefined) throw new WireError('no such purpose');
  const entryCount = reader.uint(ROSTER_ENTRIES_MAX);
  const bytes = reader.bytes(DIGEST_BYTES);
  if (bytes.length !== DIGEST_BYTES) throw new WireError('not a digest');
  return { kind: 'digest', purpose, entryCount, buckets: fromBytes(bytes) };
}

function readAudit<K extends 'audit' | 'audited'>(reader: Reader, kind: K): AuditMessage<K> {
  const nonce = reader.uint();
  const position = reader.uint(ROUTE_NODES_MAX - 1);
  const route = reader.list(ROUTE_NODES_MAX, readNode);
  if (position >= route.length) throw new WireError('not on its route');
  return { kind, nonce, route, position };
}

function toBytes(buckets: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(DIGEST_BYTES);
  const view = new DataView(bytes.buffer);
  buckets.forEach((hash, i) => void view.setUint32(4 * i, hash, true));
  return bytes;
}

function fromBytes(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Uint32Array.from({ length: DIGEST_BUCKETS }, (_, i) => view.getUint32(4 * i, true));
}
