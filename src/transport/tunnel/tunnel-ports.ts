/** The tunnels of one transport, each with a port of its own. */
import { CIRCUITS_MAX } from '../../limits.ts';

const PORT_MAX = 65_535;

export class TunnelPorts<T> {
  readonly #byPort = new Map<number, T>();
  #last = 0;

  get(port: number): T | undefined {
    return this.#byPort.get(port);
  }

  /**
   * Makes one with a port that was not in use for long.
   * @throws RangeError when there are as many as circuits may be.
   */
  add(make: (port: number) => T): T {
    if (this.#byPort.size >= CIRCUITS_MAX) throw new RangeError('too many tunnels');
    do this.#last = (this.#last % PORT_MAX) + 1;
    while (this.#byPort.has(this.#last));
    const tunnel = make(this.#last);
    this.#byPort.set(this.#last, tunnel);
    return tunnel;
  }

  delete(port: number): void {
    this.#byPort.delete(port);
  }
}
