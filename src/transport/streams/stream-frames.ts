/**
 * Frames of byte streams: credit and stops, on channel `CREDIT`; and, where the transport has no
 * streams of its own, their bytes, ends and resets on channel `BYTES`.
 */
import { Reader } from '../../core/wire/reader.ts';
import { WireError } from '../../core/wire/wire-error.ts';
import { Writer } from '../../core/wire/writer.ts';
import { FRAME_BYTES_MAX } from '../../limits.ts';
import { RESET_CODE_MAX } from './stream-limits.ts';

/** The peer may have sent `limit` bytes of that stream, counted from its first. */
export interface Credit {
  readonly id: number;
  readonly limit: number;
}

/** The peer has reset that stream, of which it had ended its own direction before. */
export interface Stop {
  readonly id: number;
  readonly code: number;
}

export type CreditFrame = ({ kind: 'credit' } & Credit) | ({ kind: 'stop' } & Stop);

export type StreamFrame =
  | { readonly kind: 'bytes'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: 'end'; readonly id: number }
  | { readonly kind: 'reset'; readonly id: number; readonly code: number };

const GRANT = 0;
const STOP = 1;

const DATA = 0;
const END = 1;
const RESET = 2;

export function encodeCredit({ id, limit }: Credit): Uint8Array {
  return new Writer().uint(GRANT).uint(id).uint(limit).take();
}

export function encodeStop({ id, code }: Stop): Uint8Array {
  return new Writer().uint(STOP).uint(id).uint(code).take();
}

/** @throws WireError */
export function decodeCreditFrame(frame: Uint8Array): CreditFrame {
  const reader = new Reader(frame);
  const isStop = reader.uint(STOP) === STOP;
  const id = reader.uint();
  const decoded: CreditFrame = isStop
    ? { kind: 'stop', id, code: reader.uint(RESET_CODE_MAX) }
    : { kind: 'credit', id, limit: reader.uint() };
  reader.end();
  return decoded;
}

export function encodeStreamFrame(frame: StreamFrame): Uint8Array {
  const writer = new Writer();
  if (frame.kind === 'bytes') writer.uint(DATA).uint(frame.id).bytes(frame.bytes);
  else if (frame.kind === 'end') writer.uint(END).uint(frame.id);
  else writer.uint(RESET).uint(frame.id).uint(frame.code);
  return writer.take();
}

/** Bytes are a view of the frame. @throws WireError */
export function decodeStreamFrame(bytes: Uint8Array): StreamFrame {
  const reader = new Reader(bytes);
  const frame = readStreamFrame(reader);
  reader.end();
  return frame;
}

function readStreamFrame(reader: Reader): StreamFrame {
  const kind = reader.uint(RESET);
  const id = reader.uint();
  switch (kind) {
    case DATA:
      return { kind: 'bytes', id, bytes: reader.bytes(FRAME_BYTES_MAX) };
    case END:
      return { kind: 'end', id };
    case RESET:
      return { kind: 'reset', id, code: reader.uint(RESET_CODE_MAX) };
    default:
      throw new WireError('no such frame of a stream');
  }
}
