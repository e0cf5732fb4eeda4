/**
 * One end of a simulated connection. Keep-alives are not simulated frame by frame: an end is silent
 * while nothing can come from its peer, and lost when that lasts for the idle time-out.
 */
import type { Address } from '../../core/names.ts';
import { WireError } from '../../core/wire/wire-error.ts';
import { BarrelError } from '../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../limits.ts';
import type { ByteStreams } from '../byte-stream.ts';
import { FramedStreams } from '../streams/framed-streams.ts';
import type {
  Channel,
  Closure,
  Connection,
  ConnectionEvents,
  PathFacts,
  PathMove,
} from '../transport.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { Intake, WINDOW_BYTES } from './intake.ts';
import { DATAGRAM_BYTES, type PathUser } from './path.ts';
import { findPath, movePairs } from './path-search.ts';
import { Route } from './route.ts';
import type { QueuedFrame } from './send-queue.ts';
import { type Flight, Sender } from './sender.ts';

/** How long an ended connection goes on sending what was queued before its end. */
const LINGER_MS = 1_000;
/** A frame is its receiver's during the call only; this makes a kept view visible. */
const POISON = 0xee;

const LOST: Closure = {
  reason: 'lost',
  by: 'local',
  detail: 'nothing heard for the idle time-out',
};

export class MemoryConnection implements Connection, PathUser {
  readonly role: 'dialer' | 'acceptor';
  readonly peerKey: Uint8Array;
  readonly ownKey: Uint8Array;
  readonly #options: ConnectionOptions;
  readonly #route: Route;
  readonly #sender: Sender;
  readonly #streams: FramedStreams;
  #peer: MemoryConnection | undefined;
  #events: ConnectionEvents | undefined;
  #state: 'open' | 'closing' | 'ended' = 'open';
  #closure: Closure = { reason: 'closed', by: 'local' };
  readonly #intake = new Intake();
  #peerIsGone = false;
  #silence: Disposable | undefined;
  #linger: Disposable | undefined;
  readonly #deadline: Disposable;
  #rttMs: number;
  #heardMs: number;
  #nextHeardMs = 0;
  #receivedBytes = 0;
  #search: AbortController | undefined;

