/** What a durable replica keeps beside its entries: who it is, and what it knows of the others. */
import { KNOWLEDGE_FRAME_REPLICAS_MAX } from '../../limits.ts';
import type { Stamp } from '../clock/stamp.ts';
import { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { readReplica, writeReplica } from './entry-codec.ts';
import type { KnowledgeState, KnownState } from './knowledge.ts';

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

function writeState(writer: Writer, { replica, know, ack, seen, removedAt }: KnownState): void {
  writeReplica(writer, replica);
  writer
    .big(know)
    .big(ack)
    .big(seen)
    .optional(removedAt, (w, stamp) => w.big(stamp));
}

function readState(reader: Reader): KnownState {
  return {
    replica: readReplica(reader),
    know: reader.big(),
    ack: reader.big(),
    seen: reader.big(),
    removedAt: reader.optional((r) => r.big()),
  };
}
