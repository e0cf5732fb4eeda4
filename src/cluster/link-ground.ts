/**
 * Links for features that use connections themselves, and control messages of their own: who reads
 * which kind, who hears of links that come and go.
 */
import type { Address, NodeName } from '../core/names.ts';
import { WireError } from '../core/wire/wire-error.ts';
import type { Closure, Transport } from '../transport/transport.ts';
import type { ControlSender } from './control-sender.ts';
import type { Dialler } from './dialler.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';
import type { OnDemandLinks } from './on-demand-links.ts';
import type { LinkListener, LinkPort, NodeRef } from './ports.ts';

export interface LinkGroundOptions {
  readonly self: NodeRef;
  readonly links: Pick<LinkTable, 'get' | 'all' | 'rekey'>;
  readonly sockets: Pick<Transport, 'address' | 'bind' | 'rehome'>;
  readonly readvertise: () => readonly Address[];
  readonly control: ControlSender;
  readonly dialler: Pick<Dialler, 'toNode'>;
  /** Known only when everything is put together. */
  readonly messages: () => Pick<OnDemandLinks, 'hold'>;
}

export class LinkGround implements LinkPort {
  readonly self: NodeRef;
  readonly #options: LinkGroundOptions;
  readonly #listeners = new Set<LinkListener>();
  readonly #readers = new Map<number, (link: Link, frame: Uint8Array) => void>();

  constructor(options: LinkGroundOptions) {
    this.#options = options;
    this.self = options.self;
  }

  get sockets(): LinkPort['sockets'] {
    return this.#options.sockets;
  }

  all(): Iterable<Link> {
    return this.#options.links.all();
  }

  readvertise(): readonly Address[] {
    return this.#options.readvertise();
  }

  link(node: NodeName): Link | undefined {
    return this.#options.links.get(node);
  }

  connect(node: NodeName, signal?: AbortSignal): Promise<Link> {
    return this.#options.dialler.toNode(node, { signal });
  }

  hold(node: NodeName): Disposable {
    return this.#options.messages().hold(node);
  }

  listen(listener: LinkListener): void {
    this.#listeners.add(listener);
  }

  read(kinds: readonly number[], reader: (link: Link, frame: Uint8Array) => void): void {
    for (const kind of kinds) {
      if (this.#readers.has(kind)) throw new TypeError(`control messages ${kind} have a reader`);
      this.#readers.set(kind, reader);
    }
  }

  rekey(link: Link, key: Uint8Array): void {
    this.#options.links.rekey(link, key);
  }

  send(node: NodeName, frame: Uint8Array): boolean {
    return this.#options.control.send(node, frame);
  }

  readvertised(addresses: readonly Address[]): readonly Address[] {
    for (const listener of this.#listeners) listener.onAddresses?.(addresses);
    return addresses;
  }

  up(link: Link): void {
    for (const listener of this.#listeners) listener.onLinkUp?.(link);
  }

  down(link: Link, closure: Closure): void {
    for (const listener of this.#listeners) listener.onLinkDown?.(link, closure);
  }

  /** @throws WireError for a kind that nobody reads, and what the reader throws. */
  frame(link: Link, frame: Uint8Array): void {
    const reader = this.#readers.get(frame[0] ?? 0);
    if (reader === undefined) throw new WireError(`no control message has kind ${frame[0]}`);
    reader(link, frame);
  }
}
