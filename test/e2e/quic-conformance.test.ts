import { setTimeout as pause } from 'node:timers/promises';
import type { Host } from '../../src/host/host.ts';
import { systemHost } from '../../src/host/system-host.ts';
import { createCertificate, publicKeyOfCertificate } from '../../src/identity/certificate.ts';
import { createKeyPair } from '../../src/identity/keys.ts';
import { openQuicTransport } from '../../src/transport/quic/quic-transport.ts';
import type { OnConnection } from '../../src/transport/transport.ts';
import {
  type ConformanceWorld,
  type OpenedTransport,
  transportConformance,
} from '../unit/transport/conformance.ts';
import { TunnelledTransports } from '../unit/transport/tunnelled.ts';

transportConformance('the QUIC transport', () => quicWorld());
transportConformance('QUIC through a tunnel, with a join secret', tunnelWorld);

async function tunnelWorld(): Promise<ConformanceWorld> {
  const transports = new TunnelledTransports((datagram, arrive) =>
    setImmediate(() => arrive(datagram)),
  );
  const world = await quicWorld(new Uint8Array(32).fill(7));
  return {
    ...world,
    isTunnelled: true,
    open: async (onConnection) => transports.wrap(await world.open(onConnection)),
  };
}

async function quicWorld(secretKey?: Uint8Array): Promise<ConformanceWorld> {
  const host = systemHost();
  return {
    open: (onConnection) => openOn(host, onConnection, secretKey),
    identity: async () => {
      const { publicKey, privateKeyPem } = createKeyPair(host.random);
      const keyPair = { publicKey, privateKeyPem };
      const name = 'another@test';
      return { ...keyPair, certificatePem: await createCertificate({ host, keyPair, name }) };
    },
    settle,
    // Port 9 discards; nobody speaks QUIC there.
    nobody: '127.0.0.1:9',
    otherHost: '127.0.0.2',
    close: async () => {},
  };
}

async function openOn(
  host: Host,
  onConnection: OnConnection,
  secretKey: Uint8Array | undefined,
): Promise<OpenedTransport> {
  const keyPair = createKeyPair(host.random);
  const certificatePem = await createCertificate({ host, keyPair, name: 'conformance@test' });
  const transport = await openQuicTransport({
    host,
    identity: { ...keyPair, certificatePem },
    listen: { host: '127.0.0.1', port: 0 },
    keyOf: publicKeyOfCertificate,
    onConnection,
    secretKey,
  });
  return { transport, publicKey: keyPair.publicKey };
}

/** Waits for a condition on the real clock, never for a duration. */
async function settle(condition: () => boolean, timeoutMs = 15_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not settled within ${timeoutMs} ms`);
    await pause(1);
  }
}
