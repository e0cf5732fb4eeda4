/**
 * The messages of HyParView and their frames: one kind, then positional fields. Kinds 16 to 31 of
 * the control channel belong to membership. Everything read is bounded here, so that the core sees
 * only messages whose walks and lists are short.
 */
import { SHUFFLE_PEERS_MAX, WALK_HOPS_MAX } from '../../limits.ts';
import { unreachable } from '../unreachable.ts';
import { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';
import { type PeerDescriptor, readPeer, writePeer } from './peer.ts';

export type JoinOutcome = 'accepted' | 'refused' | 'redirected';
/** `high`: the asker has hardly any neighbour, or introduces a newcomer; never refused for room. */
export type NeighborPriority = 'high' | 'low';
/** `evicted`: for room. `left`: the sender leaves the overlay. `mismatch`: it is no neighbour. */
export type DisconnectReason = 'evicted' | 'left' | 'mismatch';

export type MembershipMessage =
  | { readonly kind: 'join'; readonly requestId: number }
  | {
      readonly kind: 'joinReply';
      readonly requestId: number;
      readonly outcome: JoinOutcome;
      /** Whom to ask instead, when redirected. */
      readonly peers: readonly PeerDescriptor[];
    }
  | { readonly kind: 'forwardJoin'; readonly newcomer: PeerDescriptor; readonly hopsLeft: number }
  | {
      readonly kind: 'neighbor';
      readonly requestId: number;
      readonly priority: NeighborPriority;
    }
  | { readonly kind: 'neighborReply'; readonly requestId: number; readonly accepted: boolean }
  | { readonly kind: 'disconnect'; readonly reason: DisconnectReason }
  | {
      readonly kind: 'shuffle';
      readonly shuffleId: number;
      readonly origin: PeerDescriptor;
      readonly hopsLeft: number;
      readonly peers: readonly PeerDescriptor[];
    }
  | {
      readonly kind: 'shuffleReply';
      readonly shuffleId: number;
      readonly peers: readonly PeerDescriptor[];
    }
  /** The sender has the receiver in its active view. */
  | { readonly kind: 'keepAlive' };

const JOIN = 16;
const JOIN_REPLY = 17;
const FORWARD_JOIN = 18;
const NEIGHBOR = 19;
const NEIGHBOR_REPLY = 20;
const DISCONNECT = 21;
const SHUFFLE = 22;
const SHUFFLE_REPLY = 23;
const KEEP_ALIVE = 24;

const OUTCOMES: readonly JoinOutcome[] = ['accepted', 'refused', 'redirected'];
const PRIORITIES: readonly NeighborPriority[] = ['high', 'low'];
const REASONS: readonly DisconnectReason[] = ['evicted', 'left', 'mismatch'];

/** True for the frame kinds of membership, 16 to 31, also those that no message has yet. */
export function isMembershipKind(kind: number): boolean {
  return kind >= 16 && kind <= 31;
}

/** Encodes a message as a whole frame that begins with its kind. */
export function encodeMembership(message: MembershipMessage): Uint8Array {
  const writer = new Writer();
  switch (message.kind) {
    case 'join':
      writer.uint(JOIN).uint(message.requestId);
      break;
    case 'joinReply':
      writer.uint(JOIN_REPLY).uint(message.requestId).uint(OUTCOMES.indexOf(message.outcome));
      writer.list(message.peers, writePeer);
      break;
    case 'forwardJoin':
      writePeer(writer.uint(FORWARD_JOIN), message.newcomer);
      writer.uint(message.hopsLeft);
      break;
    case 'neighbor':
      writer.uint(NEIGHBOR).uint(message.requestId).uint(PRIORITIES.indexOf(message.priority));
      break;
    case 'neighborReply':
      writer.uint(NEIGHBOR_REPLY).uint(message.requestId).bool(message.accepted);
      break;
    case 'disconnect':
      writer.uint(DISCONNECT).uint(REASONS.indexOf(message.reason));
      break;
    case 'shuffle':
      writePeer(writer.uint(SHUFFLE).uint(message.shuffleId), message.origin);
      writer.uint(message.hopsLeft).list(message.peers, writePeer);
      break;
    case 'shuffleReply':
      writer.uint(SHUFFLE_REPLY).uint(message.shuffleId).list(message.peers, writePeer);
      break;
    case 'keepAlive':
      writer.uint(KEEP_ALIVE);
      break;
    default:
      unreachable(message);
  }
  return writer.take();
}

/**
 * Decodes a whole frame.
 * @throws WireError when it is no message of membership, breaks a bound, or has bytes left.
 */
export function decodeMembership(frame: Uint8Array): MembershipMessage {
  const reader = new Reader(frame);
  const message = readMessage(reader);
  reader.end();
  return message;
}

function readMessage(reader: Reader): MembershipMessage {
  const kind = reader.uint();
  switch (kind) {
    case JOIN:
      return { kind: 'join', requestId: reader.uint() };
    case JOIN_REPLY:
      return {
        kind: 'joinReply',
        requestId: reader.uint(),
        outcome: readWord(reader, OUTCOMES),
        peers: readPeers(reader),
      };
    case FORWARD_JOIN:
      return { kind: 'forwardJoin', newcomer: readPeer(reader), hopsLeft: readHops(reader) };
    case NEIGHBOR:
      return {
        kind: 'neighbor',
        requestId: reader.uint(),
        priority: readWord(reader, PRIORITIES),
      };
    case NEIGHBOR_REPLY:
      return { kind: 'neighborReply', requestId: reader.uint(), accepted: reader.bool() };
    case DISCONNECT:
      return { kind: 'disconnect', reason: readWord(reader, REASONS) };
    case SHUFFLE:
      return {
        kind: 'shuffle',
        shuffleId: reader.uint(),
        origin: readPeer(reader),
        hopsLeft: readHops(reader),
        peers: readPeers(reader),
      };
    case SHUFFLE_REPLY:
      return { kind: 'shuffleReply', shuffleId: reader.uint(), peers: readPeers(reader) };
    case KEEP_ALIVE:
      return { kind: 'keepAlive' };
    default:
      throw new WireError(`no message of membership has kind ${kind}`);
  }
}

/**
 * What no honest peer sends, or undefined. Decoded frames are within these bounds already; a
 * message that came another way may not be.
 */
export function faultOf(message: MembershipMessage): string | undefined {
  if ('hopsLeft' in message) {
    const { hopsLeft } = message;
    if (!Number.isInteger(hopsLeft) || hopsLeft < 0) return 'walk without a length';
    if (hopsLeft > WALK_HOPS_MAX) return 'walk too long';
  }
  if ('peers' in message && message.peers.length > SHUFFLE_PEERS_MAX) return 'list too long';
  return undefined;
}

/**
 * What a node without a place for the sender says: requests are answered, anything else is told
 * why; nobody answers a goodbye.
 */
export function refusalOf(
  message: MembershipMessage,
  reason: DisconnectReason,
): MembershipMessage | undefined {
  switch (message.kind) {
    case 'join':
      return {
        kind: 'joinReply',
        requestId: message.requestId,
        outcome: 'refused',
        peers: [],
      };
    case 'neighbor':
      return { kind: 'neighborReply', requestId: message.requestId, accepted: false };
    case 'disconnect':
      return undefined;
    default:
      return { kind: 'disconnect', reason };
  }
}

function readHops(reader: Reader): number {
  return reader.uint(WALK_HOPS_MAX);
}

function readPeers(reader: Reader): readonly PeerDescriptor[] {
  return reader.list(SHUFFLE_PEERS_MAX, readPeer);
}

function readWord<T>(reader: Reader, words: readonly T[]): T {
  const word = words[reader.uint(words.length - 1)];
  if (word === undefined) throw new WireError('no such word');
  return word;
}
