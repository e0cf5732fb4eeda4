/**
 * The two control messages by which an acceptor moves: only the dialer of a QUIC connection can, so
 * it is asked to follow. Kinds 84 and 85 of the control channel.
 */
import { isIpHost } from '../core/ip-text.ts';
import { type Address, isAddress, splitAddress } from '../core/names.ts';
import { Reader } from '../core/wire/reader.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { Writer } from '../core/wire/writer.ts';
import type { ErrorCode } from '../errors.ts';
import { ADDRESS_BYTES_MAX } from '../limits.ts';
import { MOVE_ADDRESSES_MAX } from '../transport/path-limits.ts';

/** `move`: reach me there from now on. An empty host stands for the one that the dialer uses. */
export interface MoveMessage {
  readonly kind: 'move';
  /** Chosen by who asks; comes back with the answer. */
  readonly id: number;
  readonly addresses: readonly Address[];
}

/** `moved`: I do, or why not. */
export interface MovedMessage {
  readonly kind: 'moved';
  readonly id: number;
  readonly fault: MoveFault | undefined;
}

export type MoveFault = Extract<
  ErrorCode,
  'ERR_PATH_NOT_VALIDATED' | 'ERR_MIGRATION_DISABLED' | 'ERR_TIMEOUT' | 'ERR_OVERLOADED'
>;

export const MOVE = 84;
export const MOVED = 85;
const FAULTS: readonly MoveFault[] = [
  'ERR_PATH_NOT_VALIDATED',
  'ERR_MIGRATION_DISABLED',
  'ERR_TIMEOUT',
  'ERR_OVERLOADED',
];

/** Encodes a message as a whole frame that begins with its kind. */
export function encodeMove(message: MoveMessage | MovedMessage): Uint8Array {
  const writer = new Writer();
  if (message.kind === 'move') {
    writer.uint(MOVE).uint(message.id);
    writer.list(message.addresses, (w, address) => w.string(address));
  } else {
    const { id, fault } = message;
    writer.uint(MOVED).uint(id);
    writer.uint(fault === undefined ? 0 : FAULTS.indexOf(fault) + 1);
  }
  return writer.take();
}

/** @throws WireError when it is none of these, or has bytes left. */
export function decodeMove(frame: Uint8Array): MoveMessage | MovedMessage {
  const reader = new Reader(frame);
  const kind = reader.uint();
  if (kind !== MOVE && kind !== MOVED) throw new WireError('no message of a move');
  const id = reader.uint();
  if (kind === MOVED) {
    const fault = reader.uint(FAULTS.length);
    reader.end();
    return { kind: 'moved', id, fault: FAULTS[fault - 1] };
  }
  const addresses = reader.list(MOVE_ADDRESSES_MAX, readAddress);
  reader.end();
  return { kind: 'move', id, addresses };
}

function readAddress(reader: Reader): Address {
  const address = reader.string(ADDRESS_BYTES_MAX);
  const { host, port } = splitAddress(address);
  const isSameHost = host === '' && port > 0 && port <= 65_535;
  if (isSameHost || (isAddress(address) && isIpHost(host))) return address;
  throw new WireError('a move to what is no IP address');
}
