/**
 * Connections of strangers: opened by others and not admitted yet. How many there may be, and what
 * native code takes of each: a handshake and a HELLO need few datagrams and no second address.
 */
import type { Endpoint } from '../../host/udp.ts';
import { HALF_OPEN_MAX, HALF_OPEN_PER_ADDRESS_MAX } from '../../limits.ts';
import {
  HALF_OPEN_PRESSED_SHARE,
  HALF_OPEN_PRESSED_SHARE_OF_NETWORK,
  SAID_TO_HEARD_MAX,
  UNADMITTED_DATAGRAMS_MAX,
} from './door-limits.ts';
import { networkOf } from './network.ts';

interface Stranger {
  readonly from: Endpoint;
  readonly network: string;
  datagrams: number;
  heardBytes: number;
  saidBytes: number;
}

export class HalfOpen<T> {
  readonly #strangers = new Map<T, Stranger>();
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#strangers.size;
  }

  /** True while one more from that host may be opened. */
  hasRoom(host: string): boolean {
    return this.#strangers.size < HALF_OPEN_MAX && this.#countOf(host) < HALF_OPEN_PER_ADDRESS_MAX;
  }

  /** True while the next one from that host shall show first that it is at its address. */
  isPressed(host: string): boolean {
    return (
      this.#strangers.size >= HALF_OPEN_MAX * HALF_OPEN_PRESSED_SHARE ||
      this.#countOf(host) >= HALF_OPEN_PER_ADDRESS_MAX * HALF_OPEN_PRESSED_SHARE_OF_NETWORK
    );
  }

  add(connection: T, from: Endpoint): void {
    const network = networkOf(from.host);
    this.#strangers.set(connection, { from, network, datagrams: 0, heardBytes: 0, saidBytes: 0 });
    this.#counts.set(network, (this.#counts.get(network) ?? 0) + 1);
  }

  /** True when native code may see one more datagram of it; always true of one that is admitted. */
  takes(connection: T, from: Endpoint, bytes: number): boolean {
    const stranger = this.#strangers.get(connection);
    if (stranger === undefined) return true;
    const isSame = stranger.from.port === from.port && stranger.from.host === from.host;
    if (!isSame || stranger.datagrams >= UNADMITTED_DATAGRAMS_MAX) return false;
    stranger.datagrams += 1;
    stranger.heardBytes += bytes;
    return true;
  }

  /**
   * True when so many bytes more may be said to it: three times what was heard (RFC 9000 section
   * 8.1). The library holds to that for its handshake, but not for probes and its last word.
   */
  maySay(connection: T, bytes: number): boolean {
    const stranger = this.#strangers.get(connection);
    if (stranger === undefined) return true;
    if (stranger.saidBytes + bytes > SAID_TO_HEARD_MAX * stranger.heardBytes) return false;
    stranger.saidBytes += bytes;
    return true;
  }

  /** No effect on one that is admitted, or that this node dialled. */
  delete(connection: T): void {
    const network = this.#strangers.get(connection)?.network;
    if (network === undefined) return;
    this.#strangers.delete(connection);
    const left = (this.#counts.get(network) ?? 1) - 1;
    if (left === 0) this.#counts.delete(network);
    else this.#counts.set(network, left);
  }

  #countOf(host: string): number {
    return this.#counts.get(networkOf(host)) ?? 0;
  }
}
