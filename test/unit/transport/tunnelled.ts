/**
 * Transports that reach each other through tunnels only: the conformance suite holds for these
 * connections, too. What the nodes between would do is a pipe.
 */
import type { Address } from '../../../src/core/names.ts';
import type { Connection, Transport, Tunnel } from '../../../src/transport/transport.ts';
import type { OpenedTransport } from './conformance.ts';

/** Takes a datagram from one end to the other: after a while, or never. */
export type Pipe = (datagram: Uint8Array, arrive: (datagram: Uint8Array) => void) => void;

export class TunnelledTransports {
  readonly #pipe: Pipe;
  readonly #byAddress = new Map<Address, Transport>();

  constructor(pipe: Pipe) {
    this.#pipe = pipe;
  }

  /** The same transport, but what it dials is reached through a tunnel. */
  wrap({ transport, publicKey }: OpenedTransport): OpenedTransport {
    this.#byAddress.set(transport.address, transport);
    const wrapped: Transport = {
      address: transport.address,
      setIdentity: (identity) => transport.setIdentity(identity),
      tunnels: transport.tunnels,
      bind: (local) => transport.bind(local),
      rehome: (host) => transport.rehome(host),
      dial: async (address, options) => {
        const target = this.#byAddress.get(address);
        if (target === undefined) return transport.dial(address, options);
        const through = this.#connect(transport, target);
        return shownAt(address, await transport.dial(through, options));
      },
      close: (reason) => transport.close(reason),
    };
    return { transport: wrapped, publicKey };
  }

  #connect(from: Transport, to: Transport): Address {
    const ends: { near?: Tunnel; far?: Tunnel } = {};
    ends.far = to.tunnels.open('relay@test', (datagram) =>
      this.#pipe(datagram.slice(), (arrived) => ends.near?.deliver(arrived)),
    );
    ends.near = from.tunnels.open('relay@test', (datagram) =>
      this.#pipe(datagram.slice(), (arrived) => ends.far?.deliver(arrived)),
    );
    return ends.near.address;
  }
}

/** The suite looks at the address that it dialled. */
function shownAt(address: Address, connection: Connection): Connection {
  return new Proxy(connection, {
    get(target, key) {
      if (key === 'remoteAddress') return address;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
