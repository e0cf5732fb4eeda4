/**
 * QUIC over one UDP socket, for dialling and accepting alike. Datagrams find their connection by
 * its id; a burst of them is taken in first, then every touched connection is flushed once.
 */
import { type Address, isAddress, splitAddress } from '../../core/names.ts';
import { BarrelError } from '../../errors.ts';
import { bareHost, endpointText } from '../../host/endpoint-text.ts';
import type { Host } from '../../host/host.ts';
import type { Counter } from '../../host/meter.ts';
import type { Endpoint } from '../../host/udp.ts';
import { LINKS_MAX } from '../../limits.ts';
import { abortable, type Settlement, settlement } from '../../settlement.ts';
import type {
  Binding,
  Closure,
  Connection,
  DialOptions,
  OnConnection,
  Transport,
  TransportIdentity,
} from '../transport.ts';
import { outside, UdpTunnels } from '../tunnel/udp-tunnels.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import { ConnectionTable } from './connection-table.ts';
import { idText, type Route, routeOf, VERSION_NEGOTIATION } from './datagram.ts';
import { DatagramBlocks } from './datagram-blocks.ts';
import { dialError, dialRefusal } from './dial-errors.ts';
import { Door } from './door.ts';
import { firstOf } from './first-of.ts';
import { native } from './native.ts';
import { canReach, type PathPair } from './path-pair.ts';
import { QuicConnection } from './quic-connection.ts';
import { isSecretRefusal } from './secret-refusal.ts';
import { CONNECTION_ID_BYTES, Settings } from './settings.ts';
import { Sockets } from './sockets.ts';

/** Datagrams are cut from blocks of this size, so that sending one costs no allocation. */
const DIAL_TIMEOUT_MS = 5_000;
/** The key of the tag comes from the secret and the cluster's name. */
const SECRETS_DIFFER = 'another join secret, or another cluster';

export interface QuicTransportOptions {
  readonly host: Host;
  readonly identity: TransportIdentity;
  /** An IP address to bind, and a port; 0 takes any free one. */
  readonly listen: Endpoint;
  /** The raw key of an Ed25519 certificate in DER, or undefined for anything else. */
  readonly keyOf: (certificate: Uint8Array) => Uint8Array | undefined;
  readonly onConnection: OnConnection;
  /** Derived join secret, under which datagrams of handshakes are tagged; undefined without one. */
  readonly secretKey?: Uint8Array | undefined;
}

/** Opens the socket. Rejects with the system's error when the address cannot be bound. */
export async function openQuicTransport(options: QuicTransportOptions): Promise<Transport> {
  const transport = new QuicTransport(options);
  await transport.open();
  return transport;
}

interface Dial {
  readonly address: Address;
  readonly outcome: Settlement<Connection>;
}

class QuicTransport implements Transport, ConnectionOwner {
  readonly host: Host;
  readonly keyOf: (certificate: Uint8Array) => Uint8Array | undefined;
  readonly tunnels: UdpTunnels = new UdpTunnels();
  readonly #listen: Endpoint;
  #settings: Settings;
  readonly #onConnection: OnConnection;
  readonly #connections = new ConnectionTable<QuicConnection>();
  readonly #dials = new Map<QuicConnection, Dial>();
  readonly #door: Door;
  /** Ended without a word: their peers share no secret with this node. */
  readonly #muted = new WeakSet<QuicConnection>();
  readonly #awake = new Set<QuicConnection>();
  readonly #paths: Record<'validated' | 'followed', Counter>;
  readonly #sockets: Sockets;
  #isWaking = false;
  readonly #blocks = new DatagramBlocks(() => this.#sockets.isIdle);
  #closing: Settlement<void> | undefined;

