/**
 * Byte streams on the two-way streams of one QUIC connection. What arrives is read at once, so that
 * QUIC's own flow control, which all streams of the connection share, never stands still for a slow
 * reader; how much the peer may send of each is said with credit (see `streams/`).
 *
 * The library keeps a stream until it was read to its end or reset, and written to its end or
 * reset; one that this end has reset is therefore read on, into nothing.
 */
import { WireError } from '../../core/wire/wire-error.ts';
import type { Clock } from '../../host/host.ts';
import type { StreamCarrier } from '../streams/stream-carrier.ts';
import { encodeStop } from '../streams/stream-frames.ts';
import {
  RESET_OVERLOADED,
  STREAM_TURN_BYTES,
  STREAM_TURN_BYTES_BESIDE,
} from '../streams/stream-limits.ts';
import { StreamTable } from '../streams/stream-table.ts';
import { messageOf } from './closure.ts';
import type { NativeConnection } from './native.ts';

/** Behind control (0) and the lanes (127): 255 is the last. Those of one urgency take turns. */
const URGENCY = 200;
const READ = 0;
const WRITE = 1;
const NOTHING = new Uint8Array(0);
/** `StreamReset(7)`, `StreamStopped(7)`: how the binding says that the peer has reset. */
const RESET = /^Stream(?:Reset|Stopped)\((\d+)\)$/;
/** So long after a message others are expected. */
const MESSAGES_MS = 100;
/** Streams that have ended and may still have bytes under way: so many are looked at in a turn. */
const LEAVING_LOOKED_AT = 8;
/** Shared by all connections: its content is copied before the next read. */
const scratch = new Uint8Array(65_536);

export interface ByteStreamsOwner {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  rttMs(): number;
  /** When the last message was sent on the connection. Monotonic; minus infinity before. */
  messageMs(): number;
  /** Something is to be sent at the end of this turn. */
  onWritten(): void;
  /** Sends a frame on channel `CREDIT`. */
  sendCredit(frame: Uint8Array): void;
}

export class QuicByteStreams implements StreamCarrier {
  readonly table: StreamTable;
  readonly #native: NativeConnection;
  readonly #owner: ByteStreamsOwner;
  readonly #begun = new Set<number>();
  /** Found while writing: told when the turn is over. */
  readonly #stopped = new Map<number, number>();
  /** Own directions that have ended: a reset says nothing more of them. */
  readonly #finished = new Set<number>();
  readonly #leaving = new Set<number>();
  #turnBytes = 0;
  #turnBytesMax: number = STREAM_TURN_BYTES;

  constructor(native: NativeConnection, role: 'dialer' | 'acceptor', owner: ByteStreamsOwner) {
    this.#native = native;
    this.#owner = owner;
    this.table = new StreamTable(role, this);
  }

