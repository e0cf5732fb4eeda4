/**
 * The UDP sockets of one transport: the one it listens on, and one for each local address that a
 * connection moved to. Datagrams come in on any of them; which one a datagram goes out from is its
 * path's to say. A socket that nobody holds any more closes, the home socket stays.
 */
import { BarrelError } from '../../errors.ts';
import { endpointText } from '../../host/endpoint-text.ts';
import type { UdpOpener } from '../../host/host.ts';
import type { Endpoint, UdpSocket } from '../../host/udp.ts';
import { SOCKETS_MAX } from '../path-limits.ts';
import { isTunnelHost } from '../tunnel/tunnel-address.ts';

export interface SocketsOptions {
  readonly openUdp: UdpOpener;
  /** Opens the first socket, with the near ends of tunnels beside it. */
  readonly openFirst: UdpOpener;
  readonly onDatagram: (datagram: Uint8Array, from: Endpoint, to: Endpoint) => void;
  readonly onError: (error: Error) => void;
}

interface Held {
  readonly socket: UdpSocket;
  /** As the datagrams of its paths name it. */
  readonly local: Endpoint;
  holders: number;
}

export class Sockets {
  readonly #options: SocketsOptions;
  readonly #held = new Map<string, Held>();
  /** Local endpoints whose socket is gone for good, and the one that speaks for them. */
  readonly #successors = new Map<string, string>();
  /** Holders of sockets that are gone, who have yet to release them: another one may be there. */
  readonly #departed = new Map<string, number>();
  #opening = 0;
  #first: Held | undefined;
  #home: Held | undefined;
  #isClosed = false;

  constructor(options: SocketsOptions) {
    this.#options = options;
  }

  /** Where this node listens. */
  get home(): Endpoint {
    return this.#homeHeld.local;
  }

  /** How many are open. */
  get size(): number {
    return this.#held.size;
  }

  /** The system has taken all that was sent: nobody reads those bytes any more. */
  get isIdle(): boolean {
    for (const { socket } of this.#held.values()) if (!socket.isIdle) return false;
    return true;
  }

  /** Opens the home socket. Rejects with the system's error. */
  async open(listen: Endpoint): Promise<void> {
    this.#first = await this.#openHeld(listen, this.#options.openFirst);
    this.#home = this.#first;
    this.#home.holders += 1;
  }

  /**
   * Holds the socket on that local endpoint, opened if there is none; port 0 opens one on any
   * free port. Rejects with ERR_OVERLOADED above `SOCKETS_MAX`, or with the system's error.
   */
  async bind(local: Endpoint): Promise<Endpoint> {
    const known = this.#held.get(endpointText(local));
    if (known !== undefined) {
      known.holders += 1;
      return known.local;
    }
    if (this.#held.size + this.#opening >= SOCKETS_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${SOCKETS_MAX} sockets are open`);
    }
    this.#opening += 1;
    try {
      const opened = await this.#openHeld(local, this.#options.openUdp);
      opened.holders += 1;
      return opened.local;
    } finally {
      this.#opening -= 1;
    }
  }

  /** One more holder of a socket that is open; false when there is none on that endpoint. */
  hold(local: Endpoint): boolean {
    const held = this.#held.get(endpointText(local));
    if (held === undefined) return false;
    held.holders += 1;
    return true;
  }

  /** One holder less; with the last one the socket closes. */
  release(local: Endpoint): void {
    const key = endpointText(local);
    if (this.#releaseDeparted(key)) return;
    const held = this.#held.get(key);
    if (held === undefined) return;
    held.holders -= 1;
    if (held.holders > 0) return;
    this.#held.delete(key);
    void held.socket.close();
  }

  /**
   * The address that this node listened on is gone: it listens on another one, and what would go
   * out from the old one goes out from there. Rejects as `bind` does; the old one stays then.
   */
  async rehome(local: Endpoint): Promise<void> {
    const old = this.#homeHeld;
    const bound = await this.bind(local);
    const home = this.#held.get(endpointText(bound));
    if (home === undefined || home === old) {
      this.release(bound);
      return;
    }
    this.#home = home;
    const [from, to] = [endpointText(old.local), endpointText(home.local)];
    for (const [key, successor] of this.#successors) {
      if (successor === from) this.#successors.set(key, to);
    }
    this.#successors.delete(to);
    if (this.#successors.size < SOCKETS_MAX) this.#successors.set(from, to);
    // Whoever holds it still may release it; nothing is sent on it any more.
    old.holders -= 1;
    this.#depart(from, old);
    void old.socket.close();
  }

  /** Sends from that local endpoint; what has no socket any more is lost, as on any network. */
  send(datagram: Uint8Array, from: Endpoint, to: Endpoint): void {
    if (isTunnelHost(to.host)) this.#first?.socket.send(datagram, to);
    else if (this.#held.size === 1 && this.#successors.size === 0)
      this.#home?.socket.send(datagram, to);
    else this.#find(from)?.socket.send(datagram, to);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const sockets = [...this.#held.values()].map(({ socket }) => socket);
    this.#held.clear();
    await Promise.all(sockets.map((socket) => socket.close()));
  }

  get #homeHeld(): Held {
    if (this.#home === undefined) throw new TypeError('the transport is not open');
    return this.#home;
  }

  #find(from: Endpoint): Held | undefined {
    const key = endpointText(from);
    return this.#held.get(this.#successors.get(key) ?? key);
  }

  async #openHeld(endpoint: Endpoint, open: UdpOpener): Promise<Held> {
    const { onDatagram, onError } = this.#options;
    let local: Endpoint = endpoint;
    const socket = await open({
      ...endpoint,
      onDatagram: (datagram, from) => onDatagram(datagram, from, local),
      onError: (error) => {
        this.#drop(socket);
        onError(error);
      },
    });
    local = socket.local;
    if (this.#isClosed) {
      await socket.close();
      throw new BarrelError('ERR_CLOSED', 'the transport is closed');
    }
    const held: Held = { socket, local, holders: 0 };
    this.#held.set(endpointText(local), held);
    return held;
  }

  #depart(key: string, { holders }: Held): void {
    this.#held.delete(key);
    if (holders > 0) this.#departed.set(key, (this.#departed.get(key) ?? 0) + holders);
  }

  /** Which of those with one address releases it first makes no difference in the end. */
  #releaseDeparted(key: string): boolean {
    const holders = this.#departed.get(key);
    if (holders === undefined) return false;
    if (holders > 1) this.#departed.set(key, holders - 1);
    else this.#departed.delete(key);
    return true;
  }

  /** A socket that failed is as good as none, but for the home one, which others look at. */
  #drop(socket: UdpSocket): void {
    if (socket === this.#home?.socket) return;
    for (const [key, held] of this.#held) if (held.socket === socket) this.#depart(key, held);
  }
}
