/**
 * Parcels that arrive once and in order over a tunnel that may lose datagrams: all that is not
 * acknowledged is sent again from the first gap on, and only so much is out as the peer has room
 * for.
 */
import type { EventLoop } from './event-loop.ts';
import { encodeDatagram, type Parcel } from './tunnel-datagrams.ts';

/** Bytes that the peer has not read; in place of flow and congestion control. */
const WINDOW_BYTES = 65_536;
/** Before the first sample, and at least. */
const PROBE_MS = 300;
const PROBE_MS_MAX = 4_000;
/** So many acknowledgements of one parcel say that the next one is lost (RFC 9002, 6.1.1). */
const REPEATED_ACKS = 3;

export interface TunnelWindowOptions {
  readonly loop: EventLoop;
  readonly transmit: (datagram: Uint8Array) => void;
  /** Round trip of the handshake; 0 where it is not known. */
  readonly rttMs: number;
}

interface Sent {
  readonly sequence: number;
  readonly datagram: Uint8Array;
  readonly sentMs: number;
  isRepeated: boolean;
}

export class TunnelWindow {
  readonly #loop: EventLoop;
  readonly #transmit: (datagram: Uint8Array) => void;
  #unacknowledged: Sent[] = [];
  #sequence = 0;
  #sentBytes = 0;
  #readBytes = 0;
  #probes = 0;
  #repeatedAcks = 0;
  #timer: Disposable | undefined;
  /** Smoothed; 0 before the first sample. */
  rttMs: number;

  constructor(options: TunnelWindowOptions) {
    this.#loop = options.loop;
    this.#transmit = options.transmit;
    this.rttMs = options.rttMs;
  }

  get hasRoom(): boolean {
    return this.#sentBytes - this.#readBytes < WINDOW_BYTES;
  }

  /** All that was sent has come. */
  get isIdle(): boolean {
    return this.#unacknowledged.length === 0;
  }

  send(parcel: Parcel): void {
    const sequence = this.#sequence;
    this.#sequence += 1;
    this.#sentBytes += bytesOf(parcel);
    const datagram = encodeDatagram({ kind: 'parcel', sequence, parcel });
    const sentMs = this.#loop.monotonicMs();
    this.#unacknowledged.push({ sequence, datagram, sentMs, isRepeated: false });
    this.#transmit(datagram);
    this.#arm();
  }

  onAck(received: number, readBytes: number): void {
    this.#readBytes = Math.max(this.#readBytes, readBytes);
    const come = this.#unacknowledged.filter(({ sequence }) => sequence < received);
    const last = come.at(-1);
    if (last === undefined) {
      this.#repeatedAcks += 1;
      if (this.#repeatedAcks === REPEATED_ACKS) this.#repeat();
      return;
    }
    this.#repeatedAcks = 0;
    this.#unacknowledged = this.#unacknowledged.slice(come.length);
    if (!last.isRepeated) this.#sample(this.#loop.monotonicMs() - last.sentMs);
    this.#probes = 0;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#arm();
  }

  stop(): void {
    this.#timer?.[Symbol.dispose]();
    this.#unacknowledged = [];
  }

  #arm(): void {
    if (this.#timer !== undefined || this.isIdle) return;
    const probeMs = Math.max(3 * this.rttMs, PROBE_MS) * 2 ** this.#probes;
    this.#timer = this.#loop.after(Math.min(probeMs, PROBE_MS_MAX), () => this.#probe());
  }

  #probe(): void {
    this.#timer = undefined;
    this.#probes += 1;
    this.#repeat();
    this.#arm();
  }

  #repeat(): void {
    for (const sent of this.#unacknowledged) {
      sent.isRepeated = true;
      this.#transmit(sent.datagram);
    }
  }

  #sample(ms: number): void {
    this.rttMs = this.rttMs === 0 ? ms : this.rttMs + (ms - this.rttMs) / 8;
  }
}

export function bytesOf(parcel: Parcel): number {
  return parcel.kind === 'part' ? parcel.bytes.length : 0;
}
