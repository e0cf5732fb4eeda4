/** Whom a node compares its stores with in one round. */
import { pick, type Randomness } from '../membership/randomness.ts';
import type { NodeName } from '../names.ts';
import type { Hosted, HostedStores } from './hosted-stores.ts';
import { BUILT_IN } from './hosts.ts';

const PERIOD_MS = 10_000;
/** While tombstones wait to be forgotten, or a store for its first exchange. */
const PERIOD_SHORT_MS = 2_000;
const RANDOM_MEMBER_SHARE = 1 / 6;

export interface PartnersOptions {
  readonly self: NodeName;
  readonly stores: HostedStores;
  readonly neighbors: ReadonlySet<NodeName>;
  readonly random: Randomness;
  /** Stores that have made no exchange yet look for one. */
  readonly isSettled: boolean;
}

/** How long until the next round, about. */
export function periodMs(stores: HostedStores, isSettled: boolean): number {
  for (const { replica, isSynced } of stores.all()) {
    if ((!isSynced && isSettled) || replica.hasAged()) return PERIOD_SHORT_MS;
  }
  return PERIOD_MS;
}

/** A neighbour, now and then any member, and one host of a store that neither hosts. */
export function partnersOf(options: PartnersOptions): ReadonlySet<NodeName> {
  const { self, stores, random, isSettled } = options;
  const { members } = stores;
  const neighbors = [...options.neighbors].filter((node) => members.has(node));
  const isAny = neighbors.length === 0 || random.float() < RANDOM_MEMBER_SHARE;
  const others = isAny ? [...members.keys()].filter((node) => node !== self) : neighbors;
  const partners = new Set<NodeName>();
  add(partners, pick(random, others));
  const missed = stores.all().filter((hosted) => isMissed(stores, hosted, partners));
  const store = pick(random, missed);
  add(partners, store && stores.hostFor(store));
  for (const hosted of stores.all()) {
    if (isSettled && !hosted.isSynced) add(partners, stores.hostFor(hosted));
  }
  return partners;
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
