/**
 * The messages of Plumtree and their frames: one kind, then positional fields. Kinds 56 to 63 of
 * the control channel belong to broadcasts. Everything read is bounded here, so that the core sees
 * only messages whose payloads and lists are short.
 *
 * Deviation from the design: an id names its origin instead of a hash of it. No hash can collide
 * then, and since ids travel grouped by origin a name is written once for many of them.
 */
import {
  GOSSIP_DIGEST_FRAME_ORIGINS_MAX,
  GOSSIP_DIGEST_GAPS_MAX,
  GOSSIP_HOPS_MAX,
  GOSSIP_IDS_MAX,
  GOSSIP_PAYLOAD_BYTES_MAX,
  GOSSIP_SEQUENCE_MAX,
  GOSSIP_TAG_MAX,
} from '../../limits.ts';
import { readIncarnation, readNode } from '../membership/peer.ts';
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';
import type { Broadcast } from './contract.ts';

/** Ids of one origin. At most 64 ids in all groups of a message together. */
export interface IdGroup {
  readonly origin: NodeName;
  readonly incarnation: bigint;
  readonly sequences: readonly number[];
}

/** Announced ids: `hops[i]` is what a copy of `sequences[i]` over this link would count. */
export interface AnnouncedGroup extends IdGroup {
  readonly hops: readonly number[];
}

/** What a node has of one origin: all from `oldest` to `highest` but the gaps. */
export interface OriginMark {
  readonly origin: NodeName;
  readonly incarnation: bigint;
  /** 0 when none was seen. */
  readonly highest: number;
  /** Oldest broadcast on offer, from 1; `highest + 1` when none is. */
  readonly oldest: number;
  /** Ascending, from `oldest` to `highest`. At most 256. */
  readonly gaps: readonly number[];
}

export type GossipMessage =
  /**
   * The broadcast, as it reaches the receiver: this link is counted. A shaping one goes over all
   * links, and each node keeps those that it was first on.
   */
  | { readonly kind: 'gossip'; readonly broadcast: Broadcast; readonly isShaping: boolean }
  | { readonly kind: 'ihave'; readonly groups: readonly AnnouncedGroup[] }
  /**
   * Send these, and from now on push to me. Without ids only the latter, to the own eager set of
   * `origin` or, without one, to the shared set.
   */
  | {
      readonly kind: 'graft';
      readonly groups: readonly IdGroup[];
      readonly origin?: NodeName | undefined;
    }
  /** Announce to me from now on: what `origin` made, or all that has no eager set of its own. */
  | { readonly kind: 'prune'; readonly origin?: NodeName | undefined }
  /** The negative answer to a GRAFT. */
  | { readonly kind: 'unknown'; readonly groups: readonly IdGroup[] }
  /** What the sender has, first word on a new link; in several frames when it is much. */
  | {
      readonly kind: 'digest';
      readonly marks: readonly OriginMark[];
      readonly isLast: boolean;
      /** The sender knows more origins than it tells. */
      readonly isTruncated: boolean;
      /** The receiver has become a neighbour of the sender just now. */
      readonly isGreeting: boolean;
    };

export type GossipKind = GossipMessage['kind'];

const GOSSIP = 56;
const IHAVE = 57;
const GRAFT = 58;
const PRUNE = 59;
const UNKNOWN = 60;
const DIGEST = 61;

/** True for the frame kinds of broadcasts, 56 to 63, also those that no message has yet. */
export function isGossipKind(kind: number): boolean {
  return kind >= 56 && kind <= 63;
}

/** Encodes a message as a whole frame that begins with its kind. */
export function encodeGossip(message: GossipMessage): Uint8Array {
  const writer = new Writer();
  switch (message.kind) {
    case 'gossip':
      writeBroadcast(writer.uint(GOSSIP).bool(message.isShaping), message.broadcast);
      break;
    case 'ihave':
      writer.uint(IHAVE).list(message.groups, writeAnnounced);
      break;
    case 'graft':
      writer.uint(GRAFT).list(message.groups, writeIds).optional(message.origin, writeName);
      break;
    case 'prune':
      writer.uint(PRUNE).optional(message.origin, writeName);
      break;
    case 'unknown':
      writer.uint(UNKNOWN).list(message.groups, writeIds);
      break;
    case 'digest':
      writer.uint(DIGEST).list(message.marks, writeMark);
      writer.bool(message.isLast).bool(message.isTruncated).bool(message.isGreeting);
      break;
    default:
      unreachable(message);
  }
  return writer.take();
}

/**
 * Decodes a whole frame. A payload is a view of the frame.
 * @throws WireError when it is no message of broadcasts, breaks a bound, or has bytes left.
 */
export function decodeGossip(frame: Uint8Array): GossipMessage {
  const reader = new Reader(frame);
  const message = readMessage(reader);
  reader.end();
  const fault = faultOf(message);
  if (fault !== undefined) throw new WireError(fault);
  return message;
}

function readMessage(reader: Reader): GossipMessage {
  const kind = reader.uint();
  switch (kind) {
    case GOSSIP:
      return { kind: 'gossip', isShaping: reader.bool(), broadcast: readBroadcast(reader) };
    case IHAVE:
      return { kind: 'ihave', groups: reader.list(GOSSIP_IDS_MAX, readAnnounced) };
    case GRAFT:
      return {
        kind: 'graft',
        groups: reader.list(GOSSIP_IDS_MAX, readIds),
        origin: reader.optional(readNode),
      };
    case PRUNE:
      return { kind: 'prune', origin: reader.optional(readNode) };
    case UNKNOWN:
      return { kind: 'unknown', groups: reader.list(GOSSIP_IDS_MAX, readIds) };
    case DIGEST:
      return {
        kind: 'digest',
        marks: reader.list(GOSSIP_DIGEST_FRAME_ORIGINS_MAX, readMark),
        isLast: reader.bool(),
        isTruncated: reader.bool(),
        isGreeting: reader.bool(),
      };
    default:
      throw new WireError(`no message of broadcasts has kind ${kind}`);
  }
}