  constructor(options: QuicTransportOptions) {
    this.host = options.host;
    this.keyOf = options.keyOf;
    this.#listen = options.listen;
    this.#onConnection = options.onConnection;
    const { host, secretKey } = options;
    const { meter } = host;
    this.#door = new Door({
      host,
      secretKey,
      send: (datagram, { local, remote }) => this.#sockets.send(datagram, local, remote),
    });
    this.#settings = new Settings(options.identity, this.#door.tagBytes);
    this.#paths = {
      validated: meter.counter('barrel_paths_validated_total'),
      followed: meter.counter('barrel_paths_followed_total'),
    };
    this.#sockets = new Sockets({
      openUdp: outside(host.openUdp),
      openFirst: this.tunnels.opener(host.openUdp),
      onDatagram: this.#onDatagram,
      onError: (error) => host.logger.error('a UDP socket failed', { error }),
    });
    meter.gauge('barrel_udp_sockets', () => this.#sockets.size);
  }

  async open(): Promise<void> {
    await this.#sockets.open(this.#listen);
  }

  get address(): Address {
    return endpointText(this.#sockets.home);
  }

  async bind(local: Parameters<Transport['bind']>[0] = {}): Promise<Binding> {
    const { host = this.#sockets.home.host, port = 0 } = local;
    const bound = await this.#asked(() => this.#sockets.bind({ host: bareHost(host), port }));
    const release = once(() => this.#sockets.release(bound));
    return { address: endpointText(bound), [Symbol.dispose]: release };
  }

  async rehome(host: string): Promise<void> {
    const home = { host: bareHost(host), port: this.#sockets.home.port };
    try {
      await this.#sockets.rehome(home);
    } catch {
      await this.#asked(() => this.#sockets.rehome({ ...home, port: 0 }));
    }
  }

  async dial(address: Address, options: DialOptions = {}): Promise<Connection> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (!isAddress(address)) {
      throw new BarrelError('ERR_OPTION', `not an address: ${JSON.stringify(address)}`);
    }
    const remotes = await this.#resolve(address);
    const undo = (connection: Connection): void => connection.close('superseded');
    return firstOf({ timers: this.host.timers, undo }, remotes, (remote, others) => {
      const signals = signal === undefined ? [others] : [signal, others];
      return this.#dialOne(address, remote, AbortSignal.any(signals));
    });
  }

  async #dialOne(address: Address, remote: Endpoint, signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    this.#assertRoom(address);
    const connection = this.#connect(remote);
    try {
      return await this.#established(connection, address, signal);
    } catch (error) {
      connection.close('closed');
      throw error;
    }
  }

  setIdentity(identity: TransportIdentity): void {
    this.#settings = new Settings(identity, this.#door.tagBytes);
  }

  async close(reason = 'closed'): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = settlement<void>();
      for (const connection of [...this.#connections.all()]) connection.close(reason);
      if (this.#connections.size === 0) this.#closing.resolve();
    }
    await this.#closing.promise;
    await this.#sockets.close();
  }

  datagram(bytesMax: number): Uint8Array {
    return this.#blocks.room(bytesMax, this.#door.tagBytes);
  }

  transmit(datagram: Uint8Array, way: PathPair, connection: QuicConnection): void {
    if (this.#muted.has(connection)) return;
    const sealed = this.#door.seal(datagram, connection.role);
    this.#blocks.take(sealed.length);
    if (!this.#door.halfOpen.maySay(connection, sealed.length)) return;
    this.#sockets.send(sealed, way.local, way.remote);
  }

  addId(connection: QuicConnection, id: Uint8Array): void {
    this.#connections.add(connection, [idText(id, 0, id.length)]);
  }

  deleteId(connection: QuicConnection, id: Uint8Array): void {
    this.#connections.deleteId(connection, idText(id, 0, id.length));
  }

  holdSocket(local: Endpoint): void {
    this.#sockets.hold(local);
  }

  releaseSocket(local: Endpoint): void {
    this.#sockets.release(local);
  }

  countPath(what: 'validated' | 'followed'): void {
    this.#paths[what].value += 1;
  }

  wake(connection: QuicConnection): void {
    this.#awake.add(connection);
    if (this.#isWaking) return;
    this.#isWaking = true;
    this.host.timers.soon(this.#flushAwake);
  }

  established(connection: QuicConnection): void {
    const dial = this.#dials.get(connection);
    this.#dials.delete(connection);
    if (dial === undefined) this.#onConnection(connection);
    else dial.outcome.resolve(connection);
  }

  admitted(connection: QuicConnection): void {
    this.#door.halfOpen.delete(connection);
  }

  ended(connection: QuicConnection): void {
    this.#door.halfOpen.delete(connection);
    const { closure } = connection;
    if (closure?.reason === 'certificate') this.#logRefusal(connection, closure);
    this.#connections.delete(connection);
    const dial = this.#dials.get(connection);
    this.#dials.delete(connection);
    dial?.outcome.reject(dialError(dial.address, closure));
    if (this.#connections.size === 0) this.#closing?.resolve();
  }

  readonly #flushAwake = (): void => {
    this.#isWaking = false;
    this.#blocks.reclaim();
    const connections = [...this.#awake];
    this.#awake.clear();
    for (const connection of connections) connection.flush();
  };

  readonly #onDatagram = (datagram: Uint8Array, from: Endpoint, to: Endpoint): void => {
    const route = routeOf(datagram);
    if (route === undefined) {
      this.#door.drop('garbage');
      return;
    }
    const connection = this.#connections.find(route.connection);
    if (connection === undefined) this.#accept(route, datagram, { local: to, remote: from });
    else if (route.version === VERSION_NEGOTIATION) this.#onNegotiation(connection, datagram);
    else this.#receive(connection, datagram, { local: to, remote: from });
  };

  #receive(connection: QuicConnection, datagram: Uint8Array, way: PathPair): void {
    const inside = this.#door.unseal(
      datagram,
      connection.role === 'dialer' ? 'acceptor' : 'dialer',
    );
    if (inside === undefined) this.#refuseDial(connection, 'local');
    else this.#hear(connection, inside, way);
  }

  #hear(connection: QuicConnection, datagram: Uint8Array, { local, remote }: PathPair): void {
    const { halfOpen } = this.#door;
    if (!halfOpen.takes(connection, remote, datagram.length)) this.#door.drop('overload');
    else connection.receive(datagram, remote, local);
  }

  /** We speak one version: what tells of others is a refusal of ours, or nothing. */
  #onNegotiation(connection: QuicConnection, datagram: Uint8Array): void {
    if (isSecretRefusal(datagram)) this.#refuseDial(connection, 'peer');
    else this.#door.drop('garbage');
  }

  /** A dial under way has met somebody with another join secret; nothing more is said to it. */
  #refuseDial(connection: QuicConnection, by: 'local' | 'peer'): void {
    const dial = this.#dials.get(connection);
    if (dial === undefined) return;
    this.#muted.add(connection);
    this.#logRefusal(connection, { reason: 'secret', by, detail: SECRETS_DIFFER });
    dial.outcome.reject(dialRefusal(dial.address, 'secret', SECRETS_DIFFER));
  }

  #accept(route: Route, datagram: Uint8Array, way: PathPair): void {
    if (!route.mayOpen || this.#closing !== undefined) {
      this.#door.drop('unknown');
      return;
    }
    if (this.#connections.size >= LINKS_MAX) {
      this.#door.drop('overload');
      return;
    }
    const entry = this.#door.welcome(datagram, way);
    if (entry === undefined) return;
    const { id, originalId } = entry;
    const { config, ...path } = this.#settings.forPeer(way.remote.host);
    const connection = new QuicConnection(
      native.Connection.accept(id, originalId, way.local, way.remote, config),
      this,
      { role: 'acceptor', ...way, ...path },
    );
    // Until the client has learnt our id, it addresses us by the one that it made up.
    this.#connections.add(connection, [route.connection, idText(id, 0, CONNECTION_ID_BYTES)]);
    this.#door.halfOpen.add(connection, way.remote);
    this.#hear(connection, entry.datagram, way);
  }

  #connect(remote: Endpoint): QuicConnection {
    const id = this.host.random.bytes(CONNECTION_ID_BYTES);
    const { config, ...path } = this.#settings.forPeer(remote.host);
    const local = this.#sockets.home;
    const connection = new QuicConnection(
      native.Connection.connect(null, id, local, remote, config),
      this,
      { role: 'dialer', local, remote, ...path },
    );
    this.#connections.add(connection, [idText(id, 0, CONNECTION_ID_BYTES)]);
    return connection;
  }

  /** Of the two refusals that are made here; all others are admission's. */
  #logRefusal({ role, remoteAddress }: QuicConnection, { reason, by, detail = '' }: Closure): void {
    const labels = { reason, by, role };
    this.host.meter.counter('barrel_admission_refused_total', labels).value += 1;
    this.host.logger.warn('admission refused', { ...labels, detail, remote: remoteAddress });
  }

  /** At least one. */
  async #resolve(address: Address): Promise<readonly Endpoint[]> {
    const { host, port } = splitAddress(address);
    const found = await this.host.lookup(bareHost(host)).catch((cause) => {
      throw new BarrelError('ERR_UNREACHABLE', `cannot resolve ${address}`, { cause });
    });
    const local = this.#sockets.home;
    const remotes = found.map((ip) => ({ host: ip, port }));
    const reached = remotes.filter((remote) => canReach({ local, remote }));
    if (reached.length > 0) return reached;
    const why = `a node on ${endpointText(local)} does not reach that IP family`;
    throw new BarrelError('ERR_UNREACHABLE', `cannot reach ${address}: ${why}`);
  }

  /** What the system says to a local address that was asked for. */
  async #asked<T>(bind: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw new BarrelError('ERR_CLOSED', 'the node is closing');
    try {
      return await bind();
    } catch (cause) {
      if (cause instanceof BarrelError) throw cause;
      throw new BarrelError('ERR_PATH_NOT_VALIDATED', `cannot bind: ${cause}`, { cause });
    }
  }

  #assertRoom(address: Address): void {
    if (this.#closing !== undefined) throw new BarrelError('ERR_CLOSED', 'the node is closing');
    if (this.#connections.size >= LINKS_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `no room to dial ${address}: ${LINKS_MAX} links`);
    }
  }

  async #established(
    connection: QuicConnection,
    address: Address,
    signal: AbortSignal | undefined,
  ): Promise<Connection> {
    const outcome = settlement<Connection>();
    this.#dials.set(connection, { address, outcome });
    const timeout = this.host.timers.after(DIAL_TIMEOUT_MS, () =>
      outcome.reject(new BarrelError('ERR_UNREACHABLE', `${address} did not answer`)),
    );
    this.wake(connection);
    try {
      return await abortable(outcome.promise, signal);
    } finally {
      this.#dials.delete(connection);
      timeout[Symbol.dispose]();
    }
  }
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}
