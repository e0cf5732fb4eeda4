/**
 * Tunnels for a transport on UDP: its socket takes some endpoints for the near ends of tunnels. A
 * datagram to one of them goes into the tunnel, and what comes out of the tunnel comes from that
 * endpoint. The transport knows nothing of it: to QUIC a tunnel is a path like any other.
 */
import type { UdpOpener } from '../../host/host.ts';
import type { Endpoint, UdpSocket, UdpSocketOptions } from '../../host/udp.ts';
import type { Tunnel, TunnelKind, Tunnels } from '../transport.ts';
import { isTunnelHost, tunnelHost } from './tunnel-address.ts';
import { TunnelPorts } from './tunnel-ports.ts';

interface NearEnd extends Tunnel {
  send(datagram: Uint8Array): void;
}

/** Opens sockets as `open` does, on which nobody of the network is taken for a tunnel. */
export function outside(open: UdpOpener): UdpOpener {
  return (options) =>
    open({
      ...options,
      onDatagram: (datagram, from) => {
        if (!isTunnelHost(from.host)) options.onDatagram(datagram, from);
      },
    });
}

export class UdpTunnels implements Tunnels {
  readonly #ends = new TunnelPorts<NearEnd>();
  #receive: UdpSocketOptions['onDatagram'] = () => {};

  /** Opens sockets as `open` does, with these tunnels beside the network. */
  opener(open: UdpOpener): UdpOpener {
    return async (options) => {
      this.#receive = options.onDatagram;
      return this.#beside(await outside(open)(options));
    };
  }

  open(entry: string, send: (datagram: Uint8Array) => void, kind: TunnelKind = 'circuit'): Tunnel {
    const host = tunnelHost(entry, kind);
    return this.#ends.add(kind, (port) => ({
      address: `[${host}]:${port}`,
      send,
      deliver: (datagram) => {
        if (this.#ends.get(port) !== undefined) this.#receive(datagram, { host, port });
      },
      close: () => this.#ends.delete(port),
    }));
  }

  #beside(socket: UdpSocket): UdpSocket {
    return {
      local: socket.local,
      get isIdle() {
        return socket.isIdle;
      },
      send: (datagram: Uint8Array, to: Endpoint) => {
        if (isTunnelHost(to.host)) this.#ends.get(to.port)?.send(datagram);
        else socket.send(datagram, to);
      },
      close: () => socket.close(),
    };
  }
}
