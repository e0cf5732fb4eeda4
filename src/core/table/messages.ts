/**
 * The message of the table and its frame: one kind, then positional fields. Kinds 40 to 47 of the
 * control channel are the table's.
 */
import {
  KEY_BYTES_MAX,
  SMALL_VALUE_BYTES_MAX,
  TABLE_BATCH_MAX,
  TABLE_VERSION_MAX,
} from '../../limits.ts';
import { readIncarnation, readNode } from '../membership/peer.ts';
import { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';
import type { TableEntry } from './contract.ts';

export interface TableMessage {
  readonly kind: 'entries';
  readonly entries: readonly TableEntry[];
}

const ENTRIES = 40;

/** True for the frame kinds of the table, 40 to 47, also those that no message has yet. */
export function isTableKind(kind: number): boolean {
  return kind >= 40 && kind <= 47;
}

/** Encodes a message as a whole frame that begins with its kind. */
export function encodeTable(message: TableMessage): Uint8Array {
  return new Writer().uint(ENTRIES).list(message.entries, writeEntry).take();
}

/**
 * Decodes a whole frame; what is kept is copied out of it.
 * @throws WireError when it is no message of the table, breaks a bound, or has bytes left.
 */
export function decodeTable(frame: Uint8Array): TableMessage {
  const reader = new Reader(frame);
  const kind = reader.uint();
  if (kind !== ENTRIES) throw new WireError(`no message of the table has kind ${kind}`);
  const entries = reader.list(TABLE_BATCH_MAX, readEntry);
  reader.end();
  return { kind: 'entries', entries };
}

function writeEntry(writer: Writer, { owner, key, version, value }: TableEntry): void {
  writer.string(owner.node).big(owner.incarnation).string(key).uint(version);
  writer.optional(value, (w, bytes) => w.bytes(bytes));
}

function readEntry(reader: Reader): TableEntry {
  const node = readNode(reader);
  const incarnation = readIncarnation(reader, node);
  const key = reader.string(KEY_BYTES_MAX);
  const version = reader.uint(TABLE_VERSION_MAX);
  const value = reader.optional((r) => r.bytes(SMALL_VALUE_BYTES_MAX).slice());
  return { owner: { node, incarnation }, key, version, value };
}
