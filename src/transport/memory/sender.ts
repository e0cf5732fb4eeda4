/**
 * The sending half of one end of a simulated connection: queue, window, and flights on their way.
 *
 * Order holds within a channel: a frame that is lost arrives one probe time-out later and holds
 * back those behind it on its channel only. While the path is cut, flights wait and go out again
 * with the first probe after it healed.
 */

import { BarrelError } from '../../errors.ts';
import {
  FRAME_BYTES_MAX,
  LINK_QUEUE_BYTES_MAX,
  LINK_QUEUE_HIGH_WATER_BYTES,
} from '../../limits.ts';
import { BYTES } from '../streams/channels.ts';
import type { Channel } from '../transport.ts';
import type { EventLoop } from './event-loop.ts';
import type { SimulatedNetwork } from './network.ts';
import { DATAGRAM_BYTES, type Path } from './path.ts';
import { copyOf, type QueuedFrame, SendQueue, sizeOf } from './send-queue.ts';

/** What leaves together and arrives together. */
export interface Flight {
  readonly frames: QueuedFrame[];
  readonly bytes: number;
  /** The dialer's last word of the handshake: the acceptor knows its key from here on. */
  readonly opens: boolean;
}

export interface SenderOptions {
  readonly network: SimulatedNetwork;
  /** The sending node's. */
  readonly loop: EventLoop;
  readonly out: Path;
  /** The way of the acknowledgements. */
  readonly back: Path;
  /** Bytes that may be under way or held by the peer at this moment. */
  readonly windowBytes: () => number;
  readonly onArrival: (flight: Flight) => void;
  readonly onDrained: () => void;
  /** Frames of streams have left. */
  readonly onStreamsLeft: () => void;
}

