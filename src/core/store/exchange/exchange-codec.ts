/** The frames of exchanges: kind 40, number and side, then the kind of body and its fields. */
import {
  EXCHANGE_BURIED_MAX,
  EXCHANGE_IDS_MAX,
  KNOWLEDGE_FRAME_REPLICAS_MAX,
  KNOWN_RANGES_TOLD,
  SKETCH_SYMBOLS_DEFAULT,
  STORE_ENTRIES_MAX,
  STORE_KEY_BYTES_MAX,
  STORE_NAME_BYTES_MAX,
  STORE_OTHERS_FACTOR,
  STORES_MAX,
} from '../../../limits.ts';
import { unreachable } from '../../unreachable.ts';
import { Reader } from '../../wire/reader.ts';
import { WireError } from '../../wire/wire-error.ts';
import { Writer } from '../../wire/writer.ts';
import { bytesOfText, textOfBytes } from '../binary-text.ts';
import { BUCKETS } from '../bucket.ts';
import { readEntries, readReplica, writeEntries, writeReplica } from '../entry-codec.ts';
import { readRanges, writeRanges } from '../knowledge-codec.ts';
import { ID_BYTES } from '../sketch/element.ts';
import { readSymbols, writeSymbols } from '../sketch/symbols-codec.ts';
import type {
  BucketIds,
  BuriedEntry,
  ExchangeBody,
  ExchangeMessage,
  KnowledgeSnapshot,
  KnownReplica,
  StoreDigest,
  StoreKnowledge,
} from './messages.ts';

export const EXCHANGE = 40;

const DIGEST_BYTES = 16;
export const BUCKET_DIGEST_BYTES = 8;
/** The order is part of the protocol. */
const KINDS = [
  'open',
  'same',
  'differ',
  'busy',
  'more',
  'symbols',
  'buckets',
  'ids',
  'entries',
  'want',
  'answered',
  'ended',
  'buried',
  'took',
  'done',
] as const satisfies readonly ExchangeBody['kind'][];

/** A whole frame of the control channel. */
export function encodeExchange({ exchange, isAsking, body }: ExchangeMessage): Uint8Array {
  const writer = new Writer().uint(EXCHANGE).uint(2 * exchange + Number(isAsking));
  writer.uint(KINDS.indexOf(body.kind));
  writeBody(writer, body);
  return writer.take();
}

/** What is kept is copied out of the frame. @throws WireError */
export function decodeExchange(frame: Uint8Array): ExchangeMessage {
  const reader = new Reader(frame);
  if (reader.uint() !== EXCHANGE) throw new WireError('no message of an exchange');
  const head = reader.uint();
  const kind = KINDS[reader.uint(KINDS.length)];
  if (kind === undefined) throw new WireError('no such message of an exchange');
  const body = readBody(reader, kind);
  reader.end();
  return { exchange: Math.floor(head / 2), isAsking: head % 2 === 1, body };
}

function writeBody(writer: Writer, body: ExchangeBody): void {
  switch (body.kind) {
    case 'open':
      writer.bytes(body.digest).list(body.knowledge, writeStoreKnowledge);
      break;
    case 'same':
      writer.list(body.knowledge, writeStoreKnowledge);
      break;
    case 'differ':
      writer.list(body.stores, writeStoreDigest);
      break;
    case 'more':
      writer.string(body.store).uint(body.from).uint(body.count);
      break;
    case 'symbols':
      writeSymbols(writer.string(body.store), body.symbols);
      break;
    case 'buckets':
      writer.string(body.store).bytes(body.digests);
      break;
    case 'ids':
      writer.string(body.store).list(body.buckets, writeBucket);
      break;
    case 'entries':
      writeEntries(writer.string(body.store), body.entries);
      break;
    case 'want':
      writer.string(body.store).bytes(packIds(body.ids));
      break;
    case 'buried':
      writer.string(body.store).list(body.entries, writeBuried);
      break;
    case 'answered':
    case 'ended':
    case 'done':
      writer.string(body.store);
      break;
    case 'busy':
    case 'took':
      break;
    default:
      unreachable(body);
  }
}

function readBody(reader: Reader, kind: ExchangeBody['kind']): ExchangeBody {
  switch (kind) {
    case 'open': {
      const digest = readDigest(reader);
      return { kind, digest, knowledge: reader.list(STORES_MAX, readStoreKnowledge) };
    }
    case 'same':
      return { kind, knowledge: reader.list(STORES_MAX, readStoreKnowledge) };
    case 'differ':
      return { kind, stores: reader.list(STORES_MAX, readStoreDigest) };
    case 'more':
      return { kind, store: readStore(reader), from: readIndex(reader), count: readIndex(reader) };
    case 'symbols':
      return {
        kind,
        store: readStore(reader),
        symbols: readSymbols(reader, SKETCH_SYMBOLS_DEFAULT),
      };
    case 'buckets':
      return { kind, store: readStore(reader), digests: readBucketDigests(reader) };
    case 'ids':
      return { kind, store: readStore(reader), buckets: reader.list(BUCKETS, readBucket) };
    case 'entries':
      return { kind, store: readStore(reader), entries: readEntries(reader) };
    case 'want':
      return { kind, store: readStore(reader), ids: readIds(reader) };
    case 'buried':
      return {
        kind,
        store: readStore(reader),
        entries: reader.list(EXCHANGE_BURIED_MAX, readBuried),
      };
    case 'answered':
    case 'ended':
    case 'done':
      return { kind, store: readStore(reader) };
    case 'busy':
    case 'took':
      return { kind };
    default:
      return unreachable(kind);
  }
}

