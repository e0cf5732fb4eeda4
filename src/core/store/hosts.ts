/**
 * Who hosts which store. Two built-in stores say it: in `hosts` each node names what it hosts now,
 * gone with the node; in `replicas` stand those that keep a store on disk, until they leave for
 * good, so that nothing is forgotten behind the back of a node that is only away.
 */
import type { NodeName } from '../names.ts';
import { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';
import { decodeText, encodeText } from './binary-text.ts';
import { ownedKey, type StoreChange, type StoreWrite, splitOwnedKey } from './contract.ts';
import type { Replica } from './entry.ts';

export const SERVICES = 'services';
export const HOSTS = 'hosts';
export const REPLICAS = 'replicas';
/** Hosted by every node. */
export const BUILT_IN: ReadonlySet<string> = new Set([SERVICES, HOSTS, REPLICAS]);

/** What a node says of its replica. */
export interface Hosting {
  readonly incarnation: bigint;
  /** It has made its first exchange: newcomers may fill themselves from it. */
  readonly isSynced: boolean;
}

/** A replica of the node itself. */
export interface OwnHosting {
  readonly replica: { readonly name: string; readonly self: Replica };
  readonly isDurable: boolean;
  readonly isSynced: boolean;
}

export class Hosts {
  readonly #hostings = new Map<string, Map<NodeName, Hosting>>();
  readonly #durable = new Map<string, Map<NodeName, Replica>>();

  /** Nodes that host the store now. */
  of(store: string): ReadonlyMap<NodeName, Hosting> {
    return this.#hostings.get(store) ?? new Map();
  }

  isHostedBy(store: string, node: NodeName): boolean {
    return this.#hostings.get(store)?.has(node) === true;
  }

  /** The replica set: those that are up, and those that are only away. */
  *replicasOf(store: string): IterableIterator<Replica> {
    const hostings = this.of(store);
    for (const [node, { incarnation }] of hostings) yield { node, incarnation };
    for (const replica of this.#durable.get(store)?.values() ?? []) {
      if (hostings.get(replica.node)?.incarnation !== replica.incarnation) yield replica;
    }
  }

  durable(store: string, node: NodeName): Replica | undefined {
    return this.#durable.get(store)?.get(node);
  }

  /** All replicas that are kept on disk. */
  *allDurable(): IterableIterator<{ readonly store: string; readonly replica: Replica }> {
    for (const [store, replicas] of this.#durable) {
      for (const replica of replicas.values()) yield { store, replica };
    }
  }

  /** Follows a change of one of the two stores; returns the store that it is about. */
  apply(source: string, { key, value }: StoreChange): string | undefined {
    const parts = splitOwnedKey(key);
    if (parts === undefined) return undefined;
    if (source === HOSTS) {
      const store = decodeText(parts.key);
      set(this.#hostings, { store, node: parts.owner }, value && readHosting(value));
      return store;
    }
    const store = decodeText(parts.owner);
    const incarnation = value && readHosting(value)?.incarnation;
    const replica = incarnation === undefined ? undefined : { node: parts.key, incarnation };
    set(this.#durable, { store, node: parts.key }, replica);
    return store;
  }
}

export function hostsKey(node: NodeName, store: string): string {
  return ownedKey(node, encodeText(store));
}

/** Not owned: others take a replica out that has been away for too long. */
export function replicasKey(store: string, node: NodeName): string {
  return `${encodeText(store)}\0${node}`;
}

/** What is said of one store. */
export interface HostingWord {
  readonly store: string;
  readonly write: StoreWrite;
}

/** What a node says of a replica of its own; nothing of stores that everybody hosts. */
export function wordsOf(
  { replica, isDurable, isSynced }: OwnHosting,
  node: NodeName,
  hosts: Hosts,
): readonly HostingWord[] {
  const { name, self } = replica;
  if (BUILT_IN.has(name)) return [];
  const value = encodeHosting({ incarnation: self.incarnation, isSynced });
  const words = [{ store: HOSTS, write: { key: hostsKey(node, name), value } }];
  if (isDurable && hosts.durable(name, node)?.incarnation !== self.incarnation) {
    words.push({ store: REPLICAS, write: { key: replicasKey(name, node), value } });
  }
  return words;
}

function encodeHosting({ incarnation, isSynced }: Hosting): Uint8Array {
  return new Writer().big(incarnation).bool(isSynced).take();
}

/** Undefined for bytes that make no sense. */
function readHosting(bytes: Uint8Array): Hosting | undefined {
  try {
    const reader = new Reader(bytes);
    const hosting = { incarnation: reader.big(), isSynced: reader.bool() };
    reader.end();
    return hosting;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function set<T>(
  all: Map<string, Map<NodeName, T>>,
  { store, node }: { readonly store: string; readonly node: NodeName },
  item: T | undefined,
): void {
  const nodes = all.get(store) ?? new Map<NodeName, T>();
  if (item === undefined) nodes.delete(node);
  else nodes.set(node, item);
  if (nodes.size === 0) all.delete(store);
  else all.set(store, nodes);
}
