/**
 * The transport of a node in a simulation: the same interface and bounds as the real one, on a
 * network that is a few objects in memory.
 */
import { type Address, isAddress, splitAddress } from '../../core/names.ts';
import { BarrelError } from '../../errors.ts';
import { SOCKETS_MAX } from '../path-limits.ts';
import type { Binding, Connection, DialOptions, OnConnection, Transport } from '../transport.ts';
import { isTunnelAddress } from '../tunnel/tunnel-address.ts';
import { MemoryConnection } from './connection.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { type EventLoop, plainLoop } from './event-loop.ts';
import { Handshake } from './handshake.ts';
import { MemoryTunnels } from './memory-tunnels.ts';
import type { Endpoint, SimulatedNetwork } from './network.ts';

const IDLE_TIMEOUT_MS_DEFAULT = 15_000;

export interface MemoryTransportOptions {
  readonly network: SimulatedNetwork;
  /** The raw 32-byte key that peers see; possession is taken as proven. */
  readonly identity: { readonly publicKey: Uint8Array };
  /** Default 127.0.0.1 and any free port. */
  readonly listen?:
    | { readonly host?: string | undefined; readonly port?: number | undefined }
    | undefined;
  readonly onConnection: OnConnection;
  /** Where the node runs. Default: on the network's clock and timers. */
  readonly loop?: EventLoop | undefined;
  /** A peer that stays silent for so long is lost. Default 15 s. */
  readonly idleTimeoutMs?: number | undefined;
}

/** Binds and listens. Rejects with EADDRINUSE or EADDRNOTAVAIL, as a socket would. */
export async function openMemoryTransport(options: MemoryTransportOptions): Promise<Transport> {
  return new MemoryTransport(options);
}

