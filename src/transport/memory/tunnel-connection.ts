/**
 * One end of a simulated connection that leads through other nodes. Unlike those on a simulated
 * path, it is made of datagrams, which the nodes between carry as they would carry those of QUIC.
 */
import type { Address } from '../../core/names.ts';
import { FrameReader } from '../../core/wire/frame.ts';
import { WireError } from '../../core/wire/wire-error.ts';
import { BarrelError } from '../../errors.ts';
import {
  CONTROL_QUEUE_BYTES_MAX,
  FRAME_BYTES_MAX,
  HANDSHAKE_TIMEOUT_MS,
  LINK_QUEUE_BYTES_MAX,
  LINK_QUEUE_HIGH_WATER_BYTES,
  UNADMITTED_BYTES_MAX,
} from '../../limits.ts';
import type { ByteStreams } from '../byte-stream.ts';
import { Outbox } from '../quic/outbox.ts';
import { FramedStreams } from '../streams/framed-streams.ts';
import {
  type Channel,
  type Closure,
  CONTROL,
  type Connection,
  type ConnectionEvents,
  type PathFacts,
} from '../transport.ts';
import type { EventLoop } from './event-loop.ts';
import {
  encodeDatagram,
  PART_BYTES,
  type Parcel,
  type TunnelDatagram,
} from './tunnel-datagrams.ts';
import { bytesOf, TunnelWindow } from './tunnel-window.ts';

const LINGER_MS = 1_000;
const KEEP_ALIVE_MS = 4_000;

export interface TunnelConnectionOptions {
  readonly loop: EventLoop;
  readonly role: 'dialer' | 'acceptor';
  readonly remoteAddress: Address;
  readonly peerKey: Uint8Array;
  readonly ownKey: Uint8Array;
  readonly idleTimeoutMs: number;
  /** Round trip of the handshake; 0 where it is not known. */
  readonly rttMs: number;
  readonly transmit: (datagram: Uint8Array) => void;
  readonly onEnded: (connection: TunnelConnection) => void;
}

type Part = Extract<Parcel, { kind: 'part' }>;

export class TunnelConnection implements Connection {
  readonly role: 'dialer' | 'acceptor';
  readonly peerKey: Uint8Array;
  readonly ownKey: Uint8Array;
  readonly remoteAddress: Address;
  readonly #options: TunnelConnectionOptions;
  readonly #window: TunnelWindow;
  readonly #outbox = new Outbox();
  readonly #streams: FramedStreams;
  readonly #readers = new Map<Channel, FrameReader>();
  readonly #timers: Disposable[] = [];
  #events: ConnectionEvents | undefined;
  #state: 'open' | 'closing' | 'ended' = 'open';
  #closure: Closure = { reason: 'closed', by: 'local' };
  #admission: 'unadmitted' | 'paused' | 'admitted' = 'unadmitted';
  /** Frames that came in one part with the one that paused the connection. */
  #heldFrames: (readonly [Channel, Uint8Array])[] = [];
  #held: Part[] = [];
  #unadmittedBytes = 0;
  #received = 0;
  #readBytes = 0;
  #hasSaidEnd = false;
  #wantsDrained = false;
  #isWaking = false;
  #silence: Disposable | undefined;
  #keepAlive: Disposable | undefined;
  lastHeardMs: number;

