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

export class UdpTunnels implements Tunnels {
  readonly #ends = new TunnelPorts<NearEnd>();
  #receive: UdpSocketOptions['onDatagram'] = () => {};

  /** Opens sockets as `open` does, with these tunnels beside the network. */
  opener(open: UdpOpener): UdpOpener {
    return async (options) => {
      this.#receive = options.onDatagram;
      const socket = await open({
        ...options,
        onDatagram: (datagram, from) => {
          // The network has no such senders: somebody wants to be taken for a tunnel.
          if (!isTunnelHost(from.host)) options.onDatagram(datagram, from);
        },
      });
      return this.#beside(socket);
    };
  }

  open(entry: string, send: (datagram: Uint8Array) => void, kind?: TunnelKind): Tunnel {
    const host = tunnelHost(entry, kind);
    return this.#ends.add((port) => ({
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
