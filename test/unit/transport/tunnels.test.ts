import { describe, expect, test } from 'vitest';
import { isAddress } from '../../../src/core/names.ts';
import type { Endpoint, UdpSocketOptions } from '../../../src/host/udp.ts';
import { CIRCUITS_MAX } from '../../../src/limits.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { openMemoryTransport } from '../../../src/transport/memory/memory-transport.ts';
import { SimulatedNetwork } from '../../../src/transport/memory/network.ts';
import { isTunnelAddress, tunnelHost } from '../../../src/transport/tunnel/tunnel-address.ts';
import { TunnelPorts } from '../../../src/transport/tunnel/tunnel-ports.ts';
import { outside, UdpTunnels } from '../../../src/transport/tunnel/udp-tunnels.ts';
import { type ConformanceWorld, transportConformance } from './conformance.ts';
import { TunnelledTransports } from './tunnelled.ts';

transportConformance('a simulated connection through a tunnel', async () => tunnelWorld(0));
transportConformance('one through a tunnel that loses datagrams', async () => tunnelWorld(0.02));

describe('tunnels on a UDP socket', () => {
  test('take what is sent to their address, and nothing else', async () => {
    const { tunnels, socket, sent } = await udpTunnels();
    const into: string[] = [];
    const tunnel = tunnels.open('b@test', (datagram) => into.push(text(datagram)));
    socket.send(bytes('through'), endpointOf(tunnel.address));
    socket.send(bytes('network'), { host: '10.0.0.1', port: 1 });
    socket.send(bytes('nowhere'), { host: tunnelHost('b@test'), port: 9 });
    expect(into).toEqual(['through']);
    expect(sent).toEqual(['network']);
  });

  test('give what comes out of them to the socket, from their own address', async () => {
    const { tunnels, received } = await udpTunnels();
    const tunnel = tunnels.open('b@test', () => {});
    tunnel.deliver(bytes('hello'));
    const { host, port } = endpointOf(tunnel.address);
    expect(received).toEqual([`hello from ${host} ${port}`]);
  });

  test('are never mistaken for a sender on the network', async () => {
    const { receive, received } = await udpTunnels();
    receive(bytes('forged'), { host: '100::1:ab', port: 1 });
    receive(bytes('honest'), { host: '10.0.0.1', port: 1 });
    expect(received).toEqual(['honest from 10.0.0.1 1']);
  });

  test('that are closed take and give nothing', async () => {
    const { tunnels, socket, sent, received } = await udpTunnels();
    const into: string[] = [];
    const tunnel = tunnels.open('b@test', (datagram) => into.push(text(datagram)));
    tunnel.close();
    tunnel.deliver(bytes('late'));
    socket.send(bytes('late'), endpointOf(tunnel.address));
    expect([into, sent, received]).toEqual([[], [], []]);
  });

  test('through one neighbour share a host, those through another have another one', async () => {
    const { tunnels } = await udpTunnels();
    const hosts = ['b@test', 'b@test', 'c@test'].map(
      (through) => endpointOf(tunnels.open(through, () => {}).address).host,
    );
    expect(hosts[0]).toBe(hosts[1]);
    expect(hosts[0]).not.toBe(hosts[2]);
  });
});

describe('the address of a tunnel', () => {
  test('can be dialled, and is told from all others', async () => {
    const { tunnels } = await udpTunnels();
    const { address } = tunnels.open('b@test', () => {});
    expect([isAddress(address), isTunnelAddress(address)]).toEqual([true, true]);
    for (const other of ['127.0.0.1:1', '[::1]:1', '[1001::1]:1', '[fd00::100:1]:1', 'a.test:1']) {
      expect(isTunnelAddress(other)).toBe(false);
    }
  });

  test('is nobody of the network, on whichever socket', async () => {
    const heard: string[] = [];
    let receive: UdpSocketOptions['onDatagram'] = () => {};
    const open = outside(async (options) => {
      receive = options.onDatagram;
      return { local: options, isIdle: true, send: () => {}, close: async () => {} };
    });
    await open({
      host: '::1',
      port: 1,
      onDatagram: (_, from) => heard.push(from.host),
      onError: () => {},
    });
    receive(Uint8Array.of(1), { host: tunnelHost('n@test'), port: 7 });
    receive(Uint8Array.of(1), { host: '2001:db8::1', port: 7 });
    expect(heard).toEqual(['2001:db8::1']);
  });

  test('does not come back before all ports had their turn', () => {
    const ports = new TunnelPorts<number>();
    const first = ports.add('circuit', (port) => port);
    ports.delete(first);
    expect(ports.add('circuit', (port) => port)).not.toBe(first);
  });

  test('is refused when there are as many as circuits may be', () => {
    const ports = new TunnelPorts<number>();
    for (let count = 0; count < CIRCUITS_MAX; count += 1) ports.add('circuit', (port) => port);
    expect(() => ports.add('circuit', (port) => port)).toThrow(RangeError);
    // A pipe takes no place of a circuit, nor the other way round.
    const pipe = ports.add('pipe', (port) => port);
    ports.delete(pipe);
    expect(() => ports.add('circuit', (port) => port)).toThrow(RangeError);
  });
});

async function udpTunnels(): Promise<{
  readonly tunnels: UdpTunnels;
  readonly socket: { send(datagram: Uint8Array, to: Endpoint): void };
  readonly receive: UdpSocketOptions['onDatagram'];
  readonly sent: string[];
  readonly received: string[];
}> {
  const tunnels = new UdpTunnels();
  const sent: string[] = [];
  const received: string[] = [];
  let receive: UdpSocketOptions['onDatagram'] = () => {};
  const open = tunnels.opener(async (options) => {
    receive = options.onDatagram;
    return {
      local: { host: '127.0.0.1', port: 1 },
      isIdle: true,
      send: (datagram) => sent.push(text(datagram)),
      close: async () => {},
    };
  });
  const socket = await open({
    host: '127.0.0.1',
    port: 0,
    onDatagram: (datagram, from) =>
      received.push(`${text(datagram)} from ${from.host} ${from.port}`),
    onError: () => {},
  });
  return { tunnels, socket, receive: (datagram, from) => receive(datagram, from), sent, received };
}

function tunnelWorld(loss: number): ConformanceWorld {
  const time = new VirtualTime();
  const random = new SeededRandom(1);
  const network = new SimulatedNetwork({ clock: time, timers: time, random });
  const transports = new TunnelledTransports((datagram, arrive) => {
    if (random.float() >= loss) time.after(2, () => arrive(datagram));
  });
  return {
    nobody: '127.0.0.1:9',
    identity: async () => {
      const publicKey = network.random.bytes(32);
      return { publicKey, privateKeyPem: '', certificatePem: '' };
    },
    otherHost: '127.0.0.2',
    isTunnelled: true,
    open: async (onConnection) => {
      const publicKey = random.bytes(32);
      const identity = { publicKey };
      const transport = await openMemoryTransport({ network, identity, onConnection });
      return transports.wrap({ transport, publicKey });
    },
    settle: (condition, timeoutMs = 30_000) => time.runUntil(condition, timeoutMs),
    close: async () => {},
  };
}

function endpointOf(address: string): Endpoint {
  const [, host, port] = /^\[(.+)\]:(\d+)$/.exec(address) ?? [];
  return { host: host ?? '', port: Number(port) };
}

function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function text(content: Uint8Array): string {
  return new TextDecoder().decode(content);
}
