/**
 * Makes a link to a node by name or by address. The addresses of a node are tried in turn; where
 * none of them answers, a way through other nodes is looked for. Several who want the same node,
 * and know no other addresses of it, share one attempt.
 */
import type { Address, NodeName } from '../core/names.ts';
import { RecentKeys } from '../core/recent-keys.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { abortable, settlement } from '../settlement.ts';
import type { AddressBook } from './address-book.ts';
import { JointAttempts } from './joint-attempts.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';

/**
 * What the addresses have before other ways are looked for: the first datagram may get lost, and is
 * sent again after a second.
 */
const HEAD_START_MS = 1_000;

/** While the addresses are being tried, ways through other nodes are looked for so often. */
const RELAYED_AGAIN_MS = 1_000;

/** How long it is remembered that a node was reached through others only, and of how many. */
const RELAYED_MS = 60_000;
const RELAYED_NODES_MAX = 4_096;

/** Ways to a node that lead through other nodes. */
export interface RelayedWays {
  /**
   * An address at which that node answers.
   * @throws ERR_UNREACHABLE (also for who is no member), ERR_OVERLOADED, the signal's reason.
   */
  open(node: NodeName, signal: AbortSignal): Promise<Address>;
  /** That address is needed no more. */
  release(address: Address): void;
  /** Of the key that the node says it has; undefined where it has not said so. */
  fingerprint(node: NodeName): string | undefined;
}

export interface DiallerOptions {
  readonly host: Pick<Host, 'clock' | 'timers'>;
  readonly links: Pick<LinkTable, 'get' | 'dial' | 'parted'>;
  readonly book: AddressBook;
  readonly relayed: RelayedWays;
}

/**
 * Whether the link may lead through other nodes: `never`, `later` (default: the addresses have a
 * head start, unless the node was reached through others a moment ago), or at once.
 */
export type Relaying = 'never' | 'later' | 'atOnce';

export interface DialHow {
  /** Addresses to try behind those that the node told itself. */
  readonly hints?: readonly Address[] | undefined;
  readonly relaying?: Relaying | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class Dialler {
  readonly #options: DiallerOptions;
  readonly #direct = new JointAttempts<Link>();
  readonly #anyWay = new JointAttempts<Link>();
  readonly #lately = new RecentKeys(RELAYED_MS, RELAYED_NODES_MAX);

  constructor(options: DiallerOptions) {
    this.#options = options;
  }

  /**
   * The link to that node, made if there is none.
   * @throws ERR_UNREACHABLE, ERR_REFUSED, ERR_SELF, ERR_OVERLOADED, or the signal's reason.
   */
  async toNode(node: NodeName, how: DialHow = {}): Promise<Link> {
    const known = this.#options.links.get(node);
    if (known !== undefined) return known;
    const { hints = [], relaying = 'later', signal } = how;
    signal?.throwIfAborted();
    const standing = await this.#goneOn(node, signal);
    if (standing !== undefined) return standing;
    if (relaying === 'never') return this.#directly(node, { hints, signal });
    const nowMs = this.#options.host.clock.monotonicMs();
    const hasHeadStart = relaying === 'later' && !this.#lately.has(node, nowMs);
    const headStartMs = hasHeadStart ? HEAD_START_MS : 0;
    const start = (ended: AbortSignal): Promise<Link> =>
      this.#eitherWay(node, { hints, headStartMs, signal: ended });
    return this.#anyWay.join({ node, hints }, start, signal);
  }

  /** A link whose end is agreed may yet go on: only when it has ended there can be a new one. */
  async #goneOn(node: NodeName, signal: AbortSignal | undefined): Promise<Link | undefined> {
    const { links } = this.#options;
    const fate = links.parted(node);
    if (fate === undefined) return undefined;
    await abortable(fate, signal);
    return links.get(node);
  }

  /** The link to whoever answers there. */
  toAddress(address: Address, signal?: AbortSignal): Promise<Link> {
    return this.#options.links.dial({ address }, signal);
  }

  /** A direct link to that node, which takes the place of one through others where it may. */
  replaceRelayed(node: NodeName, mayReplaceRelayed: () => boolean): Promise<Link> {
    return this.#directly(node, { mayReplaceRelayed });
  }