export class Sender {
  #options: SenderOptions;
  readonly #queue = new SendQueue();
  readonly #lastArrivals: number[] = Array.from({ length: BYTES + 1 }, () => 0);
  #floorMs = 0;
  #stalled: Flight[] = [];
  #stalledSinceMs = 0;
  #releasing: Disposable | undefined;
  #sentBytes = 0;
  #inFlightBytes = 0;
  #lateAckBytes = 0;
  #flushing = false;
  #resuming = false;
  #choked = false;
  #stopped = false;
  /** Something was lost that nobody will send again: what comes behind it is worth nothing. */
  #hasGap = false;
  #onIdle: (() => void) | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  /** Bytes of streams that have not left. */
  get streamBytes(): number {
    return this.#queue.streamBytes;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Everything sent so far arrives by this time, unless the path is cut. */
  get lastArrivalMs(): number {
    return Math.max(this.#floorMs, ...this.#lastArrivals);
  }

  /** See `Connection.send`. */
  send(channel: Channel, frame: Uint8Array): boolean {
    if (frame.byteLength > FRAME_BYTES_MAX) {
      const size = `${frame.byteLength} bytes, the limit is ${FRAME_BYTES_MAX}`;
      throw new BarrelError('ERR_VALUE', `the frame has ${size}`);
    }
    const queued = { channel, bytes: copyOf(frame) };
    if (!this.#queue.hasRoom(queued)) {
      const limit = `${LINK_QUEUE_BYTES_MAX} bytes`;
      throw new BarrelError('ERR_OVERLOADED', `the send queue is at its limit of ${limit}`);
    }
    this.#queue.push(queued);
    this.#flushSoon();
    if (this.#queue.bytes <= LINK_QUEUE_HIGH_WATER_BYTES) return true;
    this.#choked = true;
    return false;
  }

  /** Sends the end of the handshake; whatever is sent after it arrives after it. */
  open(): void {
    const arrivalMs = this.#arrival(DATAGRAM_BYTES, this.#options.out.drawLatencyMs());
    this.#floorMs = arrivalMs;
    this.#inFlightBytes += DATAGRAM_BYTES;
    this.#launch({ frames: [], bytes: DATAGRAM_BYTES, opens: true }, arrivalMs);
  }

  /** The peer has so many bytes; false when that news cannot get here now. */
  acknowledge(bytes: number): boolean {
    if (this.#options.back.isCut) {
      this.#lateAckBytes += bytes;
      return false;
    }
    this.#inFlightBytes -= bytes;
    this.resume();
    return true;
  }

  /** The window may have opened: goes on a one-way delay later, when there is something to do. */
  resume(): void {
    if (this.#resuming || (this.#queue.isEmpty && this.#onIdle === undefined)) return;
    this.#resuming = true;
    this.#options.loop.after(this.#options.back.drawLatencyMs(), () => {
      this.#resuming = false;
      this.#flush();
    });
  }

  /** Calls back once when all that was sent is with the peer. Never synchronously. */
  whenIdle(onIdle: () => void): void {
    this.#onIdle = onIdle;
    this.#flushSoon();
  }

  onPathChanged(): void {
    const { out, back } = this.#options;
    if (!out.isCut && this.#stalled.length > 0) this.#releaseWithNextProbe();
    if (back.isCut || this.#lateAckBytes === 0) return;
    const bytes = this.#lateAckBytes;
    this.#lateAckBytes = 0;
    this.acknowledge(bytes);
  }

  /** Goes on over another path; what got lost goes out again with the first probe on it. */
  moveTo({ out, back }: Pick<SenderOptions, 'out' | 'back'>): void {
    this.#options = { ...this.#options, out, back };
    this.#stalledSinceMs = this.#options.network.clock.monotonicMs();
    if (this.#releasing !== undefined) {
      // That probe would have gone over the path that was left.
      this.#releasing[Symbol.dispose]();
      this.#releasing = undefined;
      this.#floorMs = this.#stalledSinceMs;
    }
    this.onPathChanged();
  }

  /** Since something got lost that was not heard of again; undefined while all arrives. */
  get stalledSinceMs(): number | undefined {
    return this.#stalled.length === 0 ? undefined : this.#stalledSinceMs;
  }

  /** Sends no more; what is on the wire still arrives. */
  stop(): void {
    this.#stopped = true;
    this.#hasGap = this.#stalled.length > 0;
    this.#queue.clear();
    this.#stalled = [];
    this.#onIdle = undefined;
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#options.loop.soon(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#stopped) return;
    const streamBytes = this.streamBytes;
    this.#launchQueued();
    if (this.streamBytes < streamBytes) this.#options.onStreamsLeft();
    if (this.#choked && this.#queue.bytes < LINK_QUEUE_HIGH_WATER_BYTES) {
      this.#choked = false;
      this.#options.onDrained();
    }
    if (!this.#queue.isEmpty || this.#inFlightBytes > 0) return;
    const onIdle = this.#onIdle;
    this.#onIdle = undefined;
    onIdle?.();
  }

  /** Frames that arrive at one time travel as one flight, so that a burst costs one timer. */
  #launchQueued(): void {
    const latencyMs = this.#options.out.drawLatencyMs();
    let frames: QueuedFrame[] = [];
    let bytes = 0;
    let flightArrivalMs = 0;
    while (this.#inFlightBytes < this.#options.windowBytes()) {
      const frame = this.#queue.shift();
      if (frame === undefined) break;
      const arrivalMs = this.#frameArrival(frame, latencyMs);
      if (arrivalMs !== flightArrivalMs && frames.length > 0) {
        this.#launch({ frames, bytes, opens: false }, flightArrivalMs);
        frames = [];
        bytes = 0;
      }
      flightArrivalMs = arrivalMs;
      frames.push(frame);
      bytes += sizeOf(frame);
      this.#inFlightBytes += sizeOf(frame);
    }
    if (frames.length > 0) this.#launch({ frames, bytes, opens: false }, flightArrivalMs);
  }

  #frameArrival(frame: QueuedFrame, latencyMs: number): number {
    const earliestMs = this.#lastArrivals[frame.channel] ?? 0;
    const detourMs = this.#options.out.drawDetourMs();
    const arrivalMs = Math.max(this.#arrival(sizeOf(frame), latencyMs + detourMs), earliestMs);
    this.#lastArrivals[frame.channel] = arrivalMs;
    return arrivalMs;
  }

  #arrival(bytes: number, latencyMs: number): number {
    const { network, out } = this.#options;
    const delayMs = latencyMs + out.drawRepairMs(bytes);
    return Math.max(network.clock.monotonicMs() + delayMs, this.#floorMs);
  }

  #launch(flight: Flight, arrivalMs: number): void {
    const { network, out } = this.#options;
    const { traffic } = network;
    const datagrams = Math.ceil(flight.bytes / DATAGRAM_BYTES);
    const duplicates = out.drawDuplicates(datagrams);
    this.#sentBytes += flight.bytes;
    traffic.frames += flight.frames.length;
    traffic.bytes += flight.bytes + Math.ceil((flight.bytes * duplicates) / datagrams);
    traffic.datagrams += datagrams + duplicates;
    const isLost = out.isCut;
    const delayMs = arrivalMs - network.clock.monotonicMs();
    network.timers.after(delayMs, () => this.#land(flight, isLost));
  }

  #land(flight: Flight, isLost: boolean): void {
    const { network, out } = this.#options;
    const hasArrived = !isLost && !out.isCut && this.#stalled.length === 0;
    if (this.#stopped) {
      this.#hasGap ||= !hasArrived;
      if (!this.#hasGap) this.#options.onArrival(flight);
    } else if (hasArrived) {
      this.#options.onArrival(flight);
    } else {
      if (this.#stalled.length === 0) this.#stalledSinceMs = network.clock.monotonicMs();
      this.#stalled.push(flight);
      if (!out.isCut) this.#releaseWithNextProbe();
    }
  }

  /** Probes go out at 1, 3, 7 ... time-outs after the loss (RFC 9002 section 6.2). */
  #releaseWithNextProbe(): void {
    if (this.#releasing !== undefined) return;
    const { network, loop, out } = this.#options;
    const nowMs = network.clock.monotonicMs();
    let waitMs = out.probeTimeoutMs;
    while (this.#stalledSinceMs + waitMs < nowMs) waitMs = 2 * waitMs + out.probeTimeoutMs;
    const delayMs = this.#stalledSinceMs + waitMs - nowMs + out.drawLatencyMs();
    this.#floorMs = Math.max(this.#floorMs, nowMs + delayMs);
    this.#releasing = loop.after(delayMs, () => this.#release());
  }

  #release(): void {
    this.#releasing = undefined;
    if (this.#options.out.isCut) return;
    for (const flight of this.#stalled.splice(0)) this.#options.onArrival(flight);
  }
}
