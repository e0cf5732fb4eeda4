/**
 * The messages of routing and their frames: one kind, then positional fields. Kinds 64 to 71 are
 * theirs: queries and circuits on the control channel, what circuits carry on the lanes. Everything
 * read is bounded here.
 */
import {
  CARRIED_BYTES_MAX,
  QUERY_HOPS_MAX,
  QUERY_TIME_MS_MAX,
  QUERY_VALUE_BYTES_MAX,
  SERVICE_NAME_BYTES_MAX,
} from '../../limits.ts';
import { readIncarnation, readNode } from '../membership/peer.ts';
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';

/** What is looked for: an instance of a service, or a node itself. */
export interface QueryTarget {
  readonly kind: 'service' | 'node';
  readonly name: string;
}

/**
 * `absent`: everybody on that side was asked, and nobody is it. `seen`: the query came to the
 * sender before, on another way. `overloaded`: the sender did not look into it. `incomplete`:
 * somebody on that side was not asked, or did not answer in time.
 */
export type Miss = 'absent' | 'seen' | 'overloaded' | 'incomplete';

/** The start of a node that has the service, and what it says of it. */
export interface FoundService {
  readonly node: NodeName;
  readonly incarnation: bigint;
  readonly value: Uint8Array;
}

/** The names of queries, and of the circuits that they set up, are drawn by who asks. */
export type RoutingMessage =
  | {
      readonly kind: 'query';
      readonly id: bigint;
      /** Links that it may still cross. */
      readonly hopsLeft: number;
      /** The receiver has to answer within this. */
      readonly timeLeftMs: number;
      readonly target: QueryTarget;
    }
  | { readonly kind: 'miss'; readonly id: bigint; readonly why: Miss }
  | { readonly kind: 'found'; readonly id: bigint; readonly found: FoundService }
  /** The node that was looked for has the query; the way to it is a circuit of the same id now. */
  | { readonly kind: 'reached'; readonly id: bigint }
  /** One datagram, on its way along a circuit. The bytes are a view of the frame. */
  | { readonly kind: 'carry'; readonly circuit: bigint; readonly datagram: Uint8Array }
  /** The circuit is no more. */
  | { readonly kind: 'cut'; readonly circuit: bigint };

const FIRST_KIND = 64;
const LAST_KIND = 71;
const QUERY = 64;
const MISS = 65;
const FOUND = 66;
const REACHED = 67;
const CARRY = 68;
const CUT = 69;

const TARGETS: readonly QueryTarget['kind'][] = ['service', 'node'];
const MISSES: readonly Miss[] = ['absent', 'seen', 'overloaded', 'incomplete'];

/** True for the frame kinds of routing, also those that no message has yet. */
export function isRoutingKind(kind: number): boolean {
  return kind >= FIRST_KIND && kind <= LAST_KIND;
}

/** Encodes a message as a whole frame that begins with its kind. */
export function encodeRouting(message: RoutingMessage): Uint8Array {
  const writer = new Writer();
  switch (message.kind) {
    case 'query':
      writer.uint(QUERY).big(message.id).uint(message.hopsLeft).uint(message.timeLeftMs);
      writer.uint(TARGETS.indexOf(message.target.kind)).string(message.target.name);
      break;
    case 'miss':
      writer.uint(MISS).big(message.id).uint(MISSES.indexOf(message.why));
      break;
    case 'found':
      writer.uint(FOUND).big(message.id).string(message.found.node);
      writer.big(message.found.incarnation).bytes(message.found.value);
      break;
    case 'reached':
      writer.uint(REACHED).big(message.id);
      break;
    case 'carry':
      writer.uint(CARRY).big(message.circuit).bytes(message.datagram);
      break;
    case 'cut':
      writer.uint(CUT).big(message.circuit);
      break;
    default:
      unreachable(message);
  }
  return writer.take();
}

/**
 * Decodes a whole frame.
 * @throws WireError when it is no message of routing, breaks a bound, or has bytes left.
 */
export function decodeRouting(frame: Uint8Array): RoutingMessage {
  const reader = new Reader(frame);
  const message = readMessage(reader);
  reader.end();
  return message;
}

function readMessage(reader: Reader): RoutingMessage {
  const kind = reader.uint();
  switch (kind) {
    case QUERY:
      return {
        kind: 'query',
        id: reader.big(),
        hopsLeft: reader.uint(QUERY_HOPS_MAX),
        timeLeftMs: reader.uint(QUERY_TIME_MS_MAX),
        target: readTarget(reader),
      };
    case MISS:
      return { kind: 'miss', id: reader.big(), why: readWord(reader, MISSES) };
    case FOUND:
      return { kind: 'found', id: reader.big(), found: readFound(reader) };
    case REACHED:
      return { kind: 'reached', id: reader.big() };
    case CARRY:
      return { kind: 'carry', circuit: reader.big(), datagram: reader.bytes(CARRIED_BYTES_MAX) };
    case CUT:
      return { kind: 'cut', circuit: reader.big() };
    default:
      throw new WireError(`no message of routing has kind ${kind}`);
  }
}

function readTarget(reader: Reader): QueryTarget {
  const kind = readWord(reader, TARGETS);
  if (kind === 'node') return { kind, name: readNode(reader) };
  const name = reader.string(SERVICE_NAME_BYTES_MAX);
  if (name === '') throw new WireError('a service without a name');
  return { kind, name };
}

/** What is kept is copied out of the frame. */
function readFound(reader: Reader): FoundService {
  const node = readNode(reader);
  const incarnation = readIncarnation(reader, node);
  return { node, incarnation, value: reader.bytes(QUERY_VALUE_BYTES_MAX).slice() };
}

function readWord<T>(reader: Reader, words: readonly T[]): T {
  const word = words[reader.uint(words.length - 1)];
  if (word === undefined) throw new WireError('no such word');
  return word;
}