  #directly(node: NodeName, how: Directly): Promise<Link> {
    const start = (ended: AbortSignal): Promise<Link> =>
      this.#tryAll(node, { ...how, signal: ended });
    return this.#direct.join({ node, hints: how.hints }, start, how.signal);
  }

  async #tryAll(
    node: NodeName,
    { hints, signal, mayReplaceRelayed }: Directly & { readonly signal: AbortSignal },
  ): Promise<Link> {
    const { book, links } = this.#options;
    let failure: unknown;
    for (const address of await book.find(node, hints, signal)) {
      try {
        return await links.dial({ address, node, mayReplaceRelayed }, signal);
      } catch (error) {
        signal.throwIfAborted();
        // A refusal outweighs silence: it says what to mend.
        if (!(failure instanceof BarrelError) || failure.code !== 'ERR_REFUSED') failure = error;
      }
      const link = links.get(node);
      const isStanding = mayReplaceRelayed === undefined || link?.isRelayed === false;
      if (link !== undefined && isStanding) return link;
    }
    throw failure ?? new BarrelError('ERR_UNREACHABLE', `cannot reach ${node}`, { node });
  }

  /** The first link wins; with it the other way is given up. */
  async #eitherWay(node: NodeName, how: AnyWay): Promise<Link> {
    const ended = new AbortController();
    const signal = AbortSignal.any([how.signal, ended.signal]);
    try {
      return await this.#race(node, { ...how, signal });
    } finally {
      ended.abort(new BarrelError('ERR_CLOSED', `the way to ${node} is settled`));
    }
  }

  async #race(node: NodeName, { hints, headStartMs, signal }: AnyWay): Promise<Link> {
    const first = settlement<Link>();
    const addressesTried = settlement<void>();
    const relayed = this.#throughOthers(node, { headStartMs, signal }, addressesTried.promise);
    relayed.then(first.resolve, () => {});
    this.#directly(node, { hints, signal }).then(first.resolve, (error: unknown) => {
      // Who is refused does not come in by a back door.
      if (!isUnreachable(error)) {
        first.reject(error);
        return;
      }
      // Who refused behind the silence says more than the silence.
      relayed.catch((other: unknown) => first.reject(isUnreachable(other) ? error : other));
      addressesTried.resolve();
    });
    return first.promise;
  }

  /**
   * The node may become a member, or the neighbour of one, while its addresses are being tried: a
   * way that was not there is looked for again, the last time when they all have failed.
   */
  async #throughOthers(
    node: NodeName,
    { headStartMs, signal }: Omit<AnyWay, 'hints'>,
    addressesTried: Promise<void>,
  ): Promise<Link> {
    let areTried = false;
    const tried = addressesTried.then(() => {
      areTried = true;
    });
    let pauseMs = headStartMs;
    for (;;) {
      await this.#pause(pauseMs, tried, signal);
      const isLast = areTried;
      try {
        return await this.#relayed(node, signal);
      } catch (error) {
        if (isLast || !isUnreachable(error)) throw error;
      }
      pauseMs = RELAYED_AGAIN_MS;
    }
  }

  async #pause(ms: number, orUntil: Promise<void>, signal: AbortSignal): Promise<void> {
    const over = settlement<void>();
    const timer = this.#options.host.timers.after(ms, () => over.resolve());
    try {
      await abortable(Promise.race([over.promise, orUntil]), signal);
    } finally {
      timer[Symbol.dispose]();
    }
  }

  async #relayed(node: NodeName, signal: AbortSignal): Promise<Link> {
    const { host, links, relayed } = this.#options;
    signal.throwIfAborted();
    const address = await relayed.open(node, signal);
    try {
      const fingerprint = relayed.fingerprint(node);
      const link = await links.dial({ address, node, fingerprint }, signal);
      if (link.isRelayed) this.#lately.add(node, host.clock.monotonicMs());
      // Another connection to the node may have come first.
      if (link.connection.remoteAddress !== address) relayed.release(address);
      return link;
    } catch (error) {
      relayed.release(address);
      throw error;
    }
  }
}

interface Directly extends Omit<DialHow, 'relaying'> {
  readonly mayReplaceRelayed?: () => boolean;
}

interface AnyWay {
  readonly hints: readonly Address[];
  readonly headStartMs: number;
  readonly signal: AbortSignal;
}

function isUnreachable(error: unknown): boolean {
  return error instanceof BarrelError && error.code === 'ERR_UNREACHABLE';
}
