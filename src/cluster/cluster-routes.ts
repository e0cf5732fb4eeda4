/**
 * The ways from this node to others: links, dialled directly or through other nodes, and questions
 * that go through the overlay.
 */

import type { EconomyConfig } from '../core/links/link-economy.ts';
import type { NodeName } from '../core/names.ts';
import type { MemberRecord } from '../core/roster/entry.ts';
import { findRoute } from '../core/roster/route.ts';
import type { Discovery } from '../discovery/discovery.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { settlement } from '../settlement.ts';
import type { DialHook } from '../transport/pipe.ts';
import { AddressBook } from './address-book.ts';
import type { ControlSender } from './control-sender.ts';
import { Dialler, type RelayedWays } from './dialler.ts';
import { DirectRetries } from './direct-retries.ts';
import { IdleLinks } from './idle-links.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';
import type { OnDemandLinks } from './on-demand-links.ts';
import type { OverlayDriver } from './overlay-driver.ts';
import { PipedDials } from './piped-dials.ts';
import { ReachingSender } from './reaching-sender.ts';
import { RoutingDriver, type RoutingDriverOptions } from './routing-driver.ts';

/** What is on its way through other nodes gets two round trips, within these bounds. */
const PASSING_MS: readonly [least: number, most: number] = [50, 500];

export interface ClusterRoutesOptions extends Omit<RoutingDriverOptions, 'activeView' | 'nextHop'> {
  readonly host: Host;
  readonly links: LinkTable;
  readonly control: ControlSender;
  readonly discovery: Discovery;
  readonly economy: EconomyConfig;
  readonly dialHook: DialHook | undefined;
  /** Known only when everything is put together. */
  readonly overlay: () => OverlayDriver;
  /** Of the features; known only when everything is put together. */
  readonly messages: () => OnDemandLinks;
}

export interface ClusterRoutes {
  readonly routing: RoutingDriver;
  readonly dialler: Dialler;
  readonly retries: DirectRetries;
  /** Of features that have to reach one node, by whatever way. */
  readonly reaching: ReachingSender;
  /** What closes links that are not used. */
  readonly idle: IdleLinks;
  readonly piped: PipedDials;
  readonly linkDown: (link: Link) => void;
  readonly close: () => void;
  /** Resolves when what was sent through other nodes has had the time to arrive. */
  readonly passed: () => Promise<void>;
}

export function clusterRoutes(options: ClusterRoutesOptions): ClusterRoutes {
  const { host, links, discovery, overlay, messages } = options;
  const recordOf = (node: NodeName): MemberRecord | undefined =>
    overlay().core.roster.get(node)?.record;
  const routing = new RoutingDriver({
    ...options,
    activeView: () => overlay().core.membership.audibleView,
    nextHop: (node) => nextHop(options, node),
  });
  const relayed: RelayedWays = {
    open: async (node, signal) => {
      if (overlay().core.roster.isMember(node)) return routing.open(node, signal);
      throw new BarrelError('ERR_UNREACHABLE', `${node} is no member`, { node });
    },
    release: (address) => routing.release(address),
    fingerprint: (node) => recordOf(node)?.fingerprint,
  };
  const book = new AddressBook({ announced: (node) => recordOf(node)?.addresses, discovery });
  const piped = new PipedDials({ ...options, hook: options.dialHook });
  const dialler = new Dialler({ host, links: piped, book, relayed });
  const retries = new DirectRetries({
    host,
    links,
    dial: (node, mayReplace) => dialler.replaceRelayed(node, mayReplace),
    isHeld: (node) => messages().isHeld(node),
  });
  const reaching = new ReachingSender({ ...options, dialler, relaying: 'later' });
  const idle = new IdleLinks({
    ...options,
    config: options.economy,
    isNeighbor: (node) => overlay().core.membership.isNeighbor(node),
    isNeeded: (node) => messages().isNeeded(node),
  });
  const linkDown = (link: Link): void => {
    routing.linkDown(link);
    piped.linkDown(link);
  };
  const close = (): void => {
    idle.close();
    routing.close();
    piped.close();
  };
  const ways = { routing, dialler, retries, reaching, idle, piped, linkDown, close };
  return { ...ways, passed: () => passed(options) };
}

/** Links through others end with those that they lead over: nothing of them is flushed. */
async function passed({ host, links }: ClusterRoutesOptions): Promise<void> {
  const relayed = [...links.all()].filter(({ isRelayed }) => isRelayed);
  if (relayed.length === 0) return;
  const [least, most] = PASSING_MS;
  const tripsMs = relayed.map(({ connection }) => 2 * connection.rttMs);
  const over = settlement<void>();
  host.timers.after(Math.min(Math.max(least, ...tripsMs), most), () => over.resolve());
  await over.promise;
}

/** The neighbour with a direct link that is next on the way to that member, as the roster says. */
function nextHop(
  { self, links, overlay }: ClusterRoutesOptions,
  target: NodeName,
): NodeName | undefined {
  const { membership, roster } = overlay().core;
  const neighbors = membership.audibleView.filter((node) => {
    const link = links.get(node);
    return link !== undefined && !link.isRelayed;
  });
  return findRoute(roster, { self: self.node, neighbors, target })?.[1];
}
