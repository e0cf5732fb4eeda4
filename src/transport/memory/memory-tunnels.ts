/** The tunnels of a simulated transport, and the connections that lead through them. */
import type { Address } from '../../core/names.ts';
import { splitAddress } from '../../core/names.ts';
import { BarrelError } from '../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../limits.ts';
import { abortable, type Settlement, settlement } from '../../settlement.ts';
import type { Connection, OnConnection, Tunnel, TunnelKind, Tunnels } from '../transport.ts';
import { tunnelHost } from '../tunnel/tunnel-address.ts';
import { TunnelPorts } from '../tunnel/tunnel-ports.ts';
import type { EventLoop } from './event-loop.ts';
import { TunnelConnection, type TunnelConnectionOptions } from './tunnel-connection.ts';
import { decodeDatagram, encodeDatagram, type TunnelDatagram } from './tunnel-datagrams.ts';

const FIRST_PROBE_MS = 999;

export interface MemoryTunnelsOptions {
  readonly loop: EventLoop;
  /** Own key, as it is now. */
  readonly publicKey: () => Uint8Array;
  readonly idleTimeoutMs: number;
  readonly onConnection: OnConnection;
  /** The last connection through a tunnel has ended. */
  readonly onEmpty: () => void;
}

interface NearEnd {
  readonly address: Address;
  readonly send: (datagram: Uint8Array) => void;
  connection: TunnelConnection | undefined;
  /** A dial that waits for the key of the other end. */
  dial: Settlement<Uint8Array> | undefined;
}

export class MemoryTunnels implements Tunnels {
  readonly #options: MemoryTunnelsOptions;
  readonly #ends = new TunnelPorts<NearEnd>();
  readonly #connections = new Set<TunnelConnection>();
  readonly #dials = new Set<Settlement<Uint8Array>>();
  #isClosed = false;

  constructor(options: MemoryTunnelsOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#connections.size === 0;
  }

  open(entry: string, send: (datagram: Uint8Array) => void, kind: TunnelKind = 'circuit'): Tunnel {
    let ownPort = 0;
    const end = this.#ends.add(kind, (port) => {
      ownPort = port;
      const address = `[${tunnelHost(entry, kind)}]:${port}`;
      return { address, send, connection: undefined, dial: undefined };
    });
    return {
      address: end.address,
      // Never from within a call: the node that carries it is in the middle of something.
      deliver: (datagram) => this.#options.loop.soon(() => this.#receive(ownPort, datagram)),
      close: () => this.#ends.delete(ownPort),
    };
  }

  /** See `Transport.dial`. */
  async dial(address: Address, signal: AbortSignal | undefined): Promise<Connection> {
    const end = this.#ends.get(splitAddress(address).port);
    if (end === undefined) throw new BarrelError('ERR_UNREACHABLE', `no tunnel at ${address}`);
    const dial = settlement<Uint8Array>();
    end.dial = dial;
    this.#dials.add(dial);
    const { loop } = this.#options;
    const startMs = loop.monotonicMs();
    const ownKey = this.#options.publicKey();
    const asking = this.#ask(end, ownKey, 0);
    const deadline = loop.after(HANDSHAKE_TIMEOUT_MS, () =>
      dial.reject(new BarrelError('ERR_UNREACHABLE', `nothing answered at ${address}`)),
    );
    try {
      const peerKey = await abortable(dial.promise, signal);
      const rttMs = loop.monotonicMs() - startMs;
      return this.#connect(end, { role: 'dialer', peerKey, ownKey, rttMs });
    } finally {
      for (const timer of [asking, deadline]) timer[Symbol.dispose]();
      this.#dials.delete(dial);
      end.dial = undefined;
    }
  }

  /** Ends all connections; what is under way fails. */
  close(reason: string): void {
    this.#isClosed = true;
    for (const dial of this.#dials) dial.reject(closedError());
    for (const connection of this.#connections) connection.close(reason);
  }

  /** Stops without a word. */
  crash(): void {
    this.#isClosed = true;
    for (const connection of [...this.#connections]) connection.vanish();
  }

  /** Says hello, again and again with growing pauses, until it is disposed. */
  #ask(end: NearEnd, key: Uint8Array, probes: number): Disposable {
    end.send(encodeDatagram({ kind: 'hello', key }));
    let again: Disposable | undefined;
    const timer = this.#options.loop.after(FIRST_PROBE_MS * 2 ** probes, () => {
      again = this.#ask(end, key, probes + 1);
    });
    return {
      [Symbol.dispose]: () => {
        timer[Symbol.dispose]();
        again?.[Symbol.dispose]();
      },
    };
  }

  #receive(port: number, bytes: Uint8Array): void {
    const end = this.#ends.get(port);
    if (end === undefined) return;
    const datagram = decodeDatagram(bytes);
    if (datagram.kind === 'hello') this.#onHello(end, datagram.key);
    else if (datagram.kind === 'welcome') end.dial?.resolve(datagram.key.slice());
    else end.connection?.receive(datagram);
  }

  /** Said again until it is answered. */
  #onHello(end: NearEnd, key: Uint8Array): void {
    if (this.#isClosed) return;
    const ownKey = end.connection?.ownKey ?? this.#options.publicKey();
    const welcome: TunnelDatagram = { kind: 'welcome', key: ownKey };
    end.send(encodeDatagram(welcome));
    if (end.connection === undefined) {
      const known = { role: 'acceptor', peerKey: key, ownKey, rttMs: 0 } as const;
      this.#options.onConnection(this.#connect(end, known));
    }
  }

  #connect(
    end: NearEnd,
    known: Pick<TunnelConnectionOptions, 'role' | 'peerKey' | 'ownKey' | 'rttMs'>,
  ): TunnelConnection {
    if (this.#isClosed) throw closedError();
    const { loop, idleTimeoutMs, onEmpty } = this.#options;
    const connection = new TunnelConnection({
      ...known,
      loop,
      remoteAddress: end.address,
      idleTimeoutMs,
      transmit: end.send,
      onEnded: () => {
        end.connection = undefined;
        this.#connections.delete(connection);
        if (this.isEmpty) onEmpty();
      },
    });
    end.connection = connection;
    this.#connections.add(connection);
    return connection;
  }
}

function closedError(): BarrelError {
  return new BarrelError('ERR_CLOSED', 'the transport is closed');
}
