/**
 * The dialer's part of a simulated handshake, until it knows the acceptor's key: one datagram there
 * and one back, each sent again with growing pauses while it gets lost or nobody answers.
 */
import { onceAborted } from '../../abort.ts';
import type { Address } from '../../core/names.ts';
import { BarrelError } from '../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../limits.ts';
import { type Settlement, settlement } from '../../settlement.ts';
import type { Connection } from '../transport.ts';
import type { EventLoop } from './event-loop.ts';
import type { SimulatedNetwork } from './network.ts';

/** First probe time-out without any sample of the round trip (RFC 9002 section 6.2.2). */
const FIRST_PROBE_MS = 999;

export interface HandshakeOptions {
  readonly network: SimulatedNetwork;
  /** The dialer's. */
  readonly loop: EventLoop;
  readonly from: Address;
  readonly to: Address;
  readonly signal: AbortSignal | undefined;
  /** Asked when the first datagram has arrived: whether somebody there accepts connections. */
  readonly isAnswered: () => boolean;
  /** Makes the connection; undefined when the acceptor has gone meanwhile. */
  readonly connect: (rttMs: number) => Connection | undefined;
  readonly onEnded: (handshake: Handshake) => void;
}

export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #deadline: Disposable;
  readonly #outcome: Settlement<Connection> = settlement();
  #timer: Disposable | undefined;
  #isAnswered = false;
  #rttMs = 0;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    const { loop, signal } = options;
    this.#deadline = loop.after(HANDSHAKE_TIMEOUT_MS, () => this.#onDeadline());
    if (signal !== undefined) onceAborted(signal, this.#onAbort);
    this.#ask(0);
  }

  /** The connection, once the acceptor's key is known here. */
  get done(): Promise<Connection> {
    return this.#outcome.promise;
  }

  cancel(reason: unknown): void {
    this.abandon();
    this.#outcome.reject(reason);
  }

  /** Stops without settling: whoever waits has crashed. */
  abandon(): void {
    this.#timer?.[Symbol.dispose]();
    this.#deadline[Symbol.dispose]();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#options.onEnded(this);
  }

  readonly #onAbort = (): void => this.cancel(this.#options.signal?.reason);

  #onDeadline(): void {
    const { to } = this.#options;
    const error = this.#isAnswered
      ? new BarrelError('ERR_TIMEOUT', `the handshake with ${to} took too long`)
      : new BarrelError('ERR_UNREACHABLE', `nothing answered at ${to}`);
    this.cancel(error);
  }

  #ask(probe: number): void {
    const { from, to, isAnswered } = this.#options;
    const again = (): void => this.#ask(probe + 1);
    this.#cross({ from, to, probe, again }, () => {
      if (!isAnswered()) {
        this.#later(FIRST_PROBE_MS * 2 ** probe, again);
        return;
      }
      this.#isAnswered = true;
      this.#answer(0);
    });
  }

  #answer(probe: number): void {
    const { from: to, to: from } = this.#options;
    const again = (): void => this.#answer(probe + 1);
    this.#cross({ from, to, probe, again }, () => {
      const connection = this.#options.connect(this.#rttMs);
      if (connection === undefined) return;
      this.abandon();
      this.#outcome.resolve(connection);
    });
  }

  #cross(leg: Leg, arrived: () => void): void {
    const path = this.#options.network.path(leg.from, leg.to);
    const latencyMs = path.drawLatencyMs();
    const isLost = path.drawLost();
    this.#options.network.releasePath(path);
    this.#rttMs += latencyMs;
    if (isLost) this.#later(FIRST_PROBE_MS * 2 ** leg.probe, leg.again);
    else this.#later(latencyMs, arrived);
  }

  #later(delayMs: number, callback: () => void): void {
    this.#timer = this.#options.loop.after(delayMs, callback);
  }
}

/** One datagram that may have to be sent again. */
interface Leg {
  readonly from: Address;
  readonly to: Address;
  readonly probe: number;
  readonly again: () => void;
}
