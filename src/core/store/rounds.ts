/** When a node compares its stores with others, and with whom. */
import { EXCHANGE_PARTNERS_MAX } from '../../limits.ts';
import { pick, type Randomness, sample, vary } from '../membership/randomness.ts';
import type { NodeName } from '../names.ts';
import type { Hosted, HostedStores } from './hosted-stores.ts';
import { BUILT_IN } from './hosts.ts';

const PERIOD_MS = 10_000;
/** While tombstones wait to be forgotten, or a store for its first exchange. */
const PERIOD_SHORT_MS = 2_000;
const RANDOM_MEMBER_SHARE = 1 / 6;

export interface RoundsOptions {
  readonly self: NodeName;
  readonly stores: HostedStores;
  readonly neighbors: ReadonlySet<NodeName>;
  readonly random: Randomness;
}

export class Rounds {
  readonly #options: RoundsOptions;
  #nextMs = 0;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /** The next round is not to wait. */
  hasten(nowMs: number): void {
    this.#nextMs = Math.min(this.#nextMs, nowMs);
  }

  isDue(nowMs: number): boolean {
    return nowMs >= this.#nextMs;
  }

  /** Whom to ask in this round. `isSettled`: stores that have made no exchange look for one. */
  begin(nowMs: number, isSettled: boolean): ReadonlySet<NodeName> {
    this.#nextMs = nowMs + vary(this.#options.random, this.#periodMs(isSettled));
    const partners = this.#usual();
    if (isSettled) this.#addForFirst(partners);
    return partners;
  }

  #periodMs(isSettled: boolean): number {
    for (const { replica, isSynced } of this.#options.stores.all()) {
      if ((!isSynced && isSettled) || replica.hasAged()) return PERIOD_SHORT_MS;
    }
    return PERIOD_MS;
  }

  /** A neighbour, now and then any member, and one host of a store that neither hosts. */
  #usual(): Set<NodeName> {
    const { self, stores, random } = this.#options;
    const { members } = stores;
    const neighbors = [...this.#options.neighbors].filter((node) => members.has(node));
    const isAny = neighbors.length === 0 || random.float() < RANDOM_MEMBER_SHARE;
    const others = isAny ? [...members.keys()].filter((node) => node !== self) : neighbors;
    const partners = new Set<NodeName>();
    add(partners, pick(random, others));
    const missed = pick(
      random,
      stores.all().filter((hosted) => isMissed(stores, hosted, partners)),
    );
    add(partners, missed && pick(random, stores.hostsFor(missed)));
    return partners;
  }

  /** Hosts of stores that look for their first exchange: one for many, and not all at once. */
  #addForFirst(partners: Set<NodeName>): void {
    const { stores, random } = this.#options;
    const fresh = stores.all().filter(({ isSynced }) => !isSynced);
    for (const hosted of sample(random, fresh, fresh.length)) {
      if (partners.size >= EXCHANGE_PARTNERS_MAX) return;
      const hosts = stores.hostsFor(hosted);
      if (!hosts.some((node) => partners.has(node))) add(partners, pick(random, hosts));
    }
  }
}

function add(partners: Set<NodeName>, node: NodeName | undefined): void {
  if (node !== undefined) partners.add(node);
}

function isMissed(
  stores: HostedStores,
  { replica: { name } }: Hosted,
  partners: ReadonlySet<NodeName>,
): boolean {
  if (BUILT_IN.has(name)) return false;
  for (const node of partners) if (stores.hosts.isHostedBy(name, node)) return false;
  return true;
}
