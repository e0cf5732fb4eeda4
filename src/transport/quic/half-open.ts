/** Connections of strangers: opened by others and not admitted yet. How many there may be. */
import { HALF_OPEN_MAX, HALF_OPEN_PER_ADDRESS_MAX } from '../../limits.ts';

export class HalfOpen<T> {
  readonly #hosts = new Map<T, string>();
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#hosts.size;
  }

  /** True while one more from that host may be opened. */
  hasRoom(host: string): boolean {
    const fromHost = this.#counts.get(host) ?? 0;
    return this.#hosts.size < HALF_OPEN_MAX && fromHost < HALF_OPEN_PER_ADDRESS_MAX;
  }

  add(connection: T, host: string): void {
    this.#hosts.set(connection, host);
    this.#counts.set(host, (this.#counts.get(host) ?? 0) + 1);
  }

  /** No effect on one that is admitted, or that this node dialled. */
  delete(connection: T): void {
    const host = this.#hosts.get(connection);
    if (host === undefined) return;
    this.#hosts.delete(connection);
    const left = (this.#counts.get(host) ?? 1) - 1;
    if (left === 0) this.#counts.delete(host);
    else this.#counts.set(host, left);
  }
}