function writeStoreKnowledge(writer: Writer, { store, knowledge }: StoreKnowledge): void {
  writeKnowledge(writer.string(store), knowledge);
}

function readStoreKnowledge(reader: Reader): StoreKnowledge {
  return { store: readStore(reader), knowledge: readKnowledge(reader) };
}

function writeStoreDigest(writer: Writer, item: StoreDigest): void {
  writer.string(item.store).bytes(item.digest).uint(item.count);
  writer.optional(item.symbols, writeSymbols).optional(item.knowledge, writeKnowledge);
}

function readStoreDigest(reader: Reader): StoreDigest {
  return {
    store: readStore(reader),
    digest: readDigest(reader),
    count: reader.uint(Math.floor(STORE_ENTRIES_MAX * STORE_OTHERS_FACTOR)),
    symbols: reader.optional((r) => readSymbols(r, SKETCH_SYMBOLS_DEFAULT)),
    knowledge: reader.optional(readKnowledge),
  };
}

export function writeKnowledge(writer: Writer, knowledge: KnowledgeSnapshot): void {
  writeReplica(writer, knowledge.self);
  writer.big(knowledge.clock).big(knowledge.floor).list(knowledge.known, writeKnown);
}

/** @throws WireError */
export function readKnowledge(reader: Reader): KnowledgeSnapshot {
  return {
    self: readReplica(reader),
    clock: reader.big(),
    floor: reader.big(),
    known: reader.list(KNOWLEDGE_FRAME_REPLICAS_MAX, readKnown),
  };
}

function writeKnown(writer: Writer, { replica, know, ack, had }: KnownReplica): void {
  writeReplica(writer, replica);
  writeRanges(writer.big(know).big(ack), had);
}

function readKnown(reader: Reader): KnownReplica {
  const replica = readReplica(reader);
  const [know, ack] = [reader.big(), reader.big()];
  return { replica, know, ack, had: readRanges(reader, KNOWN_RANGES_TOLD) };
}

function writeBucket(writer: Writer, { bucket, ids }: BucketIds): void {
  writer.uint(bucket).bytes(packIds(ids));
}

function readBucket(reader: Reader): BucketIds {
  return { bucket: reader.uint(BUCKETS - 1), ids: readIds(reader) };
}

function writeBuried(writer: Writer, entry: BuriedEntry): void {
  writeReplica(writer.bytes(bytesOfText(entry.key)).big(entry.stamp), entry.writer);
  writer.bool(entry.isCertain);
}

function readBuried(reader: Reader): BuriedEntry {
  const key = textOfBytes(reader.bytes(STORE_KEY_BYTES_MAX));
  const stamp = reader.big();
  return { key, stamp, writer: readReplica(reader), isCertain: reader.bool() };
}

function packIds(ids: readonly string[]): Uint8Array {
  return bytesOfText(ids.join(''));
}

function readIds(reader: Reader): readonly string[] {
  const bytes = reader.bytes(EXCHANGE_IDS_MAX * ID_BYTES);
  if (bytes.length % ID_BYTES !== 0) throw new WireError('not whole ids');
  const ids: string[] = [];
  for (let at = 0; at < bytes.length; at += ID_BYTES) {
    ids.push(textOfBytes(bytes.subarray(at, at + ID_BYTES)));
  }
  return ids;
}

function readStore(reader: Reader): string {
  const store = reader.string(STORE_NAME_BYTES_MAX);
  if (store === '') throw new WireError('a store without a name');
  return store;
}

function readIndex(reader: Reader): number {
  return reader.uint(SKETCH_SYMBOLS_DEFAULT);
}

function readDigest(reader: Reader): Uint8Array {
  const digest = reader.bytes(DIGEST_BYTES);
  if (digest.length !== DIGEST_BYTES) throw new WireError('not a digest');
  return digest.slice();
}

function readBucketDigests(reader: Reader): Uint8Array {
  const digests = reader.bytes(BUCKETS * BUCKET_DIGEST_BYTES);
  if (digests.length !== 0 && digests.length !== BUCKETS * BUCKET_DIGEST_BYTES) {
    throw new WireError('not one digest for each bucket');
  }
  return digests.slice();
}
