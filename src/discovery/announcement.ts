/**
 * What this node has told discovery of itself: told anew when its addresses change, and nothing
 * while it is out of the cluster.
 */
import type { Address, NodeName } from '../core/names.ts';
import type { DiscoveryChain } from './chain.ts';

export class Announcement implements AsyncDisposable {
  readonly #chain: Pick<DiscoveryChain, 'announce'>;
  readonly #node: NodeName;
  #handle: AsyncDisposable | undefined;
  /** One at a time, in order. */
  #telling: Promise<void> = Promise.resolve();
  #wanted: readonly Address[] = [];
  #isOut = false;
  #isClosed = false;

  constructor(chain: Pick<DiscoveryChain, 'announce'>, node: NodeName) {
    this.#chain = chain;
    this.#node = node;
  }

  /**
   * Resolves when these addresses, or later ones, are announced in place of earlier ones. Rejects
   * with the signal's reason alone; nothing is announced then.
   */
  tell(addresses: readonly Address[], signal?: AbortSignal): Promise<void> {
    this.#wanted = addresses;
    const told = this.#telling.then(() => this.#tell(addresses, signal));
    this.#telling = told.catch(() => {
      // Who asked hears of it.
    });
    return told;
  }

  /** This node leaves: nobody is to find it. Resolves when that is so. */
  withdraw(): Promise<void> {
    this.#isOut = true;
    return this.tell(this.#wanted);
  }

  /** This node is back, at the addresses that it told last. */
  restore(): Promise<void> {
    this.#isOut = false;
    return this.tell(this.#wanted);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#telling;
    await this.#handle?.[Symbol.asyncDispose]();
  }

  async #tell(addresses: readonly Address[], signal?: AbortSignal): Promise<void> {
    if (this.#isClosed || addresses !== this.#wanted) return;
    await this.#handle?.[Symbol.asyncDispose]();
    this.#handle = undefined;
    if (this.#isOut) return;
    this.#handle = await this.#chain.announce(this.#node, addresses, { signal });
  }
}
