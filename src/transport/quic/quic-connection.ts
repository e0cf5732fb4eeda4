/**
 * One QUIC connection, driven by hand: datagrams in, datagrams out, a timer between. It knows
 * nothing of names or trust; it proves the peer's key and moves frames.
 */
import { WireError } from '../../core/wire/wire-error.ts';
import { BarrelError } from '../../errors.ts';
import { endpointText } from '../../host/endpoint-text.ts';
import type { Endpoint } from '../../host/udp.ts';
import {
  CONTROL_QUEUE_BYTES_MAX,
  FRAME_BYTES_MAX,
  HANDSHAKE_TIMEOUT_MS,
  LINK_QUEUE_BYTES_MAX,
  LINK_QUEUE_HIGH_WATER_BYTES,
} from '../../limits.ts';
import type { ByteStreams } from '../byte-stream.ts';
import { CREDIT } from '../streams/channels.ts';
import {
  type Channel,
  type Closure,
  CONTROL,
  type Connection,
  type ConnectionEvents,
  type PathFacts,
  type PathMove,
} from '../transport.ts';
import { QuicByteStreams } from './byte-streams.ts';
import { ChannelWriter } from './channel-writer.ts';
import { closePhrase, closureOf, messageOf } from './closure.ts';
import { type IdRegister, replenishIds } from './connection-ids.ts';
import type { ConnectionOwner, ConnectionStart } from './connection-owner.ts';
import { ConnectionPaths } from './connection-paths.ts';
import { Inbox } from './inbox.ts';
import type { NativeConnection } from './native.ts';
import { Outbox } from './outbox.ts';
import { provenKey } from './proven-key.ts';
import { ACK_DELAY_MS, ACK_EVERY_DATAGRAMS, KEEP_ALIVE_MS, LINGER_MS } from './settings.ts';
import { WakeTimer } from './wake-timer.ts';

const NOTHING = new Uint8Array(0);

export class QuicConnection implements Connection {
  readonly role: 'dialer' | 'acceptor';
  readonly ownKey: Uint8Array;
  readonly #native: NativeConnection;
  readonly #owner: ConnectionOwner;
  readonly #datagramBytesMax: number;
  readonly #inbox: Inbox;
  readonly #outbox = new Outbox();
  readonly #paths: ConnectionPaths;
  readonly #ids: IdRegister;
  readonly #channels: ChannelWriter;
  #events: ConnectionEvents | undefined;
  /** `handshake` until both keys are proven; `lingering` after our own close. */
  #state: 'handshake' | 'open' | 'lingering' | 'ended' = 'handshake';
  #closure: Closure | undefined;
  #peerKey: Uint8Array = NOTHING;
  #failure: unknown;
  #wantsDrained = false;
  #hasData = false;
  #heldDatagrams = 0;
  readonly #timer: WakeTimer;
  #deadline: Disposable | undefined;
  #keepAlive: Disposable | undefined;
  readonly #streams: QuicByteStreams;
  /** When the first frame went out after which nothing came. */
  #askedMs: number | undefined;
  #messageMs = Number.NEGATIVE_INFINITY;
  lastHeardMs: number;

