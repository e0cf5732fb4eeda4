/** Runs the owner table core over the links to the neighbours; the `OwnedTable` of the features. */
import type { NodeName } from '../core/names.ts';
import type { TableInput } from '../core/table/contract.ts';
import { decodeTable, encodeTable } from '../core/table/messages.ts';
import { OwnerTable } from '../core/table/owner-table.ts';
import { unreachable } from '../core/unreachable.ts';
import type { Host } from '../host/host.ts';
import type { Link } from './link.ts';
import type { NodeRef, OwnedTable, TableChange } from './ports.ts';
import { Strangers } from './strangers.ts';

export interface TableDriverOptions {
  readonly host: Pick<Host, 'logger' | 'meter'>;
  readonly self: NodeRef;
  readonly isAlive: (node: NodeName, incarnation: bigint) => boolean;
  /** Sends a frame of news to a neighbour. */
  readonly news: (node: NodeName, frame: Uint8Array) => void;
  /** @throws WireError for an incarnation that no start can have by now. */
  readonly checkIncarnation: (incarnation: bigint) => void;
}

export class TableDriver implements OwnedTable {
  readonly #options: TableDriverOptions;
  readonly #table: OwnerTable;
  readonly #listeners = new Set<(change: TableChange) => void>();
  readonly #strangers = new Strangers();

  constructor(options: TableDriverOptions) {
    this.#options = options;
    this.#table = new OwnerTable(options.self, { isAlive: options.isAlive });
  }

  put(key: string, value: Uint8Array): void {
    this.submit({ kind: 'put', key, value });
  }

  remove(key: string): void {
    this.submit({ kind: 'remove', key });
  }

  /** The frames of all that is known, for a new neighbour; read lazily. */
  *pages(): IterableIterator<Uint8Array> {
    for (const entries of this.#table.exchange()) yield encodeTable({ kind: 'entries', entries });
  }

  onChange(listener: (change: TableChange) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** @throws WireError when the frame is none of the table's. */
  frame(link: Link, frame: Uint8Array): void {
    const { entries } = decodeTable(frame);
    for (const { owner } of entries) this.#options.checkIncarnation(owner.incarnation);
    const from = link.node;
    const known = entries.filter((entry) => this.#isKnown(entry.owner));
    if (known.length < entries.length) {
      for (const entry of entries)
        if (!known.includes(entry)) this.#strangers.hold({ from, entry });
    }
    if (known.length > 0) this.submit({ kind: 'received', from, entries: known });
  }

  /** A member is known now: what came of it before is taken in. */
  memberUp(member: NodeRef): void {
    for (const { from, entry } of this.#strangers.take(member)) {
      this.submit({ kind: 'received', from, entries: [entry] });
    }
  }

  /**
   * A member is gone, and its entries with it. Where its death was a mistake that it never hears
   * of, nobody asks it to write them again: they wait for the word that it lives.
   */
  memberDown({ node, incarnation }: NodeRef): void {
    for (const entry of this.#table.entriesOf(node)) this.#strangers.hold({ from: node, entry });
    this.submit({ kind: 'ownerGone', node, incarnation });
  }

  submit(input: TableInput): void {
    const { host, news } = this.#options;
    for (const effect of this.#table.handle(input)) {
      switch (effect.kind) {
        case 'send':
          news(effect.to, encodeTable({ kind: 'entries', entries: effect.entries }));
          break;
        case 'change':
          for (const listener of this.#listeners) listener(effect);
          break;
        case 'refused':
          host.meter.counter('barrel_table_entries_refused_total').value += 1;
          break;
        case 'forged':
          host.logger.warn('a peer speaks in the name of this node', { ...effect });
          break;
        default:
          unreachable(effect);
      }
    }
  }

  #isKnown({ node, incarnation }: NodeRef): boolean {
    return node === this.#options.self.node || this.#options.isAlive(node, incarnation);
  }
}
