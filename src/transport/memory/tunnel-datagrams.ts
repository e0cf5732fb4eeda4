/**
 * What a simulated connection through a tunnel sends: the least that is needed for frames to arrive
 * whole and in order. It stands for QUIC, which a simulation does not run.
 */
import { Reader } from '../../core/wire/reader.ts';
import { WireError } from '../../core/wire/wire-error.ts';
import { Writer } from '../../core/wire/writer.ts';
import { CARRIED_BYTES_MAX, REASON_BYTES_MAX } from '../../limits.ts';
import { BYTES } from '../streams/channels.ts';
import type { Channel } from '../transport.ts';

/** Part of a channel's stream, or the last word of the sender; in order. */
export type Parcel =
  | { readonly kind: 'part'; readonly channel: Channel; readonly bytes: Uint8Array }
  | { readonly kind: 'end'; readonly reason: string; readonly detail: string | undefined };

export type TunnelDatagram =
  /** The dialer's key, and the answer to it. */
  | { readonly kind: 'hello' | 'welcome'; readonly key: Uint8Array }
  | { readonly kind: 'parcel'; readonly sequence: number; readonly parcel: Parcel }
  /** Parcels that have come, and how many bytes of them have been read. */
  | { readonly kind: 'ack'; readonly received: number; readonly readBytes: number };

/** Bytes of a channel's stream in one datagram. */
export const PART_BYTES = 1_200;

const HELLO = 0;
const WELCOME = 1;
const PART = 2;
const END = 3;
const ACK = 4;
const KEY_BYTES = 32;

export function encodeDatagram(datagram: TunnelDatagram): Uint8Array {
  const writer = new Writer();
  if (datagram.kind === 'ack') {
    writer.uint(ACK).uint(datagram.received).uint(datagram.readBytes);
  } else if (datagram.kind !== 'parcel') {
    writer.uint(datagram.kind === 'hello' ? HELLO : WELCOME).bytes(datagram.key);
  } else {
    const { sequence, parcel } = datagram;
    writer.uint(parcel.kind === 'part' ? PART : END).uint(sequence);
    if (parcel.kind === 'part') writer.uint(parcel.channel).bytes(parcel.bytes);
    else writer.string(parcel.reason).optional(parcel.detail, (w, detail) => w.string(detail));
  }
  return writer.take();
}

/** @throws WireError */
export function decodeDatagram(bytes: Uint8Array): TunnelDatagram {
  const reader = new Reader(bytes);
  const datagram = readDatagram(reader);
  reader.end();
  return datagram;
}

function readDatagram(reader: Reader): TunnelDatagram {
  const kind = reader.uint(ACK);
  switch (kind) {
    case HELLO:
      return { kind: 'hello', key: reader.bytes(KEY_BYTES) };
    case WELCOME:
      return { kind: 'welcome', key: reader.bytes(KEY_BYTES) };
    case PART:
    case END:
      return { kind: 'parcel', sequence: reader.uint(), parcel: readParcel(reader, kind) };
    case ACK:
      return { kind: 'ack', received: reader.uint(), readBytes: reader.uint() };
    default:
      throw new WireError('no such datagram');
  }
}

function readParcel(reader: Reader, kind: number): Parcel {
  if (kind === PART) {
    const channel = reader.uint(BYTES);
    return { kind: 'part', channel, bytes: reader.bytes(CARRIED_BYTES_MAX) };
  }
  const reason = reader.string(REASON_BYTES_MAX);
  return { kind: 'end', reason, detail: reader.optional((r) => r.string(REASON_BYTES_MAX)) };
}
