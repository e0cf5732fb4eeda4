/**
 * The byte streams of one connection: their numbers, which ones are open, and who hears of what.
 * Numbers are those of QUIC (RFC 9000 section 2.1): the dialer's are multiples of four, the
 * acceptor's are one more; number 0 is the control channel.
 */
import { WireError } from '../../core/wire/wire-error.ts';
import { BarrelError } from '../../errors.ts';
import type { ByteStream, ByteStreams } from '../byte-stream.ts';
import type { WindowGround } from './receive-window.ts';
import type { StreamCarrier } from './stream-carrier.ts';
import { StreamEnd } from './stream-end.ts';
import { decodeCreditFrame, type Stop } from './stream-frames.ts';
import {
  PEER_STREAMS_HELD_MAX,
  PEER_STREAMS_SKIPPED_MAX,
  RESET_OVERLOADED,
  RESET_REFUSED,
  STREAM_WINDOW_BYTES_INITIAL,
  STREAM_WINDOWS_BYTES_MAX,
  STREAMS_PER_END_MAX,
} from './stream-limits.ts';

const STEP = 4;

export class StreamTable implements ByteStreams, WindowGround {
  readonly #carrier: StreamCarrier;
  readonly #streams = new Map<number, StreamEnd>();
  readonly #blocked = new Set<StreamEnd>();
  readonly #ownParity: number;
  #listener: ((stream: ByteStream) => void) | undefined;
  #ownCount = 0;
  #nextOwn: number;
  /** Above all numbers of the peer that have come. */
  #nextPeer: number;
  /** Below it, and still to come: packets overtake each other. */
  readonly #skipped = new Set<number>();
  #windowBytes = 0;
  #rttMs: number | undefined;
  #closedBy: string | undefined;

  constructor(role: 'dialer' | 'acceptor', carrier: StreamCarrier) {
    this.#carrier = carrier;
    this.#ownParity = role === 'dialer' ? 0 : 1;
    this.#nextOwn = role === 'dialer' ? STEP : 1;
    this.#nextPeer = role === 'dialer' ? 1 : STEP;
  }

  /** Streams that wait for the path to take more. */
  get isBlocked(): boolean {
    return this.#blocked.size > 0;
  }

  open(): ByteStream {
    if (this.#closedBy !== undefined) {
      throw new BarrelError('ERR_NO_CONNECTION', `the connection has ended: ${this.#closedBy}`);
    }
    if (this.#ownCount >= STREAMS_PER_END_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${STREAMS_PER_END_MAX} streams are open`);
    }
    const id = this.#nextOwn;
    this.#nextOwn += STEP;
    return this.#add(id);
  }

  listen(listener: (stream: ByteStream) => void): void {
    this.#listener = listener;
  }

  /**
   * The stream that the carrier has something for: a new one of the peer where it is the first.
   * Undefined for one that is over.
   * @throws WireError for a number that the peer cannot open.
   */
  at(id: number): StreamEnd | undefined {
    const known = this.#streams.get(id);
    if (known !== undefined) return known;
    if (id % STEP === this.#ownParity) {
      if (id >= this.#nextOwn) throw new WireError(`stream ${id} was not opened`);
      return undefined;
    }
    if (!this.#isOfPeer(id)) throw new WireError(`stream ${id} has no meaning`);
    if (id < this.#nextPeer && !this.#skipped.delete(id)) return undefined;
    this.#skipTo(id);
    return this.#accept(id);
  }

  /** A frame came on channel `CREDIT`. @throws WireError */
  credit(frame: Uint8Array): void {
    const decoded = decodeCreditFrame(frame);
    if (decoded.kind === 'stop') {
      this.#carrier.reset(decoded.id, decoded.code);
      this.stop(decoded);
    } else this.#streams.get(decoded.id)?.credited(decoded.limit);
  }

  /** The peer has reset that stream, of which nothing else may have come yet. @throws WireError */
  stop({ id, code }: Stop): void {
    const known = this.#streams.get(id);
    if (known !== undefined) known.peerReset(code);
    else if (this.#isOfPeer(id) && id >= this.#nextPeer) this.#skipTo(id);
    else this.#skipped.delete(id);
  }

  /** The path takes bytes again: whoever waits for that writes in turn, as long as it does. */
  writable(): void {
    for (const stream of [...this.#blocked]) {
      if (!this.#carrier.hasRoom(stream.id)) continue;
      this.#blocked.delete(stream);
      stream.writable();
    }
  }

  /** The connection has ended. */
  end(reason: string): void {
    if (this.#closedBy !== undefined) return;
    this.#closedBy = reason;
    for (const stream of [...this.#streams.values()]) stream.lost(reason);
  }

  #isOfPeer(id: number): boolean {
    return id > 0 && id % STEP === 1 - this.#ownParity;
  }

  // What windows share

  reserve(bytes: number): boolean {
    if (this.#windowBytes + bytes > STREAM_WINDOWS_BYTES_MAX) return false;
    this.#windowBytes += bytes;
    return true;
  }

  nowMs(): number {
    return this.#carrier.nowMs();
  }

  rttMs(): number {
    const ms = this.#carrier.rttMs();
    if (ms > 0) this.#rttMs = Math.min(this.#rttMs ?? ms, ms);
    return this.#rttMs ?? 0;
  }

  #skipTo(id: number): void {
    for (; this.#nextPeer < id; this.#nextPeer += STEP) {
      if (this.#skipped.size >= PEER_STREAMS_SKIPPED_MAX) throw new WireError('too many streams');
      this.#skipped.add(this.#nextPeer);
    }
    if (id === this.#nextPeer) this.#nextPeer += STEP;
  }

  #accept(id: number): StreamEnd | undefined {
    const listener = this.#listener;
    const held = this.#streams.size - this.#ownCount;
    if (listener === undefined || held >= PEER_STREAMS_HELD_MAX) {
      this.#carrier.reset(id, listener === undefined ? RESET_REFUSED : RESET_OVERLOADED);
      return undefined;
    }
    const stream = this.#add(id);
    listener(stream);
    if (stream.isUnattended) stream.reset(RESET_REFUSED);
    return this.#streams.get(id);
  }

  #add(id: number): StreamEnd {
    const stream = new StreamEnd({
      id,
      carrier: this.#carrier,
      ground: this,
      onBlocked: (blocked) => this.#blocked.add(blocked),
      onOver: this.#onOver,
    });
    this.#streams.set(id, stream);
    this.#windowBytes += STREAM_WINDOW_BYTES_INITIAL;
    if (id % STEP === this.#ownParity) this.#ownCount += 1;
    return stream;
  }

  readonly #onOver = (stream: StreamEnd): void => {
    this.#streams.delete(stream.id);
    this.#blocked.delete(stream);
    this.#windowBytes -= stream.windowBytes;
    if (stream.id % STEP === this.#ownParity) this.#ownCount -= 1;
  };
}
