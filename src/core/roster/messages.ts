/**
 * The messages of the roster and of the heartbeats, and their frames: one kind, then positional
 * fields. Kinds 32 to 39 of the control channel are theirs.
 */
import {
  ADDRESSES_MAX,
  FINGERPRINT_BYTES_MAX,
  META_BYTES_MAX,
  REFUTATION_MAX,
  ROSTER_BATCH_MAX,
  VERSION_BYTES_MAX,
  ZONE_BYTES_MAX,
} from '../../limits.ts';
import { readAddress, readIncarnation, readNode } from '../membership/peer.ts';
import { unreachable } from '../unreachable.ts';
import { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';
import type { MemberRecord, RosterEntry, RosterStatus } from './entry.ts';

export type RosterMessage =
  | { readonly kind: 'entries'; readonly entries: readonly RosterEntry[] }
  /** Answer with `pong`. */
  | { readonly kind: 'ping' }
  /** Nothing but a sign of life. */
  | { readonly kind: 'pong' };

const ENTRIES = 32;
const PING = 33;
const PONG = 34;

const STATUSES: readonly RosterStatus[] = ['alive', 'dead', 'left'];

/** True for the frame kinds of the roster, 32 to 39, also those that no message has yet. */
export function isRosterKind(kind: number): boolean {
  return kind >= 32 && kind <= 39;
}

/** Encodes a message as a whole frame that begins with its kind. */
export function encodeRoster(message: RosterMessage): Uint8Array {
  const writer = new Writer();
  switch (message.kind) {
    case 'entries':
      writer.uint(ENTRIES).list(message.entries, writeEntry);
      break;
    case 'ping':
      writer.uint(PING);
      break;
    case 'pong':
      writer.uint(PONG);
      break;
    default:
      unreachable(message);
  }
  return writer.take();
}

/**
 * Decodes a whole frame; what is kept is copied out of it.
 * @throws WireError when it is no message of the roster, breaks a bound, or has bytes left.
 */
export function decodeRoster(frame: Uint8Array): RosterMessage {
  const reader = new Reader(frame);
  const message = readMessage(reader);
  reader.end();
  return message;
}

function readMessage(reader: Reader): RosterMessage {
  const kind = reader.uint();
  switch (kind) {
    case ENTRIES:
      return { kind: 'entries', entries: reader.list(ROSTER_BATCH_MAX, readEntry) };
    case PING:
      return { kind: 'ping' };
    case PONG:
      return { kind: 'pong' };
    default:
      throw new WireError(`no message of the roster has kind ${kind}`);
  }
}

function writeEntry(writer: Writer, entry: RosterEntry): void {
  writer.string(entry.node).big(entry.incarnation).uint(entry.refutation);
  writer.uint(STATUSES.indexOf(entry.status)).optional(entry.record, writeRecord);
}

function readEntry(reader: Reader): RosterEntry {
  const node = readNode(reader);
  const incarnation = readIncarnation(reader, node);
  const refutation = reader.uint(REFUTATION_MAX);
  const status = STATUSES[reader.uint(STATUSES.length - 1)];
  const record = reader.optional(readRecord);
  if (status === 'dead' || status === 'left') {
    return { node, incarnation, refutation, status, record };
  }
  if (record === undefined) throw new WireError('alive without a record');
  return { node, incarnation, refutation, status: 'alive', record };
}

function writeRecord(writer: Writer, record: MemberRecord): void {
  writer.list(record.addresses, (w, address) => w.string(address));
  writer.string(record.fingerprint).string(record.version);
  writer.optional(record.zone, (w, zone) => w.string(zone));
  writer.value(record.weight).bytes(record.meta);
}

function readRecord(reader: Reader): MemberRecord {
  return {
    addresses: reader.list(ADDRESSES_MAX, readAddress),
    fingerprint: reader.string(FINGERPRINT_BYTES_MAX),
    version: reader.string(VERSION_BYTES_MAX),
    zone: reader.optional((r) => r.string(ZONE_BYTES_MAX)),
    weight: readWeight(reader),
    meta: reader.bytes(META_BYTES_MAX).slice(),
  };
}

function readWeight(reader: Reader): number {
  const weight = reader.value();
  if (typeof weight !== 'number' || !(weight >= 0) || !Number.isFinite(weight)) {
    throw new WireError('not a weight');
  }
  return weight;
}
