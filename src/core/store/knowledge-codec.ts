/** What a durable replica keeps beside its entries: who it is, and what it knows of the others. */
import { KNOWLEDGE_FRAME_REPLICAS_MAX, KNOWN_RANGES_MAX } from '../../limits.ts';
import type { Stamp } from '../clock/stamp.ts';
import { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { readReplica, writeReplica } from './entry-codec.ts';
import type { Heard, KnowledgeState, KnownState } from './knowledge.ts';
import type { StampRange } from './stamp-ranges.ts';

export interface KeptReplica {
  readonly incarnation: bigint;
  /** Own clock at the last complete exchange; 0 when there was none. */
  readonly exchangedAt: Stamp;
  /** Undefined when nothing is known, or nothing that is to be trusted. */
  readonly knowledge: KnowledgeState | undefined;
}

export function encodeKept({ incarnation, exchangedAt, knowledge }: KeptReplica): Uint8Array {
  const writer = new Writer().big(incarnation).big(exchangedAt);
  writer.optional(knowledge, (w, { floor, known }) => w.big(floor).list(known, writeState));
  return writer.take();
}

/** @throws WireError */
export function decodeKept(bytes: Uint8Array): KeptReplica {
  const reader = new Reader(bytes);
  const incarnation = reader.big();
  const exchangedAt = reader.big();
  const knowledge = reader.optional((r) => ({
    floor: r.big(),
    known: r.list(KNOWLEDGE_FRAME_REPLICAS_MAX, readState),
  }));
  reader.end();
  return { incarnation, exchangedAt, knowledge };
}

/** What has come of one replica, alone. */
export function encodeHeard(heard: Heard): Uint8Array {
  const writer = new Writer();
  writeHeard(writer, heard);
  return writer.take();
}

/** @throws WireError */
export function decodeHeard(bytes: Uint8Array): Heard {
  const reader = new Reader(bytes);
  const heard = readHeard(reader);
  reader.end();
  return heard;
}

function writeState(writer: Writer, state: KnownState): void {
  writeHeard(writer, state);
  writer.big(state.know).big(state.ack).big(state.seen);
  writer.optional(state.removedAt, (w, stamp) => w.big(stamp));
}

function readState(reader: Reader): KnownState {
  return {
    ...readHeard(reader),
    know: reader.big(),
    ack: reader.big(),
    seen: reader.big(),
    removedAt: reader.optional((r) => r.big()),
  };
}

export function writeRanges(writer: Writer, ranges: readonly StampRange[]): void {
  writer.list(ranges, (w, { after, upTo }) => w.big(after).big(upTo));
}

/** @throws WireError */
export function readRanges(reader: Reader, max: number): readonly StampRange[] {
  return reader.list(max, (r) => ({ after: r.big(), upTo: r.big() }));
}

function writeHeard(writer: Writer, { replica, had }: Heard): void {
  writeReplica(writer, replica);
  writeRanges(writer, had);
}

function readHeard(reader: Reader): Heard {
  const replica = readReplica(reader);
  return { replica, had: readRanges(reader, KNOWN_RANGES_MAX) };
}
