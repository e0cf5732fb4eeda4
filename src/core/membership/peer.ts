/**
 * A peer as membership speaks of it: enough to dial one start of one node, and how old that
 * knowledge is. Clocks and failure counts of one machine never travel to another.
 */
import {
  ADDRESS_BYTES_MAX,
  ADDRESSES_MAX,
  FINGERPRINT_BYTES_MAX,
  NODE_NAME_BYTES_MAX,
} from '../../limits.ts';
import { type Address, isAddress, isNodeName, type NodeName } from '../names.ts';
import { isPidParts } from '../pid.ts';
import type { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import type { Writer } from '../wire/writer.ts';

/** One start of one node, and where it listens. */
export interface PeerDescriptor {
  readonly node: NodeName;
  readonly incarnation: bigint;
  /** Best first; at most `ADDRESSES_MAX`. */
  readonly addresses: readonly Address[];
  /** Of the key that the node proved to hold; undefined when only the name is known. */
  readonly fingerprint?: string | undefined;
  /** Milliseconds since somebody heard the node itself; 0 for one heard now. */
  readonly ageMs: number;
}

/** Ages above this say nothing more; older ones are sent as this. */
export const PEER_AGE_MS_MAX = 3_600_000;

/** Appends a descriptor as five values. */
export function writePeer(writer: Writer, peer: PeerDescriptor): void {
  writer.string(peer.node).big(peer.incarnation);
  writer.list(peer.addresses, (w, address) => w.string(address));
  writer.optional(peer.fingerprint, (w, fingerprint) => w.string(fingerprint));
  writer.uint(Math.min(Math.max(Math.round(peer.ageMs), 0), PEER_AGE_MS_MAX));
}

/** Reads a descriptor. @throws WireError when a part breaks its rule. */
export function readPeer(reader: Reader): PeerDescriptor {
  const node = readNode(reader);
  const incarnation = readIncarnation(reader, node);
  const addresses = reader.list(ADDRESSES_MAX, readAddress);
  const fingerprint = reader.optional((r) => r.string(FINGERPRINT_BYTES_MAX));
  const ageMs = reader.uint(PEER_AGE_MS_MAX);
  if (fingerprint === undefined) return { node, incarnation, addresses, ageMs };
  return { node, incarnation, addresses, fingerprint, ageMs };
}

/** Reads a node name. @throws WireError when it is none. */
export function readNode(reader: Reader): NodeName {
  const node = reader.string(NODE_NAME_BYTES_MAX);
  if (!isNodeName(node)) throw new WireError('not a node name');
  return node;
}

/** Reads the incarnation of that node. @throws WireError outside the range of a pid's. */
export function readIncarnation(reader: Reader, node: NodeName): bigint {
  const incarnation = reader.big();
  if (!isPidParts(node, incarnation, 0)) throw new WireError('incarnation out of range');
  return incarnation;
}

/** Reads an address. @throws WireError when it is none. */
export function readAddress(reader: Reader): Address {
  const address = reader.string(ADDRESS_BYTES_MAX);
  if (!isAddress(address)) throw new WireError('not an address');
  return address;
}
