/**
 * Nodes on the real world: this machine's clock and files, QUIC over UDP, and a control socket
 * where there is a data directory. `compose-node.ts` makes the node itself.
 */
import { resolve } from 'node:path';
import { openControl } from './admin/node-control.ts';
import type { BarrelNode } from './barrel-node.ts';
import { composeNode } from './compose-node.ts';
import type { Credentials } from './credentials.ts';
import type { Host } from './host/host.ts';
import { systemHost } from './host/system-host.ts';
import { loadKeyHash } from './host/system-key-hash.ts';
import {
  createCertificate,
  loadCertificate,
  publicKeyOfCertificate,
} from './identity/certificate.ts';
import { deriveSecretKey } from './identity/secret.ts';
import { type NodeOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { openQuicTransport } from './transport/quic/quic-transport.ts';
import type { OnConnection, Transport } from './transport/transport.ts';

/**
 * Starts a node. Resolves when it listens; contacts are joined in the background, see `ready()`.
 * @throws ERR_OPTION with all faults at once, ERR_IDENTITY, ERR_STORE (also when another process
 * has the `dataDir`), the system's error when the address cannot be bound, or the signal's reason.
 */
export async function createNode(options: NodeOptions = {}): Promise<BarrelNode> {
  const host = systemHost({ logger: options.logger });
  const resolved = resolveOptions(options, host);
  const { dataDir } = resolved;
  return startNode(
    host,
    dataDir === undefined ? resolved : { ...resolved, dataDir: resolve(dataDir) },
  );
}

async function startNode(host: Host, options: ResolvedOptions): Promise<BarrelNode> {
  options.signal?.throwIfAborted();
  // The control socket comes first: it also keeps a second process out of the directory.
  const { dataDir } = options;
  const control = dataDir === undefined ? undefined : await openControl(dataDir);
  try {
    const node = await composeNode(
      {
        host,
        openTransport: (credentials, onConnection) =>
          openTransport({ host, options, credentials, onConnection }),
        certify: (keyPair, name) => createCertificate({ host, keyPair, name }),
        deriveSecretKey,
        loadKeyHash,
        owned: control === undefined ? [] : [control],
      },
      options,
    );
    control?.attach(node);
    return node;
  } catch (error) {
    await control?.close();
    throw error;
  }
}

interface TransportParts {
  readonly host: Host;
  readonly options: ResolvedOptions;
  readonly credentials: Credentials;
  readonly onConnection: OnConnection;
}

async function openTransport(parts: TransportParts): Promise<Transport> {
  const { host, options, credentials, onConnection } = parts;
  const { keyPair, name, secretKey } = credentials;
  const { dataDir, listen } = options;
  const certificatePem = await loadCertificate({ host, keyPair, name, dataDir });
  return openQuicTransport({
    host,
    identity: { ...keyPair, certificatePem },
    listen,
    keyOf: publicKeyOfCertificate,
    onConnection,
    secretKey,
  });
}
