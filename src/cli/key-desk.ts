/**
 * The keys of a data directory, wherever they are in force: with the node that runs there, or in
 * the files when none does. While the files are worked on no node can start with them.
 */

import { resolve } from 'node:path';
import { ControlClient } from '../admin/control-client.ts';
import { openControl } from '../admin/node-control.ts';
import type { PinReport, RotationReport } from '../admin/trust-queries.ts';
import { isNodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import { systemHost } from '../host/system-host.ts';
import { endorse } from '../identity/endorsement.ts';
import { fingerprintOf } from '../identity/fingerprint.ts';
import { createKeyPair, identityDirectory } from '../identity/keys.ts';
import { OwnIdentity, succeeded } from '../identity/own-identity.ts';
import { loadOwnKeys, saveRotation } from '../identity/rotation-files.ts';
import { openTrustTable, type TrustTable } from '../identity/trust.ts';
import { type AskSettings, requireDataDir } from './ask.ts';
import { CommandError, EXIT } from './exit-code.ts';

/** What the node knows of itself that no file says. */
export interface DeskSettings extends AskSettings {
  readonly name?: string;
  readonly cluster?: string;
  readonly timeoutMs?: number;
}

export interface OwnKey {
  /** Undefined where only a running node would know it. */
  readonly node: string | undefined;
  readonly publicKey: Uint8Array;
}

export interface KeyDesk {
  own(): Promise<OwnKey>;
  pins(): Promise<readonly PinReport[]>;
  pin(node: string, publicKey: Uint8Array): Promise<void>;
  /** False when nothing was pinned. */
  unpin(node: string): Promise<boolean>;
  rotate(): Promise<RotationReport>;
}

/** Does the work at the desk of that data directory. */
export async function atDesk<T>(
  settings: DeskSettings,
  work: (desk: KeyDesk) => Promise<T>,
): Promise<T> {
  const dataDir = resolve(requireDataDir(settings));
  const client = await connected(dataDir);
  if (client === undefined) return onFiles(dataDir, settings, work);
  try {
    return await work(liveDesk(client, settings));
  } finally {
    client.close();
  }
}

/** Makes the key of a data directory, or loads the one that is there. */
export async function preparedKey(settings: AskSettings): Promise<Uint8Array> {
  const dataDir = resolve(requireDataDir(settings));
  const client = await connected(dataDir);
  if (client !== undefined) {
    client.close();
    throw new CommandError(EXIT.failure, `a node runs with ${dataDir}: it has a key`);
  }
  return underControl(dataDir, async () => {
    const { keyPair } = await loadOwnKeys({ host: systemHost(), dataDir });
    return keyPair.publicKey;
  });
}

/** Undefined when no node runs there. */
async function connected(dataDir: string): Promise<ControlClient | undefined> {
  try {
    return await ControlClient.connect(dataDir);
  } catch (error) {
    if (error instanceof BarrelError && error.code === 'ERR_UNREACHABLE') return undefined;
    throw error;
  }
}

function liveDesk(client: ControlClient, { timeoutMs }: DeskSettings): KeyDesk {
  return {
    own: async () => {
      const { node, publicKey } = await client.key();
      return { node, publicKey: new Uint8Array(Buffer.from(publicKey, 'base64')) };
    },
    pins: () => client.pins(),
    pin: (node, publicKey) => client.pin(node, publicKey),
    unpin: (node) => client.unpin(node),
    rotate: () => client.rotateKey(timeoutMs),
  };
}

async function onFiles<T>(
  dataDir: string,
  settings: DeskSettings,
  work: (desk: KeyDesk) => Promise<T>,
): Promise<T> {
  const host = systemHost();
  const key = `${identityDirectory(dataDir)}/node.key`;
  if ((await host.files.status(key)) === undefined) {
    throw new CommandError(EXIT.failure, `no identity in ${settings.dataDir}: no ${key}`);
  }
  checkName(settings.name);
  return underControl(dataDir, async () => {
    const identity = new OwnIdentity(await loadOwnKeys({ host, dataDir }));
    const onRemoved = (): void => {
      // No node runs, so that no connection has to end.
    };
    const table = await openTrustTable({ host, dataDir, mode: 'strict', onRemoved });
    return work(fileDesk({ dataDir, settings, identity, table }));
  });
}

/** No node can start with the directory meanwhile. */
async function underControl<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  const control = await openControl(dataDir);
  try {
    return await work();
  } finally {
    await control.close();
  }
}

interface FileDeskParts {
  readonly dataDir: string;
  readonly settings: DeskSettings;
  readonly identity: OwnIdentity;
  readonly table: TrustTable;
}

function fileDesk(parts: FileDeskParts): KeyDesk {
  const { settings, identity, table } = parts;
  return {
    own: async () => ({ node: settings.name, publicKey: identity.publicKey }),
    pins: async () => table.list().map(reportOf),
    pin: (node, publicKey) => table.pin(node, publicKey),
    unpin: async (node) => {
      const wasPinned = table.lookup(node) !== undefined;
      await table.unpin(node);
      return wasPinned;
    },
    rotate: () => rotateFiles(parts),
  };
}

/** What is signed for another name than the node's, or exported under it, is worth nothing. */
function checkName(name: string | undefined): void {
  if (name === undefined || isNodeName(name)) return;
  throw new CommandError(EXIT.usage, `not a node name: ${JSON.stringify(name)}`);
}

/** Nobody is told; peers read it in the first HELLO of the next start. */
async function rotateFiles({
  dataDir,
  settings,
  identity,
}: FileDeskParts): Promise<RotationReport> {
  const { name, cluster = 'default' } = settings;
  if (name === undefined) {
    throw new CommandError(
      EXIT.usage,
      'no node runs there: say the name that the statement is for, --name (and --cluster)',
    );
  }
  const host = systemHost();
  const { keyPair } = identity.keys;
  const next = createKeyPair(host.random);
  const words = { oldKey: keyPair.publicKey, newKey: next.publicKey, seq: identity.seq + 1 };
  const statement = endorse(keyPair.privateKeyPem, words, { cluster, name });
  // The certificate of the old key does not fit any more, and is made anew at the next start.
  await saveRotation({ host, dataDir }, succeeded(identity.keys, next, statement), '');
  return { fingerprint: fingerprintOf(next.publicKey), pending: [] };
}

function reportOf({ node, publicKey, fingerprint, by, since }: ListedPin): PinReport {
  const key = Buffer.from(publicKey).toString('base64');
  return { node, publicKey: key, fingerprint, by, since: since.toISOString() };
}

type ListedPin = ReturnType<TrustTable['list']>[number];