  constructor(options: TunnelConnectionOptions) {
    const { loop, role, remoteAddress, peerKey } = options;
    this.role = role;
    this.peerKey = peerKey.slice();
    this.ownKey = options.ownKey;
    this.remoteAddress = remoteAddress;
    this.#options = options;
    this.#window = new TunnelWindow(options);
    const outbox = this.#outbox;
    this.#streams = new FramedStreams(role, {
      send: (channel, frame) => this.#queue(channel, frame),
      get waitingBytes() {
        return outbox.streamBytes;
      },
      nowMs: () => loop.monotonicMs(),
      rttMs: () => this.rttMs,
    });
    this.lastHeardMs = loop.monotonicMs();
    this.#timers.push(
      loop.after(HANDSHAKE_TIMEOUT_MS, () => {
        if (this.#admission !== 'admitted') this.close('lost', 'not admitted in time');
      }),
    );
    this.#hear();
    this.#stayAlive();
  }

  get rttMs(): number {
    return this.#window.rttMs;
  }

  get queuedBytes(): number {
    return this.#outbox.bytes;
  }

  get streams(): ByteStreams {
    return this.#streams.table;
  }

  /** The near end of the tunnel. */
  get localAddress(): Address {
    return this.remoteAddress;
  }

  get canMigrate(): boolean {
    return false;
  }

  get path(): PathFacts {
    const { localAddress, remoteAddress, rttMs } = this;
    const uncounted = { cwndBytes: 0, sentBytes: 0, receivedBytes: 0, lostPackets: 0 };
    return { localAddress, remoteAddress, rttMs, ...uncounted, mtuBytes: PART_BYTES };
  }

  get unansweredMs(): number {
    return 0;
  }

  migrate(): Promise<never> {
    const why = 'a connection through other nodes has no address';
    return Promise.reject(new BarrelError('ERR_MIGRATION_DISABLED', why));
  }

  attach(events: ConnectionEvents): void {
    this.#events = events;
  }

  pause(): void {
    if (this.#admission === 'unadmitted') this.#admission = 'paused';
  }

  admit(): void {
    this.#admission = 'admitted';
    this.#wake();
  }

  send(channel: Channel, frame: Uint8Array): boolean {
    if (frame.length > FRAME_BYTES_MAX) {
      throw new BarrelError('ERR_VALUE', `a frame of ${frame.length} bytes is over the limit`);
    }
    if (this.#state !== 'open') return true;
    const bytesMax = channel === CONTROL ? CONTROL_QUEUE_BYTES_MAX : LINK_QUEUE_BYTES_MAX;
    if (this.#outbox.bytesOf(channel) + frame.length > bytesMax) {
      throw new BarrelError('ERR_OVERLOADED', `send queue is full (${bytesMax} bytes)`);
    }
    this.#queue(channel, frame);
    const isLow = this.#outbox.bytes < LINK_QUEUE_HIGH_WATER_BYTES;
    if (!isLow) this.#wantsDrained = true;
    return isLow;
  }

  close(reason: string, detail?: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#closure = { reason, by: 'local', ...(detail !== undefined && { detail }) };
    this.#report(this.#closure);
    this.#timers.push(this.#options.loop.after(LINGER_MS, () => this.#end(this.#closure)));
    this.#wake();
  }

  #queue(channel: Channel, frame: Uint8Array): void {
    if (this.#state !== 'open') return;
    this.#outbox.push(channel, frame);
    this.#wake();
  }

  /** Ends without a word to anybody. */
  vanish(): void {
    this.#events = undefined;
    this.#end(this.#closure);
  }

  receive(datagram: TunnelDatagram): void {
    if (this.#state === 'ended') return;
    this.#hear();
    if (datagram.kind === 'ack') {
      this.#window.onAck(datagram.received, datagram.readBytes);
      this.#wake();
    } else if (datagram.kind === 'parcel') {
      if (datagram.sequence === this.#received) this.#take(datagram.parcel);
      this.#acknowledge();
    }
  }

  #take(parcel: Parcel): void {
    this.#received += 1;
    this.lastHeardMs = this.#options.loop.monotonicMs();
    if (parcel.kind === 'end') this.#onEnd(parcel);
    else if (this.#mustHold(parcel)) this.#held.push({ ...parcel, bytes: parcel.bytes.slice() });
    else this.#read(parcel);
  }

  #mustHold({ channel }: Part): boolean {
    if (this.#state !== 'open') return false;
    if (this.#admission === 'admitted') return this.#hasHeld;
    return this.#admission === 'paused' || channel !== CONTROL;
  }

  #read(part: Part): void {
    this.#readBytes += bytesOf(part);
    if (this.#state !== 'open') return;
    try {
      this.#countUnadmitted(part);
      const reader = this.#readers.get(part.channel) ?? new FrameReader(FRAME_BYTES_MAX);
      this.#readers.set(part.channel, reader);
      reader.push(part.bytes, (frame) => this.#deliver(part.channel, frame));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.close('protocol', error.message);
    }
  }

  #deliver(channel: Channel, frame: Uint8Array): void {
    if (this.#state !== 'open') return;
    if (this.#admission === 'paused') this.#heldFrames.push([channel, frame.slice()]);
    else if (!this.#streams.deliver(channel, frame)) this.#events?.onFrame(channel, frame);
  }

  #countUnadmitted({ bytes }: Part): void {
    if (this.#admission !== 'unadmitted') return;
    this.#unadmittedBytes += bytes.length;
    if (this.#unadmittedBytes > UNADMITTED_BYTES_MAX) {
      throw new WireError('too much data before admission');
    }
  }

  #onEnd({ reason, detail }: Extract<Parcel, { kind: 'end' }>): void {
    this.#acknowledge();
    if (this.#state === 'open' && this.#admission === 'admitted') this.#readHeld();
    this.#end({ reason, by: 'peer', ...(detail !== undefined && { detail }) });
  }

  get #hasHeld(): boolean {
    return this.#held.length + this.#heldFrames.length > 0;
  }

  #readHeld(): void {
    for (const [channel, frame] of this.#heldFrames.splice(0)) this.#deliver(channel, frame);
    for (const part of this.#held.splice(0)) this.#read(part);
  }

  /** Asks for a flush at the end of this turn. */
  #wake(): void {
    if (this.#isWaking) return;
    this.#isWaking = true;
    this.#options.loop.soon(() => {
      this.#isWaking = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#state === 'ended') return;
    if (this.#admission === 'admitted' && this.#hasHeld) {
      this.#readHeld();
      this.#acknowledge();
    }
    this.#outbox.drain((channel, bytes) => this.#write(channel, bytes));
    this.#streams.table.writable();
    if (this.#wantsDrained && this.#outbox.bytes < LINK_QUEUE_HIGH_WATER_BYTES / 2) {
      this.#wantsDrained = false;
      this.#events?.onDrained();
    }
    const isEmpty = this.#outbox.bytes + this.#outbox.streamBytes === 0;
    if (this.#state === 'closing' && isEmpty) this.#sayEnd();
  }

  #write(channel: Channel, bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && this.#window.hasRoom) {
      const part = bytes.subarray(at, at + PART_BYTES);
      this.#window.send({ kind: 'part', channel, bytes: part });
      at += part.length;
    }
    return at;
  }

  #sayEnd(): void {
    const { reason, detail } = this.#closure;
    if (!this.#hasSaidEnd) this.#window.send({ kind: 'end', reason, detail });
    else if (this.#window.isIdle) this.#end(this.#closure);
    this.#hasSaidEnd = true;
  }

  #acknowledge(): void {
    const { transmit } = this.#options;
    transmit(encodeDatagram({ kind: 'ack', received: this.#received, readBytes: this.#readBytes }));
  }

  #hear(): void {
    const { loop, idleTimeoutMs } = this.#options;
    this.#silence?.[Symbol.dispose]();
    this.#silence = loop.after(idleTimeoutMs, () =>
      this.#end({ reason: 'lost', by: 'local', detail: 'nothing heard for the idle time-out' }),
    );
  }

  #stayAlive(): void {
    this.#keepAlive = this.#options.loop.after(KEEP_ALIVE_MS, () => {
      this.#acknowledge();
      this.#stayAlive();
    });
  }

  #end(closure: Closure): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#window.stop();
    this.#outbox.clear();
    this.#held = [];
    for (const timer of [...this.#timers, this.#silence, this.#keepAlive]) {
      timer?.[Symbol.dispose]();
    }
    this.#options.onEnded(this);
    this.#report(closure);
  }

  /** Once: the first word on the end stands. */
  #report(closure: Closure): void {
    const events = this.#events;
    this.#events = undefined;
    if (events === undefined) return;
    this.#options.loop.soon(() => {
      this.#streams.table.end(closure.reason);
      events.onClosed(closure);
    });
  }
}