  /** All that was written on streams that ended in order is with the peer. */
  get hasLeft(): boolean {
    for (const id of this.#leaving) if (!this.#isGone(id)) return false;
    return true;
  }

  /** Reads all there is on that stream; answers the number of bytes. @throws WireError */
  read(id: number): number {
    const stream = this.table.at(id);
    if (stream === undefined) {
      this.#drop(id, 0);
      return 0;
    }
    let bytes = 0;
    for (;;) {
      const read = this.#readPart(id);
      if (read === null) break;
      if (typeof read === 'number') {
        this.#onPeerReset(id, read);
        break;
      }
      bytes += read[0];
      stream.received(scratch.subarray(0, read[0]));
      if (!read[1]) continue;
      stream.peerEnded();
      break;
    }
    return bytes;
  }

  /** A turn is over: tells of resets, lets those write who wait. True if they want another turn. */
  turn(): boolean {
    this.#turnBytes = 0;
    this.#turnBytesMax = this.#hasMessages() ? STREAM_TURN_BYTES_BESIDE : STREAM_TURN_BYTES;
    for (const [id, code] of this.#stopped) this.#onPeerReset(id, code);
    this.#stopped.clear();
    this.table.writable();
    this.#forgetGone();
    return this.table.isBlocked && this.#turnBytes >= this.#turnBytesMax;
  }

  write(id: number, bytes: Uint8Array): number {
    const most = Math.min(bytes.length, this.#turnBytesMax - this.#turnBytes);
    if (most <= 0) return 0;
    if (!this.#begun.has(id)) return this.#writeFirst(id, bytes.subarray(0, most));
    const room = this.#capacity(id);
    return room === 0 ? 0 : this.#send(id, bytes.subarray(0, Math.min(room, most)), false);
  }

  hasRoom(id: number): boolean {
    if (this.#turnBytes >= this.#turnBytesMax) return false;
    return !this.#begun.has(id) || this.#capacity(id) > 0;
  }

  finish(id: number): void {
    if (!this.#begun.has(id)) this.#begin(id);
    this.#finished.add(id);
    this.#send(id, NOTHING, true);
  }

  reset(id: number, code: number): void {
    // The library sends RESET_STREAM again when it is lost, but not STOP_SENDING.
    if (this.#finished.has(id)) this.#owner.sendCredit(encodeStop({ id, code }));
    this.#drop(id, code);
  }

  over(id: number): void {
    this.#forget(id);
    this.#leaving.add(id);
  }

  nowMs(): number {
    return this.#owner.clock.monotonicMs();
  }

  rttMs(): number {
    return this.#owner.rttMs();
  }

  sendCredit(frame: Uint8Array): void {
    this.#owner.sendCredit(frame);
  }

  #hasMessages(): boolean {
    return this.nowMs() - this.#owner.messageMs() < MESSAGES_MS;
  }

  #onPeerReset(id: number, code: number): void {
    this.#drop(id, code);
    this.table.stop({ id, code });
  }

  /** Ends both directions for the library. */
  #drop(id: number, code: number): void {
    this.#discard(id);
    for (const direction of [READ, WRITE] as const) {
      this.#quietly(() => this.#native.streamShutdown(id, direction, code));
    }
    this.#forget(id);
    this.#owner.onWritten();
  }

  #begin(id: number): void {
    this.#begun.add(id);
    this.#quietly(() => this.#native.streamPriority(id, URGENCY, true));
  }

  /** The library opens a stream with its first bytes, as far as the peer allows one more. */
  #writeFirst(id: number, bytes: Uint8Array): number {
    const taken = this.#send(id, bytes, false);
    if (taken > 0) this.#begin(id);
    return taken;
  }

  #send(id: number, bytes: Uint8Array, isLast: boolean): number {
    try {
      const taken = this.#native.streamSend(id, bytes, isLast) ?? 0;
      this.#turnBytes += taken;
      if (taken > 0 || isLast) this.#owner.onWritten();
      return taken;
    } catch (error) {
      // `StreamLimit`: the peer lets no more be open, although fewer are than it takes.
      const isLimit = messageOf(error) === 'StreamLimit';
      this.#noteStopped(id, isLimit ? RESET_OVERLOADED : codeOf(error));
      return 0;
    }
  }

  #capacity(id: number): number {
    try {
      return this.#native.streamCapacity(id);
    } catch (error) {
      this.#noteStopped(id, codeOf(error));
      return 0;
    }
  }

  /**
   * Never from within a call: the owner hears of it at the end of the turn. Where the library has
   * forgotten the stream, and the code with it, the peer's word on `CREDIT` is still to come.
   */
  #noteStopped(id: number, code: number | undefined): void {
    if (code === undefined) return;
    this.#stopped.set(id, code);
    this.#owner.onWritten();
  }

  /** Bytes and whether they are the last; null for none; the code when the peer has reset. */
  #readPart(id: number): readonly [number, boolean] | null | number {
    try {
      return this.#native.streamRecv(id, scratch);
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined) throw new WireError(`stream ${id}: ${messageOf(error)}`);
      return code;
    }
  }

  /** Reads into nothing: what is left unread keeps the stream in memory. */
  #discard(id: number): void {
    this.#quietly(() => {
      for (;;) {
        const read = this.#native.streamRecv(id, scratch);
        if (read === null || read[1]) return;
      }
    });
  }

  #forget(id: number): void {
    this.#begun.delete(id);
    this.#finished.delete(id);
    this.#stopped.delete(id);
  }

  #forgetGone(): void {
    let looked = 0;
    for (const id of this.#leaving) {
      if (looked >= LEAVING_LOOKED_AT) return;
      looked += 1;
      if (this.#isGone(id)) this.#leaving.delete(id);
    }
  }

  #isGone(id: number): boolean {
    try {
      this.#native.streamCapacity(id);
      return false;
    } catch {
      return true;
    }
  }

  /** For streams that the library may have forgotten meanwhile, and says so by throwing. */
  #quietly(action: () => void): void {
    try {
      action();
    } catch {
      // It is over, which is what was wanted.
    }
  }
}

function codeOf(error: unknown): number | undefined {
  const code = RESET.exec(messageOf(error))?.[1];
  return code === undefined ? undefined : Number(code);
}
