/**
 * Several ways of finding nodes as one. What they answer comes from users' code, files and the
 * network: it is checked and bounded here, and one that fails does not stand in the others' way.
 */
import { type Address, isAddress, type NodeName } from '../core/names.ts';
import type { Logger } from '../host/logger.ts';
import { ADDRESSES_MAX, DISCOVERED_MAX } from '../limits.ts';
import type { Cancellable } from '../observable.ts';
import { type Contact, type Discovery, isContact } from './discovery.ts';

/**
 * Asks in order: the first that knows an address of a node answers for it. Contacts are those of
 * all, each once; announcements go to all. A failure is logged and the next one is asked; only the
 * caller's abort rejects.
 */
export class DiscoveryChain implements Discovery {
  readonly name = 'chain';
  readonly #links: readonly Discovery[];
  readonly #logger: Logger;

  constructor(discoveries: readonly Discovery[], logger: Logger) {
    this.#links = discoveries;
    this.#logger = logger;
  }

  async resolve(node: NodeName, options: Cancellable): Promise<readonly Address[]> {
    for (const link of this.#links) {
      const found = await this.#attempt(link, options, async () =>
        (await link.resolve(node, options)).filter(isAddress),
      );
      if (found !== undefined && found.length > 0) return found.slice(0, ADDRESSES_MAX);
    }
    return [];
  }

  async contacts(options: Cancellable): Promise<readonly Contact[]> {
    const contacts = new Set<Contact>();
    for (const link of this.#links) {
      const found = await this.#attempt(link, options, async () =>
        (await link.contacts?.(options))?.filter(isContact),
      );
      for (const contact of found ?? []) contacts.add(contact);
    }
    return [...contacts].slice(0, DISCOVERED_MAX);
  }

  /** Withdraws from all when the handle is disposed. An abort withdraws what was announced. */
  async announce(
    node: NodeName,
    addresses: readonly Address[],
    options: Cancellable,
  ): Promise<AsyncDisposable> {
    const handles: { readonly link: Discovery; readonly handle: AsyncDisposable }[] = [];
    const withdrawal = {
      [Symbol.asyncDispose]: async () => {
        for (const { link, handle } of handles.splice(0)) {
          await this.#attempt(link, {}, async () => handle[Symbol.asyncDispose]());
        }
      },
    };
    try {
      for (const link of this.#links) {
        const announce = async (): Promise<AsyncDisposable | undefined> =>
          link.announce?.(node, addresses, options);
        const handle = await this.#attempt(link, options, announce);
        if (handle !== undefined) handles.push({ link, handle });
      }
    } catch (error) {
      await withdrawal[Symbol.asyncDispose]();
      throw error;
    }
    return withdrawal;
  }

  async #attempt<T>(
    link: Discovery,
    { signal }: Cancellable,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      this.#logger.warn('discovery failed', { discovery: link.name, error });
      return undefined;
    }
  }
}