  constructor(native: NativeConnection, owner: ConnectionOwner, start: ConnectionStart) {
    this.#native = native;
    this.#owner = owner;
    this.role = start.role;
    this.ownKey = start.ownKey;
    this.#datagramBytesMax = start.datagramBytesMax;
    this.#timer = new WakeTimer(owner.host, () => this.#onTimer());
    this.#inbox = new Inbox(native, start.role === 'acceptor', {
      onFrame: this.#deliver,
      onByteStream: (stream) => this.#streams.read(stream),
    });
    this.#channels = new ChannelWriter({
      native,
      isDialer: start.role === 'dialer',
      hasControl: () => this.#inbox.hasControl,
      onWritten: () => {
        this.#hasData = true;
      },
    });
    this.#ids = {
      add: (id) => owner.addId(this, id),
      delete: (id) => owner.deleteId(this, id),
    };
    this.#paths = new ConnectionPaths(native, start, { owner, wake: () => owner.wake(this) });
    this.#streams = new QuicByteStreams(native, start.role, {
      clock: owner.host.clock,
      rttMs: () => this.rttMs,
      messageMs: () => this.#messageMs,
      onWritten: this.#onWritten,
      sendCredit: (frame) => this.#queue(CREDIT, frame),
    });
    this.lastHeardMs = owner.host.clock.monotonicMs();
    this.#deadline = owner.host.timers.after(HANDSHAKE_TIMEOUT_MS, () =>
      this.#abort('lost', 'not admitted in time'),
    );
  }

  get peerKey(): Uint8Array {
    return this.#peerKey;
  }

  get localAddress(): string {
    return endpointText(this.#paths.active.local);
  }

  get remoteAddress(): string {
    return endpointText(this.#paths.active.remote);
  }

  get canMigrate(): boolean {
    return this.#state === 'open' && this.#paths.canMigrate;
  }

  get path(): PathFacts {
    return this.#paths.facts;
  }

  get unansweredMs(): number {
    if (this.#askedMs === undefined || this.#state !== 'open') return 0;
    return this.#owner.host.clock.monotonicMs() - this.#askedMs;
  }

  get queuedBytes(): number {
    return this.#outbox.bytes;
  }

  /** What the connection ended of; undefined while it lives. */
  get closure(): Closure | undefined {
    return this.#closure;
  }

  get rttMs(): number {
    return this.#paths.rttMs(this.#owner.host.clock.monotonicMs());
  }

  get streams(): ByteStreams {
    return this.#streams.table;
  }

  attach(events: ConnectionEvents): void {
    this.#events = events;
    if (this.#closure !== undefined) this.#report(this.#closure);
  }

  pause(): void {
    this.#inbox.pause();
  }

  admit(): void {
    this.#deadline?.[Symbol.dispose]();
    if (this.#state !== 'open') return;
    this.#owner.admitted(this);
    this.#armKeepAlive();
    this.#guard(() => {
      this.#replenishIds();
      this.#inbox.admit();
      this.#inbox.read();
    });
    this.#owner.wake(this);
  }

  send(channel: Channel, frame: Uint8Array): boolean {
    if (frame.length > FRAME_BYTES_MAX) {
      throw new BarrelError(
        'ERR_VALUE',
        `a frame of ${frame.length} bytes is over the limit of ${FRAME_BYTES_MAX}`,
      );
    }
    if (this.#state !== 'open' || this.#inbox.isFinished) return true;
    const bytesMax = channel === CONTROL ? CONTROL_QUEUE_BYTES_MAX : LINK_QUEUE_BYTES_MAX;
    if (this.#outbox.bytesOf(channel) + frame.length > bytesMax) {
      throw new BarrelError('ERR_OVERLOADED', `send queue is full (${bytesMax} bytes)`);
    }
    const nowMs = this.#owner.host.clock.monotonicMs();
    this.#askedMs ??= nowMs;
    if (channel !== CONTROL) this.#messageMs = nowMs;
    this.#queue(channel, frame);
    const isLow = this.#outbox.bytes < LINK_QUEUE_HIGH_WATER_BYTES;
    if (!isLow) this.#wantsDrained = true;
    return isLow;
  }

  #queue(channel: Channel, frame: Uint8Array): void {
    this.#outbox.push(channel, frame);
    this.#owner.wake(this);
  }

  close(reason: string, detail?: string): void {
    if (this.#state === 'handshake') this.#abort(reason, detail);
    if (this.#state !== 'open') return;
    this.#report(detail === undefined ? { reason, by: 'local' } : { reason, by: 'local', detail });
    this.#state = 'lingering';
    this.#inbox.discard();
    this.#owner.host.timers.after(LINGER_MS, () => this.#abortAsReported());
    this.#owner.wake(this);
  }

  migrate(move: PathMove, signal: AbortSignal): Promise<void> {
    return this.#paths.migrate(move, signal);
  }

  /** One datagram of this connection, which it may overwrite. */
  receive(datagram: Uint8Array, from: Endpoint, to: Endpoint): void {
    if (this.#state === 'ended') return;
    const isUsual = this.#paths.isActive(from, to);
    if (isUsual) this.#askedMs = undefined;
    try {
      this.#native.recv(datagram, isUsual ? { from, to } : this.#paths.arrive(from, to));
    } catch (error) {
      // The library closes the connection by itself and will tell the peer; `flush` sees the end.
      this.#failure = error;
    }
    this.#heldDatagrams += 1;
    this.#owner.wake(this);
  }

  /** Reads, writes and sends what there is. Called once a turn for all that happened in it. */
  flush(): void {
    if (this.#state === 'ended') return;
    this.#checkEstablished();
    if (this.#paths.look()) this.#guard(() => this.#replenishIds());
    if (this.#state !== 'handshake') this.#guard(() => this.#readStreams());
    this.#guard(() => this.#outbox.drain(this.#channels.write));
    if (this.#state === 'open' && this.#streams.turn()) this.#owner.wake(this);
    if (this.#mayDelayAck()) {
      this.#timer.arm(ACK_DELAY_MS);
      return;
    }
    this.#transmitAll();
    this.#afterTransmit();
  }

  #replenishIds(): void {
    if (this.#keepAlive === undefined) return;
    replenishIds(this.#native, { random: this.#owner.host.random, register: this.#ids });
  }

  #readStreams(): void {
    if (this.#inbox.read() > 0) this.lastHeardMs = this.#owner.host.clock.monotonicMs();
  }

  #afterTransmit(): void {
    this.#progressEnd();
    if (this.#isEnded()) return;
    if (this.#native.isDraining() || this.#native.isClosed()) {
      this.#end(closureOf(this.#native, this.#failure));
      return;
    }
    this.#timer.arm(this.#native.timeout());
    if (this.#wantsDrained && this.#outbox.bytes < LINK_QUEUE_HIGH_WATER_BYTES / 2) {
      this.#wantsDrained = false;
      this.#events?.onDrained();
    }
  }

  /** An orderly end: each side half-closes when it has said all; then the reason travels. */
  #progressEnd(): void {
    const isEnding = this.#state === 'lingering' || this.#inbox.isFinished;
    if (!isEnding || this.#outbox.bytes > 0 || !this.#streams.hasLeft) return;
    this.#finishStreams();
    if (this.#state === 'lingering' && this.#inbox.isFinished) this.#abortAsReported();
  }

  #isEnded(): boolean {
    return this.#state === 'ended';
  }

  #checkEstablished(): void {
    if (this.#state !== 'handshake' || !this.#native.isEstablished()) return;
    const key = provenKey(this.#native, (certificate) => this.#owner.keyOf(certificate));
    if (key === undefined) {
      this.#abort('certificate', 'needs one Ed25519 certificate, shown in this very session');
      return;
    }
    this.#peerKey = key;
    this.#state = 'open';
    this.#paths.open();
    this.#owner.established(this);
  }

  readonly #deliver = (channel: Channel, frame: Uint8Array): void => {
    if (this.#state !== 'open') return;
    if (channel === CREDIT) this.#streams.table.credit(frame);
    else this.#events?.onFrame(channel, frame);
  };

  readonly #onWritten = (): void => {
    this.#hasData = true;
    this.#owner.wake(this);
  };

  #finishStreams(): void {
    this.#guard(() => this.#channels.finish());
    this.#transmitAll();
  }

  #transmitAll(): void {
    this.#heldDatagrams = 0;
    this.#hasData = false;
    for (;;) {
      const target = this.#owner.datagram(this.#datagramBytesMax);
      const sent = this.#native.send(target);
      if (sent === null) break;
      const way = this.#paths.depart({ local: sent[1].from, remote: sent[1].to });
      this.#owner.transmit(target.subarray(0, sent[0]), way, this);
    }
  }

  /** A lone acknowledgement may wait: an answer usually follows within the delay. */
  #mayDelayAck(): boolean {
    return (
      this.#state === 'open' &&
      !this.#hasData &&
      this.#heldDatagrams > 0 &&
      this.#heldDatagrams < ACK_EVERY_DATAGRAMS
    );
  }

  #onTimer(): void {
    if (this.#state === 'ended') return;
    if ((this.#native.timeout() ?? 1) <= 0) this.#native.onTimeout();
    this.#heldDatagrams = 0;
    this.flush();
  }

  #armKeepAlive(): void {
    this.#keepAlive = this.#owner.host.timers.after(KEEP_ALIVE_MS, () => {
      if (this.#state !== 'open') return;
      this.#guard(() => this.#native.sendAckEliciting());
      this.#owner.wake(this);
      this.#armKeepAlive();
    });
  }

  /** Runs what a hostile peer can make fail; a failure ends this connection and no other. */
  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    // The library throws plain errors for streams that the peer reset or stopped, and for a
    // connection that has ended meanwhile; `flush` sees the end of that one.
    const isOver = this.#native.isDraining() || this.#native.isClosed();
    if (error instanceof WireError) this.#abort('protocol', error.message);
    else if (this.#state === 'lingering') this.#abortAsReported();
    else if (!isOver) this.#abort('protocol', messageOf(error));
  }

  #abortAsReported(): void {
    const { reason, detail } = this.#closure ?? { reason: 'closed' };
    this.#abort(reason, detail);
  }

  /** Ends at once, without waiting for what is queued. */
  #abort(reason: string, detail?: string): void {
    if (this.#state === 'ended') return;
    this.#native.close(true, 0, closePhrase(reason, detail));
    this.#outbox.clear();
    this.#transmitAll();
    this.#end(detail === undefined ? { reason, by: 'local' } : { reason, by: 'local', detail });
  }

  #end(closure: Closure): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#outbox.clear();
    this.#paths.close();
    this.#timer.stop();
    for (const timer of [this.#deadline, this.#keepAlive]) timer?.[Symbol.dispose]();
    this.#report(closure);
    this.#owner.ended(this);
  }

  #report(closure: Closure): void {
    const events = this.#events;
    this.#events = undefined;
    this.#closure ??= closure;
    const reported = this.#closure;
    if (events === undefined) return;
    this.#owner.host.timers.soon(() => {
      this.#streams.table.end(reported.reason);
      events.onClosed(reported);
    });
  }
}
