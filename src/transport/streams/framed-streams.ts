/** Byte streams of a transport that has none of its own: their parts travel as frames. */
import { BYTES, CREDIT } from './channels.ts';
import type { StreamCarrier } from './stream-carrier.ts';
import { decodeStreamFrame, encodeStreamFrame } from './stream-frames.ts';
import { StreamTable } from './stream-table.ts';

/** Bytes of a stream in one frame. */
const PIECE_BYTES = 16_384;
/** Bytes of streams that wait to leave this end. */
const QUEUE_BYTES = 131_072;

export interface FrameSender {
  /** Queues a frame; the bytes are copied before it returns. */
  send(channel: number, frame: Uint8Array): void;
  /** Bytes that wait on channel `BYTES`. */
  readonly waitingBytes: number;
  nowMs(): number;
  rttMs(): number;
}

export class FramedStreams implements StreamCarrier {
  readonly table: StreamTable;
  readonly #sender: FrameSender;

  constructor(role: 'dialer' | 'acceptor', sender: FrameSender) {
    this.#sender = sender;
    this.table = new StreamTable(role, this);
  }

  /** True for a frame that is for streams. @throws WireError when it breaks the rules. */
  deliver(channel: number, bytes: Uint8Array): boolean {
    if (channel === CREDIT) this.table.credit(bytes);
    else if (channel === BYTES) this.#take(bytes);
    else return false;
    return true;
  }

  write(id: number, bytes: Uint8Array): number {
    let taken = 0;
    while (taken < bytes.length && this.hasRoom()) {
      const piece = bytes.subarray(taken, taken + PIECE_BYTES);
      this.#sender.send(BYTES, encodeStreamFrame({ kind: 'bytes', id, bytes: piece }));
      taken += piece.length;
    }
    return taken;
  }

  hasRoom(): boolean {
    return this.#sender.waitingBytes < QUEUE_BYTES;
  }

  finish(id: number): void {
    this.#sender.send(BYTES, encodeStreamFrame({ kind: 'end', id }));
  }

  reset(id: number, code: number): void {
    this.#sender.send(BYTES, encodeStreamFrame({ kind: 'reset', id, code }));
  }

  over(): void {
    // Frames leave nothing behind.
  }

  nowMs(): number {
    return this.#sender.nowMs();
  }

  rttMs(): number {
    return this.#sender.rttMs();
  }

  sendCredit(frame: Uint8Array): void {
    this.#sender.send(CREDIT, frame);
  }

  #take(bytes: Uint8Array): void {
    const frame = decodeStreamFrame(bytes);
    const stream = this.table.at(frame.id);
    if (frame.kind === 'bytes') stream?.received(frame.bytes);
    else if (frame.kind === 'end') stream?.peerEnded();
    else stream?.peerReset(frame.code);
  }
}
