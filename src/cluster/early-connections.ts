/**
 * Connections that others make while this node is still being put together. They wait, within the
 * time that the transport gives a handshake, until every feature reads what comes over a link.
 */
import { WireError } from '../core/wire/wire-error.ts';
import type {
  Channel,
  Closure,
  Connection,
  ConnectionEvents,
  OnConnection,
} from '../transport/transport.ts';

export class EarlyConnections {
  readonly #accept: (connection: Connection) => ConnectionEvents;
  /** Undefined once they are let in. At most as many as the transport leaves half-open. */
  #waiting: Set<EarlyConnection> | undefined = new Set();

  /** `accept`: attaches to a connection, and returns what it attached. */
  constructor(accept: (connection: Connection) => ConnectionEvents) {
    this.#accept = accept;
  }

  readonly take: OnConnection = (connection) => {
    if (this.#waiting === undefined) this.#accept(connection);
    else
      this.#waiting.add(new EarlyConnection(connection, (early) => this.#waiting?.delete(early)));
  };

  /** From now on connections are accepted as they come. */
  letIn(): void {
    const waiting = this.#waiting ?? new Set();
    this.#waiting = undefined;
    for (const early of waiting) early.pass(this.#accept);
  }
}

/** Keeps what the dialer says first: the transport bounds what an unadmitted peer may send. */
class EarlyConnection implements ConnectionEvents {
  readonly #connection: Connection;
  readonly #frames: (readonly [channel: Channel, frame: Uint8Array])[] = [];
  readonly #onEnded: (early: EarlyConnection) => void;

  constructor(connection: Connection, onEnded: (early: EarlyConnection) => void) {
    this.#connection = connection;
    this.#onEnded = onEnded;
    connection.attach(this);
  }

  onFrame(channel: Channel, frame: Uint8Array): void {
    this.#frames.push([channel, frame.slice()]);
  }

  onDrained(): void {
    // Nothing was sent.
  }

  onClosed(_closure: Closure): void {
    this.#onEnded(this);
  }

  pass(accept: (connection: Connection) => ConnectionEvents): void {
    const events = accept(this.#connection);
    try {
      for (const [channel, frame] of this.#frames) events.onFrame(channel, frame);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#connection.close('protocol', error.message);
    }
  }
}
