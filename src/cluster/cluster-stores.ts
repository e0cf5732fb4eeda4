/** The replicated stores of a cluster's node: their driver, and the stores that every node hosts. */
import type { NodeName } from '../core/names.ts';
import { HOSTS, REPLICAS, SERVICES } from '../core/store/hosts.ts';
import type { ControlSender } from './control-sender.ts';
import type { Dialler } from './dialler.ts';
import type { LinkTable } from './link-table.ts';
import { StoreTable } from './owned-table.ts';
import type { NodeRef, OwnedTable, StoreOptions } from './ports.ts';
import { StoreDriver, type StoreDriverOptions } from './store-driver.ts';

/** How long the built-in stores remember a removal, at least. */
const TOMBSTONE_MS = 60_000;

/** Of `services` and `hosts`: what a node says there ends with it. */
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
  return new StoreDriver({
    ...options,
    salt: `${cluster}\0${Buffer.from(secretKey ?? []).toString('hex')}`,
    send: (node, frame) => void sendAnywhere(options, node, frame),
    onProtocolError: (node, detail) => links.get(node)?.connection.close('protocol', detail),
  });
}

/** The table of services, and the list of who hosts what. */
export function openTable(self: NodeRef, stores: StoreDriver): OwnedTable {
  const table = new StoreTable(self, stores.openBuiltIn(SERVICES, BUILT_IN_RULES));
  stores.openBuiltIn(HOSTS, BUILT_IN_RULES);
  return table;
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

/** What is lost so is missed by the exchange that it belongs to. */
async function sendAnywhere(
  { control, dialler, host, links }: ClusterStoresOptions,
  node: NodeName,
  frame: Uint8Array,
): Promise<void> {
  if (links.get(node) === undefined) {
    try {
      await dialler.toNode(node);
    } catch (error) {
      host.logger.debug('a store has nobody to compare with', { node, error });
      return;
    }
  }
  control.send(node, frame);
}
