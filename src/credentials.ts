/** Everything that makes up one start of a node before it has a socket: keys, pins, start id. */
import type { NodeName } from './core/names.ts';
import { BarrelError } from './errors.ts';
import type { Host } from './host/host.ts';
import { Authority } from './identity/authority.ts';
import { nextIncarnation } from './identity/incarnation.ts';
import type { KeyPair } from './identity/keys.ts';
import { judgeCertificates } from './identity/node-certificate.ts';
import { OwnIdentity } from './identity/own-identity.ts';
import { loadRevocations } from './identity/revocation-file.ts';
import { loadOwnKeys } from './identity/rotation-files.ts';
import { openTrustTable, type TrustTable } from './identity/trust.ts';
import type { ResolvedOptions } from './options.ts';

export interface Credentials {
  readonly name: NodeName;
  /** As it is at the start. */
  readonly keyPair: KeyPair;
  /** The same and what becomes of it. */
  readonly identity: OwnIdentity;
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
 * @throws ERR_IDENTITY, ERR_STORE, ERR_OPTION for a certificate that is not for this node.
 */
export async function loadCredentials(
  options: ResolvedOptions,
  source: CredentialsSource,
  onUnpinned: (node: string) => void,
): Promise<Credentials> {
  const { cluster, secret, dataDir, trust: mode } = options;
  const { host, deriveSecretKey } = source;
  const keys = await loadOwnKeys({ host, dataDir });
  const name = options.name ?? defaultNodeName(host.hostName, keys.firstKey);
  const identity = new OwnIdentity(keys);
  const authority = await loadAuthority(options, source, { identity, name });
  return {
    name,
    keyPair: keys.keyPair,
    identity,
    incarnation: await nextIncarnation({ host, dataDir }),
    secretKey: secret === undefined ? undefined : await deriveSecretKey(secret, cluster),
    trust: await openTrustTable({ host, dataDir, mode, authority, onRemoved: onUnpinned }),
  };
}

async function loadAuthority(
  { authority: given, cluster, dataDir }: ResolvedOptions,
  { host }: CredentialsSource,
  { identity, name }: { readonly identity: OwnIdentity; readonly name: NodeName },
): Promise<Authority | undefined> {
  if (given === undefined) return undefined;
  const { publicKey, endorsements } = identity;
  const owner = { cluster, name };
  const wallMs = host.clock.wallMs();
  const question = { authorityKey: given.publicKey, owner, publicKey, endorsements, wallMs };
  const fault = judgeCertificates(given.certificate, question);
  if (typeof fault === 'string') {
    throw new BarrelError('ERR_OPTION', `\`authority.certificate\` is of no use: ${fault}`);
  }
  const authority = new Authority(given);
  if (dataDir !== undefined) await loadRevocations(host.files, dataDir, authority);
  return authority;
}

/** Of a node that was given no name. Host names of machines may hold what node names may not. */
export function defaultNodeName(hostName: string, publicKey: Uint8Array): NodeName {
  const hex = Buffer.from(publicKey.subarray(0, 4)).toString('hex');
  const machine = hostName.replace(/[^A-Za-z0-9_.-]/g, '-').replace(/^[.-]+/, '');
  return `node-${hex}@${machine.slice(0, 200) || 'localhost'}`;
}
