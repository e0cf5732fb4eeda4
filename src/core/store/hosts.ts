/**
 * Who hosts which store. Two built-in stores say it: in `hosts` each node names what it hosts now,
 * gone with the node; in `replicas` stand those that keep a store on disk, until they leave for
 * good, so that nothing is forgotten behind the back of a node that is only away.
 */
import type { Stamp } from '../clock/stamp.ts';
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
/** Who would lead, gone with its node; and the greatest token of each election, which stays. */
export const CANDIDATES = 'candidates';
export const FENCES = 'fences';
/** What is to be fired, until it was; and who has handlers for it, gone with its node. */
export const REMINDERS = 'reminders';
export const HANDLERS = 'handlers';
/** Who left by its own word. */
export const DEPARTURES = 'departures';
/** What operators have revoked: signed by them, and kept by each node for itself. */
export const REVOCATIONS = 'revocations';
/** Hosted by every node; `services` is the last by name. */
export const BUILT_IN: ReadonlySet<string> = new Set([
  SERVICES,
  HOSTS,
  REPLICAS,
  CANDIDATES,
  FENCES,
  REMINDERS,
  HANDLERS,
  DEPARTURES,
  REVOCATIONS,
]);

/** What a node says of its replica. */
export interface Hosting {
  readonly incarnation: bigint;
  /** It has made its first exchange: newcomers may fill themselves from it. */
  readonly isSynced: boolean;
}

/** What stands in `replicas` of a replica that is kept on disk. */
export interface Kept {
  readonly replica: Replica;
  /** Since when it is hosted nowhere, as somebody noticed; undefined while it is. */
  readonly awaySince: Stamp | undefined;
}

/** A replica of the node itself. */
export interface OwnHosting {
  readonly replica: { readonly name: string; readonly self: Replica };
  readonly isDurable: boolean;
  readonly isSynced: boolean;
}

export class Hosts {
  readonly #hostings = new Map<string, Map<NodeName, Hosting>>();
  readonly #kept = new Map<string, Map<NodeName, Kept>>();

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
    for (const { replica } of this.#kept.get(store)?.values() ?? []) {
      if (!this.isUp(store, replica)) yield replica;
    }
  }

  /** That very replica is hosted now. */
  isUp(store: string, { node, incarnation }: Replica): boolean {
    return this.of(store).get(node)?.incarnation === incarnation;
  }

  kept(store: string, node: NodeName): Kept | undefined {
    return this.#kept.get(store)?.get(node);
  }

  /** It stands in `replicas` as it should while it is hosted. */
  isToldAsKept(store: string, { node, incarnation }: Replica): boolean {
    const kept = this.kept(store, node);
    return kept?.replica.incarnation === incarnation && kept.awaySince === undefined;
  }

  /** All replicas that are kept on disk. */
  *allKept(): IterableIterator<{ readonly store: string; readonly kept: Kept }> {
    for (const [store, nodes] of this.#kept) {
      for (const kept of nodes.values()) yield { store, kept };
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
    set(this.#kept, { store, node: parts.key }, value && readKept(parts.key, value));
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
  const words: HostingWord[] = [{ store: HOSTS, write: { key: hostsKey(node, name), value } }];
  if (isDurable && !hosts.isToldAsKept(name, { node, incarnation: self.incarnation })) {
    const kept = { replica: self, awaySince: undefined };
    words.push({ store: REPLICAS, write: keptWrite(replicasKey(name, node), kept) });
  }
  return words;
}

/** What `replicas` says under the key. */
export function keptWrite(key: string, { replica, awaySince }: Kept): StoreWrite {
  const writer = new Writer().big(replica.incarnation);
  return { key, value: writer.optional(awaySince, (w, stamp) => w.big(stamp)).take() };
}

function encodeHosting({ incarnation, isSynced }: Hosting): Uint8Array {
  return new Writer().big(incarnation).bool(isSynced).take();
}

function readHosting(bytes: Uint8Array): Hosting | undefined {
  return read(bytes, (r) => ({ incarnation: r.big(), isSynced: r.bool() }));
}

function readKept(node: NodeName, bytes: Uint8Array): Kept | undefined {
  return read(bytes, (r) => ({
    replica: { node, incarnation: r.big() },
    awaySince: r.optional((from) => from.big()),
  }));
}

/** Undefined for bytes that make no sense. */
function read<T>(bytes: Uint8Array, fields: (reader: Reader) => T): T | undefined {
  try {
    const reader = new Reader(bytes);
    const item = fields(reader);
    reader.end();
    return item;
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
