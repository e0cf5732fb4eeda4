/** Connections of strangers: opened by others and not admitted yet. How many there may be. */
import { HALF_OPEN_MAX, HALF_OPEN_PER_ADDRESS_MAX } from '../../limits.ts';
import { HALF_OPEN_PRESSED_SHARE, HALF_OPEN_PRESSED_SHARE_OF_NETWORK } from './door-limits.ts';
import { networkOf } from './network.ts';

export class HalfOpen<T> {
  readonly #networks = new Map<T, string>();
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#networks.size;
  }

  /** True while one more from that host may be opened. */
  hasRoom(host: string): boolean {
    return this.#networks.size < HALF_OPEN_MAX && this.#countOf(host) < HALF_OPEN_PER_ADDRESS_MAX;
  }

  /** True while the next one from that host shall show first that it is at its address. */
  isPressed(host: string): boolean {
    return (
      this.#networks.size >= HALF_OPEN_MAX * HALF_OPEN_PRESSED_SHARE ||
      this.#countOf(host) >= HALF_OPEN_PER_ADDRESS_MAX * HALF_OPEN_PRESSED_SHARE_OF_NETWORK
    );
  }

  add(connection: T, host: string): void {
    const network = networkOf(host);
    this.#networks.set(connection, network);
    this.#counts.set(network, (this.#counts.get(network) ?? 0) + 1);
  }

  /** No effect on one that is admitted, or that this node dialled. */
  delete(connection: T): void {
    const network = this.#networks.get(connection);
    if (network === undefined) return;
    this.#networks.delete(connection);
    const left = (this.#counts.get(network) ?? 1) - 1;
    if (left === 0) this.#counts.delete(network);
    else this.#counts.set(network, left);
  }

  #countOf(host: string): number {
    return this.#counts.get(networkOf(host)) ?? 0;
  }
}
