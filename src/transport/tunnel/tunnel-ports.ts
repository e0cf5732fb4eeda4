/** The tunnels of one transport, each with a port of its own. */
import { CIRCUITS_MAX } from '../../limits.ts';
import type { TunnelKind } from '../transport.ts';

const PORT_MAX = 65_535;

/** Circuits and pipes do not take each other's places: routing counts on its own. */
const TUNNELS_MAX: Readonly<Record<TunnelKind, number>> = { circuit: CIRCUITS_MAX, pipe: 1_024 };

interface Taken<T> {
  readonly tunnel: T;
  readonly kind: TunnelKind;
}

export class TunnelPorts<T> {
  readonly #byPort = new Map<number, Taken<T>>();
  readonly #count: Record<TunnelKind, number> = { circuit: 0, pipe: 0 };
  #last = 0;

  get(port: number): T | undefined {
    return this.#byPort.get(port)?.tunnel;
  }

  /**
   * Makes one with a port that was not in use for long.
   * @throws RangeError when there are as many of that kind as may be.
   */
  add(kind: TunnelKind, make: (port: number) => T): T {
    if (this.#count[kind] >= TUNNELS_MAX[kind]) throw new RangeError(`too many ${kind}s`);
    do this.#last = (this.#last % PORT_MAX) + 1;
    while (this.#byPort.has(this.#last));
    const tunnel = make(this.#last);
    this.#byPort.set(this.#last, { tunnel, kind });
    this.#count[kind] += 1;
    return tunnel;
  }

  delete(port: number): void {
    const taken = this.#byPort.get(port);
    if (taken === undefined) return;
    this.#byPort.delete(port);
    this.#count[taken.kind] -= 1;
  }
}
