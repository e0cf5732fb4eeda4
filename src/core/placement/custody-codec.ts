/**
 * The four frames by which partitions go from node to node. Kinds 51 to 54 of the control channel.
 * Partitions of one frame are in ascending order, each written as the distance from the one before.
 */
import { CUSTODY_FRAME_PARTITIONS_MAX, CUSTODY_HOPS_MAX, RING_SIZE_MAX } from '../../limits.ts';
import { readNode } from '../membership/peer.ts';
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';

interface Concerned {
  /** Ascending, at least one, at most `CUSTODY_FRAME_PARTITIONS_MAX`. */
  readonly partitions: readonly number[];
}

export type CustodyMessage =
  /** The sender would hold them and believes that the receiver has them. */
  | (Concerned & { readonly kind: 'ask' })
  /** The receiver is their custodian now. */
  | (Concerned & {
      readonly kind: 'grant';
      /** How often they were passed on since somebody held them. */
      readonly hops: number;
      /** The sender, where it gives them away because it leaves the cluster. */
      readonly leaver: NodeName | undefined;
    })
  /** That node has them, as far as the sender knows; it may be the sender. */
  | (Concerned & { readonly kind: 'redirect'; readonly holder: NodeName })
  /** The sender has not got them, and does not know who has. */
  | (Concerned & { readonly kind: 'none' });

const ASK = 51;
const GRANT = 52;
const REDIRECT = 53;
const NONE = 54;

export function isCustodyKind(kind: number): boolean {
  return kind >= ASK && kind <= NONE;
}

/** Encodes a message as a whole frame that begins with its kind. */
export function encodeCustody(message: CustodyMessage): Uint8Array {
  const writer = new Writer();
  switch (message.kind) {
    case 'ask':
      writer.uint(ASK);
      break;
    case 'grant':
      writer.uint(GRANT).uint(message.hops);
      writer.optional(message.leaver, (w, leaver) => w.string(leaver));
      break;
    case 'redirect':
      writer.uint(REDIRECT).string(message.holder);
      break;
    case 'none':
      writer.uint(NONE);
      break;
    default:
      unreachable(message);
  }
  writePartitions(writer, message.partitions);
  return writer.take();
}

/** @throws WireError when it is no message of these, breaks a bound, or has bytes left. */
export function decodeCustody(frame: Uint8Array): CustodyMessage {
  const reader = new Reader(frame);
  const message = readMessage(reader);
  reader.end();
  return message;
}

function readMessage(reader: Reader): CustodyMessage {
  const kind = reader.uint();
  switch (kind) {
    case ASK:
      return { kind: 'ask', partitions: readPartitions(reader) };
    case GRANT: {
      const hops = reader.uint(CUSTODY_HOPS_MAX);
      const leaver = reader.optional(readNode);
      return { kind: 'grant', hops, leaver, partitions: readPartitions(reader) };
    }
    case REDIRECT: {
      const holder = readNode(reader);
      return { kind: 'redirect', holder, partitions: readPartitions(reader) };
    }
    case NONE:
      return { kind: 'none', partitions: readPartitions(reader) };
    default:
      throw new WireError(`no message of custody has kind ${kind}`);
  }
}

function writePartitions(writer: Writer, partitions: readonly number[]): void {
  let last = -1;
  writer.list(partitions, (w, partition) => {
    w.uint(partition - last - 1);
    last = partition;
  });
}

function readPartitions(reader: Reader): readonly number[] {
  let last = -1;
  const partitions = reader.list(CUSTODY_FRAME_PARTITIONS_MAX, (r) => {
    last += 1 + r.uint(RING_SIZE_MAX);
    if (last >= RING_SIZE_MAX) throw new WireError('no such partition');
    return last;
  });
  if (partitions.length === 0) throw new WireError('a message about no partition');
  return partitions;
}