  constructor(options: ConnectionOptions) {
    const { network, loop, localAddress, remoteAddress } = options;
    this.role = options.role;
    this.peerKey = options.peerKey.slice();
    this.ownKey = options.ownKey;
    this.#options = options;
    this.#rttMs = options.rttMs;
    this.#heardMs = loop.monotonicMs();
    this.#route = new Route({ ...options, user: this }, localAddress, remoteAddress);
    this.#deadline = loop.after(HANDSHAKE_TIMEOUT_MS, () =>
      this.close('lost', 'not admitted in time'),
    );
    this.#sender = new Sender({
      network,
      loop,
      out: this.#route.out,
      back: this.#route.in,
      windowBytes: () => this.#peer?.windowBytes ?? 0,
      onArrival: (flight) => this.#peer?.receive(flight),
      onDrained: () => this.#events?.onDrained(),
      onStreamsLeft: () => this.#streams.table.writable(),
    });
    const sender = this.#sender;
    this.#streams = new FramedStreams(options.role, {
      send: (channel, frame) => void this.send(channel, frame),
      get waitingBytes() {
        return sender.streamBytes;
      },
      nowMs: () => loop.monotonicMs(),
      rttMs: () => this.rttMs,
    });
  }

  /** Joins the two ends; the dialer's end tells the other one that its key is proven. */
  static join(dialer: MemoryConnection, acceptor: MemoryConnection): void {
    dialer.#peer = acceptor;
    acceptor.#peer = dialer;
    dialer.#watchSilence();
    acceptor.#watchSilence();
    dialer.#sender.open();
  }

  get localAddress(): Address {
    return this.#route.out.from;
  }

  get remoteAddress(): Address {
    return this.#route.out.to;
  }

  get canMigrate(): boolean {
    return this.#state === 'open';
  }

  get path(): PathFacts {
    return {
      localAddress: this.localAddress,
      remoteAddress: this.remoteAddress,
      rttMs: this.#rttMs,
      cwndBytes: WINDOW_BYTES,
      sentBytes: this.#sender.sentBytes,
      receivedBytes: this.#receivedBytes,
      lostPackets: 0,
      mtuBytes: DATAGRAM_BYTES,
    };
  }

  get unansweredMs(): number {
    const sinceMs = this.#sender.stalledSinceMs;
    return sinceMs === undefined ? 0 : this.#options.loop.monotonicMs() - sinceMs;
  }

  get rttMs(): number {
    return this.#rttMs;
  }

  get queuedBytes(): number {
    return this.#sender.queuedBytes;
  }

  get lastHeardMs(): number {
    const nowMs = this.#options.loop.monotonicMs();
    if (this.#nextHeardMs <= nowMs) this.#heardMs = Math.max(this.#heardMs, this.#nextHeardMs);
    return this.#heardMs;
  }

  get streams(): ByteStreams {
    return this.#streams.table;
  }

  /** What this end lets its peer have under way. */
  get windowBytes(): number {
    return this.#intake.windowBytes;
  }

  attach(events: ConnectionEvents): void {
    this.#events = events;
  }

  pause(): void {
    this.#intake.pause();
  }

  admit(): void {
    if (!this.#intake.admit()) return;
    this.#deadline[Symbol.dispose]();
    this.#options.loop.soon(() => this.#feedHeld());
  }

  send(channel: Channel, frame: Uint8Array): boolean {
    return this.#state === 'open' ? this.#sender.send(channel, frame) : true;
  }

  close(reason: string, detail?: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#closure = { reason, by: 'local', ...(detail !== undefined && { detail }) };
    this.#report(this.#closure);
    this.#linger = this.#options.loop.after(LINGER_MS, () => this.#finish());
    this.#sender.whenIdle(() => this.#finish());
  }

  async migrate(move: PathMove, signal: AbortSignal): Promise<void> {
    this.#search?.abort(new BarrelError('ERR_PATH_NOT_VALIDATED', 'another move began'));
    if (this.role === 'acceptor') {
      throw new BarrelError('ERR_MIGRATION_DISABLED', 'only the end that dialled can move');
    }
    this.#search = new AbortController();
    const signals = AbortSignal.any([signal, this.#search.signal]);
    const { localAddress: local, remoteAddress: remote } = this;
    const pairs = movePairs(move, { local, remote, stray: this.#route.stray });
    const found = await findPath({ ...this.#options, signal: signals }, pairs);
    if (this.#state !== 'open') {
      throw new BarrelError('ERR_PATH_NOT_VALIDATED', 'the connection ended');
    }
    this.#moveTo(found.local, found.remote);
    this.#peer?.followTo(found.remote, found.local);
  }

  /** The peer has moved. */
  followTo(local: Address, remote: Address): void {
    if (this.#state !== 'ended') this.#moveTo(local, remote);
  }

  /** This node speaks from another address. An acceptor follows at once, a dialer must be told. */
  speakFrom(local: Address): void {
    if (this.#state === 'ended') return;
    if (this.role === 'dialer') {
      this.#peer?.followTo(this.remoteAddress, local);
      this.#moveTo(local, this.remoteAddress);
      return;
    }
    this.#route.speakFrom(local);
    this.#onMoved();
    this.#peer?.hearFrom(local);
  }

  /** The peer speaks from another address. */
  hearFrom(remote: Address): void {
    if (this.#state === 'ended') return;
    this.#route.hearFrom(remote);
    this.#onMoved();
  }

  #moveTo(local: Address, remote: Address): void {
    this.#route.moveTo(local, remote);
    this.#onMoved();
  }

  #onMoved(): void {
    this.#sender.moveTo({ out: this.#route.out, back: this.#route.in });
    this.#watchSilence();
  }

  /** Ends without a word to anybody. */
  vanish(): void {
    if (this.#state === 'ended') return;
    this.#events = undefined;
    this.#end(this.#closure);
    this.#peer?.peerGone();
  }

  /** A flight of the peer has arrived. */
  receive(flight: Flight): void {
    this.#options.loop.enter(() => this.#receive(flight));
  }

  /** The peer has received so many bytes. */
  acknowledge(bytes: number): void {
    if (this.#state === 'ended' || !this.#sender.acknowledge(bytes)) return;
    const nowMs = this.#options.loop.monotonicMs();
    const latencyMs = this.#route.in.drawLatencyMs();
    // Smoothing of RFC 9002 section 5.3.
    this.#rttMs += (2 * latencyMs - this.#rttMs) / 8;
    if (this.#nextHeardMs > nowMs) return;
    this.#heardMs = Math.max(this.#heardMs, this.#nextHeardMs);
    this.#nextHeardMs = nowMs + latencyMs;
  }

  /** The peer has ended, and nothing of that will get here. */
  peerGone(): void {
    this.#peerIsGone = true;
    this.#watchSilence();
  }

  onPathChanged(): void {
    if (this.#state === 'ended') return;
    this.#sender.onPathChanged();
    this.#watchSilence();
  }

  /** True while the node at this end does nothing. */
  get isStalled(): boolean {
    return this.#options.loop.isStalled;
  }

  /** The node at this end has stalled, or goes on: its peer hears nothing meanwhile. */
  onStallChanged(): void {
    const peer = this.#peer;
    if (peer !== undefined) peer.#watchSilence();
  }

  #receive(flight: Flight): void {
    if (this.#state === 'ended') return;
    const { loop, network, onOpened } = this.#options;
    this.#heardMs = loop.monotonicMs();
    this.#receivedBytes += flight.bytes;
    if (flight.opens && this.#state === 'open') onOpened(this);
    for (const frame of flight.frames) {
      network.noteFrame(this.#route.in, frame);
      this.#take(frame);
    }
    this.#peer?.acknowledge(flight.bytes);
  }

  #take(frame: QueuedFrame): void {
    if (this.#state !== 'open') return;
    const verdict = this.#intake.take(frame);
    if (verdict === 'now') this.#feed(frame);
    else if (verdict === 'refused') this.close('protocol', 'too much data before admission');
  }

  #feed(frame: QueuedFrame): void {
    if (this.#events === undefined) {
      throw new Error('a connection was not attached in the tick in which it was handed over');
    }
    if (!this.#feedStreams(frame)) this.#events.onFrame(frame.channel, frame.bytes);
    frame.bytes.fill(POISON);
  }

  #feedStreams({ channel, bytes }: QueuedFrame): boolean {
    try {
      return this.#streams.deliver(channel, bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.close('protocol', error.message);
      return true;
    }
  }

  #feedHeld(): void {
    for (const frame of this.#intake.takeHeld()) {
      if (this.#state === 'open') this.#feed(frame);
    }
    const peer = this.#peer;
    if (peer !== undefined) peer.#sender.resume();
  }

  /** Says goodbye as far as the path allows, then ends. */
  #finish(): void {
    if (this.#state === 'ended') return;
    const { timers, clock } = this.#options.network;
    const nowMs = clock.monotonicMs();
    const arrivalMs = nowMs + this.#route.out.drawLatencyMs() + this.#route.out.drawRepairMs(0);
    const delayMs = Math.max(arrivalMs, this.#sender.lastArrivalMs) - nowMs;
    const closure = this.#closure;
    this.#end(closure);
    const peer = this.#peer;
    if (this.#route.out.isCut) peer?.peerGone();
    else {
      timers.after(delayMs, () => {
        if (this.#route.out.isCut) peer?.peerGone();
        else peer?.peerSaidGoodbye(closure);
      });
    }
  }

  /** The peer's last word has arrived. */
  peerSaidGoodbye(closure: Closure): void {
    this.#options.loop.enter(() => this.#onGoodbye(closure));
  }

  #onGoodbye(closure: Closure): void {
    if (this.#state === 'ended') return;
    if (this.#intake.isAdmitted) this.#feedHeld();
    this.#end({ ...closure, by: 'peer' });
  }

  #watchSilence(): void {
    const hearsNothing = this.#peerIsGone || this.#route.in.isCut || this.#peer?.isStalled === true;
    const isSilent = this.#state !== 'ended' && hearsNothing;
    if (isSilent === (this.#silence !== undefined)) return;
    this.#silence?.[Symbol.dispose]();
    this.#silence = undefined;
    if (!isSilent) return;
    const { loop, idleTimeoutMs } = this.#options;
    this.#silence = loop.after(idleTimeoutMs, () => this.#lose());
  }

  #lose(): void {
    if (this.#state === 'ended') return;
    this.#end(LOST);
    this.#peer?.peerGone();
  }

  #end(closure: Closure): void {
    this.#state = 'ended';
    this.#sender.stop();
    this.#intake.takeHeld();
    this.#silence?.[Symbol.dispose]();
    this.#linger?.[Symbol.dispose]();
    this.#deadline[Symbol.dispose]();
    this.#route.close();
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