class MemoryTransport implements Transport, Endpoint {
  #address: Address;
  readonly tunnels: MemoryTunnels;
  readonly #options: MemoryTransportOptions;
  readonly #loop: EventLoop;
  #publicKey: Uint8Array;
  readonly #connections = new Set<MemoryConnection>();
  readonly #handshakes = new Set<Handshake>();
  /** Further local addresses, and how many hold each. */
  readonly #bound = new Map<Address, number>();
  #closed: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: MemoryTransportOptions) {
    this.#options = options;
    this.#publicKey = options.identity.publicKey;
    this.#loop = options.loop ?? plainLoop(options.network);
    const { host = '127.0.0.1', port = 0 } = options.listen ?? {};
    this.#address = options.network.bind(host, port, this);
    this.tunnels = new MemoryTunnels({
      loop: this.#loop,
      publicKey: () => this.#publicKey,
      idleTimeoutMs: options.idleTimeoutMs ?? IDLE_TIMEOUT_MS_DEFAULT,
      onConnection: options.onConnection,
      onEmpty: () => this.#checkEmpty(),
    });
  }

  get address(): Address {
    return this.#address;
  }

  async bind(local: Parameters<Transport['bind']>[0] = {}): Promise<Binding> {
    const { host = splitAddress(this.#address).host, port = 0 } = local;
    if (this.#closed !== undefined) throw closedError();
    const address = this.#bindFurther(host, port);
    this.#hold(address);
    return { address, [Symbol.dispose]: once(() => this.#release(address)) };
  }

  async rehome(host: string): Promise<void> {
    if (this.#closed !== undefined) throw closedError();
    const old = this.#address;
    const { port } = splitAddress(old);
    const address = this.#bindFurther(host, port);
    if (address === old) return;
    this.#bound.delete(address);
    this.#address = address;
    this.#options.network.withdraw(old);
    for (const connection of this.#connections) {
      if (connection.localAddress === old) connection.speakFrom(address);
    }
  }

  /** One that is bound already is shared. */
  #bindFurther(host: string, port: number): Address {
    const address = `${host}:${port}`;
    if (address === this.#address || this.#bound.has(address)) return address;
    if (this.#bound.size + 1 >= SOCKETS_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${SOCKETS_MAX} addresses are bound`);
    }
    const { network } = this.#options;
    try {
      const bound = network.bind(host, port, this);
      network.join(bound, this.#address);
      this.#bound.set(bound, 0);
      return bound;
    } catch (cause) {
      throw new BarrelError('ERR_PATH_NOT_VALIDATED', `cannot bind ${address}`, { cause });
    }
  }

  readonly #hold = (address: Address): void => {
    const holders = this.#bound.get(address);
    if (holders !== undefined) this.#bound.set(address, holders + 1);
  };

  readonly #release = (address: Address): void => {
    const holders = this.#bound.get(address);
    if (holders === undefined) return;
    if (holders > 1) this.#bound.set(address, holders - 1);
    else {
      this.#bound.delete(address);
      this.#options.network.release(address);
    }
  };

  get isStalled(): boolean {
    return this.#loop.isStalled;
  }

  async dial(address: Address, options: DialOptions = {}): Promise<Connection> {
    options.signal?.throwIfAborted();
    if (!isAddress(address)) {
      throw new BarrelError('ERR_OPTION', `not an address: ${JSON.stringify(address)}`);
    }
    if (this.#closed !== undefined) throw closedError();
    if (isTunnelAddress(address)) return this.tunnels.dial(address, options.signal);
    const handshake = new Handshake({
      network: this.#options.network,
      loop: this.#loop,
      from: this.address,
      to: address,
      signal: options.signal,
      isAnswered: () => this.#acceptorAt(address)?.isStalled === false,
      connect: (rttMs) => this.#connect(address, rttMs),
      onEnded: () => this.#handshakes.delete(handshake),
    });
    this.#handshakes.add(handshake);
    return handshake.done;
  }

  setIdentity({ publicKey }: { readonly publicKey: Uint8Array }): void {
    this.#publicKey = publicKey;
  }

  close(reason = 'closed'): Promise<void> {
    this.#closed ??= this.#shutDown(reason);
    return this.#closed;
  }

  crash(): void {
    this.#closed ??= Promise.resolve();
    for (const handshake of [...this.#handshakes]) handshake.abandon();
    for (const connection of [...this.#connections]) connection.vanish();
    this.tunnels.crash();
  }

  onStallChanged(): void {
    for (const connection of this.#connections) connection.onStallChanged();
  }

  async #shutDown(reason: string): Promise<void> {
    for (const handshake of [...this.#handshakes]) handshake.cancel(closedError());
    for (const connection of this.#connections) connection.close(reason);
    this.tunnels.close(reason);
    if (!this.#isEmpty) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    for (const address of [this.#address, ...this.#bound.keys()]) {
      this.#options.network.release(address);
    }
  }

  #acceptorAt(address: Address): MemoryTransport | undefined {
    const endpoint = this.#options.network.endpointAt(address);
    if (!(endpoint instanceof MemoryTransport)) return undefined;
    return endpoint.#closed === undefined ? endpoint : undefined;
  }

  /** Both ends of a new connection; the far one is handed over when it has heard our key. */
  #connect(address: Address, rttMs: number): Connection | undefined {
    const acceptor = this.#acceptorAt(address);
    if (acceptor === undefined) return undefined;
    const near = this.#adopt({ role: 'dialer', remote: acceptor, rttMs });
    const far = acceptor.#adopt({ role: 'acceptor', remote: this, rttMs });
    MemoryConnection.join(near, far);
    return near;
  }

  #adopt(end: NewEnd): MemoryConnection {
    const { network, idleTimeoutMs = IDLE_TIMEOUT_MS_DEFAULT, onConnection } = this.#options;
    const options: ConnectionOptions = {
      network,
      loop: this.#loop,
      role: end.role,
      localAddress: this.address,
      remoteAddress: end.remote.address,
      peerKey: end.remote.#publicKey,
      ownKey: this.#publicKey,
      rttMs: end.rttMs,
      idleTimeoutMs,
      onOpened: onConnection,
      onEnded: (connection) => this.#forget(connection),
      hold: this.#hold,
      release: this.#release,
      isPeerAt: (address) => network.endpointAt(address) === end.remote,
    };
    const connection = new MemoryConnection(options);
    this.#connections.add(connection);
    return connection;
  }

  #forget(connection: MemoryConnection): void {
    this.#connections.delete(connection);
    this.#checkEmpty();
  }

  get #isEmpty(): boolean {
    return this.#connections.size === 0 && this.tunnels.isEmpty;
  }

  #checkEmpty(): void {
    if (this.#isEmpty) this.#onEmpty?.();
  }
}

interface NewEnd {
  readonly role: 'dialer' | 'acceptor';
  readonly remote: MemoryTransport;
  readonly rttMs: number;
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}

function closedError(): BarrelError {
  return new BarrelError('ERR_CLOSED', 'the transport is closed');
}
