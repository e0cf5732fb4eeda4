/** Everything that makes up one start of a node before it has a socket: keys, pins, start id. */
import type { NodeName } from './core/names.ts';
import type { Host } from './host/host.ts';
import { fingerprintOf } from './identity/fingerprint.ts';
import { nextIncarnation } from './identity/incarnation.ts';
import { type KeyPair, loadKeyPair } from './identity/keys.ts';
import { openTrustTable, type TrustTable } from './identity/trust.ts';
import type { ResolvedOptions } from './options.ts';

export interface Credentials {
  readonly name: NodeName;
  readonly keyPair: KeyPair;
  /** Of the pair, raw. */
  readonly publicKey: Uint8Array;
  readonly fingerprint: string;
  readonly incarnation: bigint;
  /** Derived join secret; undefined without one. */
  readonly secretKey: Uint8Array | undefined;
  readonly trust: TrustTable;
}

/** The part of a world that credentials come from. */
export interface CredentialsSource {
  readonly host: Host;
  readonly deriveSecretKey: (secret: Uint8Array, cluster: string) => Promise<Uint8Array>;
}

/**
 * Loads or makes them, durably where there is a data directory.
 * @throws ERR_IDENTITY, ERR_STORE.
 */
export async function loadCredentials(
  options: ResolvedOptions,
  source: CredentialsSource,
  onUnpinned: (node: string) => void,
): Promise<Credentials> {
  const { cluster, secret, dataDir, trust: mode } = options;
  const { host, deriveSecretKey } = source;
  const { files, random } = host;
  const keyPair = await loadKeyPair({ files, random, dataDir });
  const name = options.name ?? defaultNodeName(host.hostName, keyPair.publicKey);
  return {
    name,
    keyPair,
    publicKey: keyPair.publicKey,
    fingerprint: fingerprintOf(keyPair.publicKey),
    incarnation: await nextIncarnation({ host, dataDir }),
    secretKey: secret === undefined ? undefined : await deriveSecretKey(secret, cluster),
    trust: await openTrustTable({ host, dataDir, mode, onRemoved: onUnpinned }),
  };
}

/** Of a node that was given no name. Host names of machines may hold what node names may not. */
export function defaultNodeName(hostName: string, publicKey: Uint8Array): NodeName {
  const hex = Buffer.from(publicKey.subarray(0, 4)).toString('hex');
  const machine = hostName.replace(/[^A-Za-z0-9_.-]/g, '-').replace(/^[.-]+/, '');
  return `node-${hex}@${machine.slice(0, 200) || 'localhost'}`;
}