/**
 * What no honest peer sends, or undefined. Decoded frames are checked already; a message that came
 * another way may not be.
 */
export function faultOf(message: GossipMessage): string | undefined {
  switch (message.kind) {
    case 'gossip':
      return broadcastFault(message.broadcast);
    case 'ihave':
      return idsFault(message.groups) ?? hopsFault(message.groups);
    case 'graft':
    case 'unknown':
      return idsFault(message.groups);
    case 'prune':
      return undefined;
    case 'digest':
      if (message.marks.length > GOSSIP_DIGEST_FRAME_ORIGINS_MAX) return 'too many origins';
      return message.marks.every(isMark) ? undefined : 'marks out of order';
    default:
      return unreachable(message);
  }
}

function broadcastFault({ id, tag, payload, hops }: Broadcast): string | undefined {
  if (!isWithin(id.sequence, 1, GOSSIP_SEQUENCE_MAX)) return 'sequence out of range';
  if (!isWithin(tag, 0, GOSSIP_TAG_MAX)) return 'tag out of range';
  if (!isWithin(hops, 1, GOSSIP_HOPS_MAX)) return 'hops out of range';
  return payload.length > GOSSIP_PAYLOAD_BYTES_MAX ? 'payload too long' : undefined;
}

function idsFault(groups: readonly IdGroup[]): string | undefined {
  let count = 0;
  for (const { sequences } of groups) {
    if (sequences.length === 0) return 'origin without ids';
    count += sequences.length;
    if (count > GOSSIP_IDS_MAX) return 'too many ids';
    for (const sequence of sequences) {
      if (!isWithin(sequence, 1, GOSSIP_SEQUENCE_MAX)) return 'sequence out of range';
    }
  }
  return undefined;
}

function hopsFault(groups: readonly AnnouncedGroup[]): string | undefined {
  for (const { sequences, hops } of groups) {
    if (hops.length !== sequences.length) return 'hops do not match ids';
    for (const count of hops) if (!isWithin(count, 1, GOSSIP_HOPS_MAX)) return 'hops out of range';
  }
  return undefined;
}

function isMark({ highest, oldest, gaps }: OriginMark): boolean {
  if (!isWithin(highest, 0, GOSSIP_SEQUENCE_MAX) || !isWithin(oldest, 1, highest + 1)) return false;
  if (gaps.length > GOSSIP_DIGEST_GAPS_MAX) return false;
  let previous = oldest - 1;
  for (const gap of gaps) {
    if (!isWithin(gap, previous + 1, highest)) return false;
    previous = gap;
  }
  return true;
}

function isWithin(n: number, min: number, max: number): boolean {
  return Number.isInteger(n) && n >= min && n <= max;
}

function writeName(writer: Writer, name: NodeName): void {
  writer.string(name);
}

function writeBroadcast(writer: Writer, { id, tag, payload, hops }: Broadcast): void {
  writer.string(id.origin).big(id.incarnation).uint(id.sequence);
  writer.uint(tag).uint(hops).bytes(payload);
}

function readBroadcast(reader: Reader): Broadcast {
  const origin = readNode(reader);
  const incarnation = readIncarnation(reader, origin);
  const sequence = reader.uint(GOSSIP_SEQUENCE_MAX);
  const tag = reader.uint(GOSSIP_TAG_MAX);
  const hops = reader.uint(GOSSIP_HOPS_MAX);
  const payload = reader.bytes(GOSSIP_PAYLOAD_BYTES_MAX);
  return { id: { origin, incarnation, sequence }, tag, payload, hops };
}

function writeIds(writer: Writer, { origin, incarnation, sequences }: IdGroup): void {
  writer.string(origin).big(incarnation);
  writer.list(sequences, (w, sequence) => w.uint(sequence));
}

function readIds(reader: Reader): IdGroup {
  const origin = readNode(reader);
  const incarnation = readIncarnation(reader, origin);
  const sequences = reader.list(GOSSIP_IDS_MAX, (r) => r.uint(GOSSIP_SEQUENCE_MAX));
  return { origin, incarnation, sequences };
}

function writeAnnounced(writer: Writer, group: AnnouncedGroup): void {
  writeIds(writer, group);
  for (const hops of group.hops) writer.uint(hops);
}

function readAnnounced(reader: Reader): AnnouncedGroup {
  const ids = readIds(reader);
  return { ...ids, hops: ids.sequences.map(() => reader.uint(GOSSIP_HOPS_MAX)) };
}

/** Gaps travel as their distances from the oldest: small numbers take a byte. */
function writeMark(writer: Writer, mark: OriginMark): void {
  writer.string(mark.origin).big(mark.incarnation).uint(mark.highest).uint(mark.oldest);
  writer.list(mark.gaps, (w, gap) => w.uint(gap - mark.oldest));
}

function readMark(reader: Reader): OriginMark {
  const origin = readNode(reader);
  const incarnation = readIncarnation(reader, origin);
  const highest = reader.uint(GOSSIP_SEQUENCE_MAX);
  const oldest = reader.uint(GOSSIP_SEQUENCE_MAX + 1);
  const gaps = reader.list(GOSSIP_DIGEST_GAPS_MAX, (r) => oldest + r.uint(GOSSIP_SEQUENCE_MAX));
  return { origin, incarnation, highest, oldest, gaps };
}
