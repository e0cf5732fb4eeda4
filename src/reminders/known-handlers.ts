/**
 * Which nodes have a handler for a key: each says so in a table that is known everywhere and that
 * forgets a node when it is gone.
 */

import { StoreTable } from '../cluster/owned-table.ts';
import type { NodeRef, OwnedTable, ReplicatedStore, Stores } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import { FOREIGN_HANDLERS_MAX } from '../core/schedule/schedule-limits.ts';
import { isBinaryText } from '../core/store/binary-text.ts';
import { HANDLERS } from '../core/store/hosts.ts';
import { type KeyPrefix, startsWith } from './key-prefix.ts';

/** How long it is remembered that a handler is gone, at least. */
const TOMBSTONE_MS = 60_000;
const EVERY_KEY = 'every';
const PREFIX = /^(\d{1,5}):(.*)$/s;
const PRESENT: Uint8Array = new Uint8Array([1]);

/** A prefix, and the other nodes that have a handler for it. */
interface Told {
  readonly prefix: KeyPrefix | undefined;
  readonly nodes: Set<NodeName>;
}

export class KnownHandlers {
  readonly #table: OwnedTable;
  /** By how it is told: most nodes say the same. */
  readonly #told = new Map<string, Told>();
  /** How many each node has told of. */
  readonly #counts = new Map<NodeName, number>();
  #onChange: () => void = () => {};

  private constructor(self: NodeRef, store: ReplicatedStore) {
    this.#table = new StoreTable(self, store);
    this.#table.onChange(({ owner, key, value }) => {
      if (owner.node === self.node) return;
      if (value === undefined) this.#remove(owner.node, key);
      else this.#add(owner.node, key);
      this.#onChange();
    });
  }

  /** @throws ERR_CLOSED */
  static async open(self: NodeRef, stores: Stores): Promise<KnownHandlers> {
    const rules = { ownership: 'owner', lifetime: 'writer' } as const;
    const options = { ...rules, persist: false, tombstoneTtlMs: TOMBSTONE_MS };
    return new KnownHandlers(self, await stores.open(HANDLERS, options));
  }

  /** Sets who is told that other nodes may handle other keys than before. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** Says of this node that it has one, or no more. @throws ERR_OVERLOADED, ERR_CLOSED */
  tell(prefix: KeyPrefix | undefined, isThere: boolean): void {
    const key = prefix === undefined ? EVERY_KEY : `${prefix.count}:${prefix.items}`;
    if (isThere) this.#table.put(key, PRESENT);
    else this.#table.remove(key);
  }

  /** Another node that can handle the key is known. */
  hasFor(keyText: string): boolean {
    for (const { prefix } of this.#told.values()) if (startsWith(keyText, prefix)) return true;
    return false;
  }

  /** Other nodes that can handle the key, in no order. */
  nodesFor(keyText: string): ReadonlySet<NodeName> {
    const found = new Set<NodeName>();
    for (const { prefix, nodes } of this.#told.values()) {
      if (startsWith(keyText, prefix)) for (const node of nodes) found.add(node);
    }
    return found;
  }

  /** What makes no sense is passed over, and what is more than a node can have. */
  #add(node: NodeName, key: string): void {
    const count = this.#counts.get(node) ?? 0;
    const told = this.#told.get(key) ?? readTold(key);
    if (told === undefined || told.nodes.has(node) || count >= FOREIGN_HANDLERS_MAX) return;
    told.nodes.add(node);
    this.#told.set(key, told);
    this.#counts.set(node, count + 1);
  }

  #remove(node: NodeName, key: string): void {
    const told = this.#told.get(key);
    if (told?.nodes.delete(node) !== true) return;
    if (told.nodes.size === 0) this.#told.delete(key);
    const count = (this.#counts.get(node) ?? 1) - 1;
    if (count === 0) this.#counts.delete(node);
    else this.#counts.set(node, count);
  }
}

function readTold(key: string): Told | undefined {
  if (key === EVERY_KEY) return { prefix: undefined, nodes: new Set() };
  const [, count, items] = PREFIX.exec(key) ?? [];
  if (count === undefined || items === undefined || !isBinaryText(items)) return undefined;
  return { prefix: { count: Number(count), items }, nodes: new Set() };
}
