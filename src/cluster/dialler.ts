/**
 * Makes a link to a node by name or by address. Several who want the same node share one attempt;
 * its addresses are tried in turn.
 */
import type { Address, NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import { DIALS_MAX } from '../limits.ts';
import { abortable } from '../settlement.ts';
import type { AddressBook } from './address-book.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';

export class Dialler {
  readonly #links: LinkTable;
  readonly #book: AddressBook;
  readonly #underWay = new Map<NodeName, Promise<Link>>();

  constructor(links: LinkTable, book: AddressBook) {
    this.#links = links;
    this.#book = book;
  }

  /**
   * The link to that node, made if there is none.
   * @throws ERR_UNREACHABLE, ERR_REFUSED, ERR_SELF, ERR_OVERLOADED, or the signal's reason.
   */
  async toNode(
    node: NodeName,
    hints: readonly Address[] = [],
    signal?: AbortSignal,
  ): Promise<Link> {
    const known = this.#links.get(node);
    if (known !== undefined) return known;
    return abortable(this.#underWay.get(node) ?? this.#start(node, hints), signal);
  }

  /** The link to whoever answers there. */
  toAddress(address: Address, signal?: AbortSignal): Promise<Link> {
    return this.#links.dial({ address }, signal);
  }

  #start(node: NodeName, hints: readonly Address[]): Promise<Link> {
    if (this.#underWay.size >= DIALS_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${DIALS_MAX} nodes are being dialled`, { node });
    }
    const attempt = this.#tryAll(node, hints).finally(() => this.#underWay.delete(node));
    this.#underWay.set(node, attempt);
    // Whoever waits hears of a failure; a waiter that gave up before it has nothing to hear.
    attempt.catch(() => {});
    return attempt;
  }

  async #tryAll(node: NodeName, hints: readonly Address[]): Promise<Link> {
    let failure: unknown;
    for (const address of await this.#book.find(node, hints)) {
      try {
        return await this.#links.dial({ address, node });
      } catch (error) {
        // A refusal outweighs silence: it says what to mend.
        if (!(failure instanceof BarrelError) || failure.code !== 'ERR_REFUSED') failure = error;
      }
      const link = this.#links.get(node);
      if (link !== undefined) return link;
    }
    throw failure ?? new BarrelError('ERR_UNREACHABLE', `cannot reach ${node}`, { node });
  }
}
