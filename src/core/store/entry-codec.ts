/**
 * Entries as bytes. In frames their writers stand in front, once each; on disk each entry stands
 * alone.
 */
import {
  NODE_NAME_BYTES_MAX,
  SMALL_VALUE_BYTES_MAX,
  STORE_BATCH_ENTRIES_MAX,
  STORE_KEY_BYTES_MAX,
} from '../../limits.ts';
import { readIncarnation, readNode } from '../membership/peer.ts';
import { keptBytes } from '../wire/kept-bytes.ts';
import type { Reader } from '../wire/reader.ts';
import { Reader as BytesReader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';
import { bytesOfText, textOfBytes } from './binary-text.ts';
import type { Entry, Replica } from './entry.ts';

/** What a frame spends on an entry beside key and value, at most; a writer may come with it. */
const ENTRY_OVERHEAD_BYTES = 40;

/** An upper bound of what the entry takes in a frame that names its writer already. */
export function frameBytesOf(entry: Pick<Entry, 'key' | 'value'>): number {
  return ENTRY_OVERHEAD_BYTES + entry.key.length + (entry.value?.length ?? 0);
}

/** What one more writer takes in a frame, at most. */
export const WRITER_BYTES_MAX: number = NODE_NAME_BYTES_MAX + 16;

export function writeReplica(writer: Writer, { node, incarnation }: Replica): void {
  writer.string(node).big(incarnation);
}

/** @throws WireError */
export function readReplica(reader: Reader): Replica {
  const node = readNode(reader);
  return { node, incarnation: readIncarnation(reader, node) };
}

export function writeEntries(writer: Writer, entries: readonly Entry[]): void {
  const writers = new Map<Replica, number>();
  for (const entry of entries) {
    if (!writers.has(entry.writer)) writers.set(entry.writer, writers.size);
  }
  writer.list([...writers.keys()], writeReplica);
  writer.list(entries, (w, entry) => {
    writeFields(w.uint(writers.get(entry.writer) ?? 0), entry);
  });
}

/** What is kept is copied out of the frame. @throws WireError */
export function readEntries(reader: Reader): readonly Entry[] {
  const writers = reader.list(STORE_BATCH_ENTRIES_MAX, readReplica);
  return reader.list(STORE_BATCH_ENTRIES_MAX, (r) => {
    const writer = writers[r.uint(writers.length)];
    if (writer === undefined) throw new WireError('an entry without a writer');
    return readFields(r, writer);
  });
}

/** One entry alone, for the disk. */
export function writeEntry(writer: Writer, entry: Entry): Writer {
  writeReplica(writer, entry.writer);
  writeFields(writer, entry);
  return writer;
}

/** The whole of an entry that stands alone; its bytes are copied. @throws WireError */
export function decodeEntry(bytes: Uint8Array): Entry {
  const reader = new BytesReader(bytes);
  const writer = readReplica(reader);
  const entry = readFields(reader, writer);
  reader.end();
  return entry;
}

export function encodeEntry(entry: Entry): Uint8Array {
  return writeEntry(new Writer(), entry).take();
}

function writeFields(writer: Writer, { key, stamp, value, expiresAtMs }: Entry): void {
  writer.bytes(bytesOfText(key)).big(stamp);
  writer.optional(value, (w, bytes) => w.bytes(bytes)).uint(expiresAtMs);
}

function readFields(reader: Reader, writer: Replica): Entry {
  const key = textOfBytes(reader.bytes(STORE_KEY_BYTES_MAX));
  const stamp = reader.big();
  const value = reader.optional((r) => keptBytes(r.bytes(SMALL_VALUE_BYTES_MAX)));
  const expiresAtMs = reader.uint();
  if (value === undefined && expiresAtMs !== 0) throw new WireError('a tombstone that expires');
  return { key, stamp, writer, value, expiresAtMs };
}
