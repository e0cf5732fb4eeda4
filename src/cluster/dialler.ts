/**
 * Makes a link to a node by name or by address. Several who want the same node share one attempt,
 * which ends when none of them waits any more; its addresses are tried in turn.
 */
import type { Address, NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import { DIALS_MAX } from '../limits.ts';
import { abortable } from '../settlement.ts';
import type { AddressBook } from './address-book.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';

interface Attempt {
  readonly link: Promise<Link>;
  readonly abort: AbortController;
  waiters: number;
}

export class Dialler {
  readonly #links: LinkTable;
  readonly #book: AddressBook;
  readonly #underWay = new Map<NodeName, Attempt>();

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
    signal?.throwIfAborted();
    const attempt = this.#underWay.get(node) ?? this.#start(node, hints);
    attempt.waiters += 1;
    try {
      return await abortable(attempt.link, signal);
    } finally {
      attempt.waiters -= 1;
      if (attempt.waiters === 0) this.#end(node, attempt);
    }
  }

  /** The link to whoever answers there. */
  toAddress(address: Address, signal?: AbortSignal): Promise<Link> {
    return this.#links.dial({ address }, signal);
  }

  #start(node: NodeName, hints: readonly Address[]): Attempt {
    if (this.#underWay.size >= DIALS_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${DIALS_MAX} nodes are being dialled`, { node });
    }
    const abort = new AbortController();
    const attempt = { link: this.#tryAll(node, hints, abort.signal), abort, waiters: 0 };
    this.#underWay.set(node, attempt);
    return attempt;
  }

  /** Nobody waits any more: the attempt has ended, or ends now. */
  #end(node: NodeName, attempt: Attempt): void {
    if (this.#underWay.get(node) === attempt) this.#underWay.delete(node);
    attempt.abort.abort(new BarrelError('ERR_CLOSED', `nobody waits for ${node} any more`));
    attempt.link.catch(() => {});
  }

  async #tryAll(node: NodeName, hints: readonly Address[], signal: AbortSignal): Promise<Link> {
    let failure: unknown;
    for (const address of await this.#book.find(node, hints, signal)) {
      try {
        return await this.#links.dial({ address, node }, signal);
      } catch (error) {
        signal.throwIfAborted();
        // A refusal outweighs silence: it says what to mend.
        if (!(failure instanceof BarrelError) || failure.code !== 'ERR_REFUSED') failure = error;
      }
      const link = this.#links.get(node);
      if (link !== undefined) return link;
    }
    throw failure ?? new BarrelError('ERR_UNREACHABLE', `cannot reach ${node}`, { node });
  }
}
