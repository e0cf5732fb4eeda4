/** The replicated stores of a node: their driver, and the stores that every node hosts. */
import { CANDIDATES, HOSTS, REPLICAS, SERVICES } from '../core/store/hosts.ts';
import type { ControlSender } from './control-sender.ts';
import type { Dialler } from './dialler.ts';
import type { LinkTable } from './link-table.ts';
import { StoreTable } from './owned-table.ts';
import type { NodeRef, OwnedTable, StoreOptions } from './ports.ts';
import { ReachingSender } from './reaching-sender.ts';
import { StoreDriver, type StoreDriverOptions } from './store-driver.ts';

/** How long the built-in stores remember a removal, at least. */
const TOMBSTONE_MS = 60_000;

/** Of `services`, `candidates` and `hosts`: what a node says there ends with it. */
const BUILT_IN_RULES: Omit<StoreOptions, 'persist'> = {
  ownership: 'owner',
  lifetime: 'writer',
  tombstoneTtlMs: TOMBSTONE_MS,
};

export interface ClusterStoresOptions
  extends Omit<StoreDriverOptions, 'salt' | 'send' | 'onProtocolError'> {
  readonly cluster: string;
  readonly secretKey: Uint8Array | undefined;
  readonly control: ControlSender;
  readonly links: LinkTable;
  readonly dialler: Dialler;
}

export function clusterStores(options: ClusterStoresOptions): StoreDriver {
  const { cluster, secretKey, links } = options;
  // There are other nodes to compare with: links through others are for messages.
  const sender = new ReachingSender({ ...options, relaying: 'never' });
  return new StoreDriver({
    ...options,
    salt: `${cluster}\0${Buffer.from(secretKey ?? []).toString('hex')}`,
    send: (node, frame) => sender.send(node, frame),
    onProtocolError: (node, detail) => links.get(node)?.connection.close('protocol', detail),
  });
}

/** The tables of services and of candidacies; and the list of who hosts what. */
export function openTables(
  self: NodeRef,
  stores: StoreDriver,
): { readonly services: OwnedTable; readonly candidates: OwnedTable } {
  stores.openBuiltIn(HOSTS, BUILT_IN_RULES);
  return {
    services: new StoreTable(self, stores.openBuiltIn(SERVICES, BUILT_IN_RULES)),
    candidates: new StoreTable(self, stores.openBuiltIn(CANDIDATES, BUILT_IN_RULES)),
  };
}

/**
 * Kept on disk where there is one: it says who is waited for while away.
 * @throws ERR_STORE, after `undo`.
 */
export async function openReplicas(stores: StoreDriver, undo: () => Promise<void>): Promise<void> {
  const rules = { ownership: 'anyone', lifetime: 'own', tombstoneTtlMs: TOMBSTONE_MS } as const;
  try {
    await stores.open(REPLICAS, { ...rules, persist: true });
  } catch (error) {
    await undo();
    throw error;
  }
}
