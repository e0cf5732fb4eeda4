/**
 * Several ways of finding nodes as one. What they answer comes from users' code, files and the
 * network: it is checked and bounded here, and one that fails, or says nothing within 10 s, does
 * not stand in the others' way.
 */
import { type Address, isAddress, type NodeName } from '../core/names.ts';
import type { Timers } from '../host/host.ts';
import type { Logger } from '../host/logger.ts';
import { ADDRESSES_MAX, DISCOVERED_MAX } from '../limits.ts';
import type { Cancellable } from '../observable.ts';
import { within } from '../time-limit.ts';
import { type Contact, type Discovery, isContact } from './discovery.ts';
import { DISCOVERY_MS_MAX } from './discovery-limits.ts';

/** Whom to join, as far as it is known: of each that failed there is one line. */
export interface FoundContacts {
  readonly contacts: readonly Contact[];
  readonly failures: readonly string[];
}

/** Whom the chain asks on behalf of, and where failures are told. */
export interface ChainOptions {
  readonly logger: Logger;
  readonly timers: Timers;
  readonly cluster?: string | undefined;
}

/**
 * Asks in order: the first that knows an address of a node answers for it. Contacts are those of
 * all, each once; announcements go to all. A failure is logged and the next one is asked; only the
 * caller's abort rejects.
 */
export class DiscoveryChain implements Discovery {
  readonly name = 'chain';
  readonly #links: readonly Discovery[];
  readonly #logger: Logger;
  readonly #timers: Timers;
  readonly #cluster: string | undefined;

  constructor(discoveries: readonly Discovery[], { logger, timers, cluster }: ChainOptions) {
    this.#links = discoveries;
    this.#logger = logger;
    this.#timers = timers;
    this.#cluster = cluster;
  }

  async resolve(node: NodeName, options: Cancellable): Promise<readonly Address[]> {
    for (const link of this.#links) {
      const found = await this.#attempt(link, options, async (signal) =>
        (await link.resolve(node, { ...options, signal })).filter(isAddress),
      );
      if (found !== undefined && found.length > 0) return found.slice(0, ADDRESSES_MAX);
    }
    return [];
  }

  async contacts(options: Cancellable): Promise<readonly Contact[]> {
    return (await this.find(options)).contacts;
  }

  /** Asks all at once. */
  async find({ signal }: Cancellable): Promise<FoundContacts> {
    const failures: string[] = [];
    const cluster = this.#cluster;
    const found = await Promise.all(
      this.#links.map((link) => {
        const work = async (limit: AbortSignal): Promise<readonly Contact[]> =>
          ((await link.contacts?.({ signal: limit, cluster })) ?? []).filter(isContact);
        const onFailure = (why: string): void => void failures.push(`${link.name}: ${why}`);
        return this.#attempt(link, { signal, onFailure }, work);
      }),
    );
    const contacts = [...new Set(found.flatMap((some) => some ?? []))];
    return { contacts: contacts.slice(0, DISCOVERED_MAX), failures };
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
        const announce = async (signal: AbortSignal): Promise<AsyncDisposable | undefined> => {
          const given = { ...options, signal, cluster: this.#cluster };
          const handle = await link.announce?.(node, addresses, given);
          // What comes too late has nobody any more who would withdraw it.
          if (signal.aborted) await handle?.[Symbol.asyncDispose]();
          return handle;
        };
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
    { signal, onFailure }: Attempt,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    signal?.throwIfAborted();
    const limit = { timers: this.#timers, timeoutMs: DISCOVERY_MS_MAX, what: link.name, signal };
    try {
      return await within(limit, work);
    } catch (error) {
      signal?.throwIfAborted();
      this.#logger.warn('discovery failed', { discovery: link.name, error });
      onFailure?.(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }
}

interface Attempt extends Cancellable {
  readonly onFailure?: (why: string) => void;
}
