/** HyParView at scale: grows overlays of cores, keeps their views, and plants them again. */
import type { HyParViewConfig } from '../../core/membership/config.ts';
import type { MembershipMessage } from '../../core/membership/messages.ts';
import type { PeerDescriptor } from '../../core/membership/peer.ts';
import type { NodeName } from '../../core/names.ts';
import { HyParViewNode } from './hyparview-node.ts';
import { LabNetwork, type LabNetworkOptions } from './lab-network.ts';
import type { LatencyRange } from './latency.ts';
import type { DrivingTimer } from './membership-driving.ts';
import { grow, type Views } from './population.ts';

export type HyParViewNetwork = LabNetwork<MembershipMessage, DrivingTimer>;

export interface HyParViewLab {
  readonly network: HyParViewNetwork;
  readonly nodes: readonly HyParViewNode[];
}

/** The papers count in cycles: here one period of the shuffle, the package's default. */
export const CYCLE_MS = 10_000;
/** Cycles after joining (HyParView, section 5.1). */
export const STABILISING_CYCLES = 50;

/**
 * What the paper does not have, statements of the active view and repair by the clock, happens once
 * in a cycle here: it is most of a run's events and changes little while nothing fails.
 */
const GROWING: Partial<HyParViewConfig> = {
  shufflePeriodMs: CYCLE_MS,
  keepAlivePeriodMs: CYCLE_MS,
  repairPeriodMs: CYCLE_MS,
};

export interface GrowOptions {
  readonly nodes: number;
  readonly seed: number;
  /** All ask the first node: one by one, as in the papers, or all at once. */
  readonly joins: 'one by one' | 'at once';
  readonly cycles: number;
  readonly progress: (share: number) => void;
  /** Called after each cycle. */
  readonly onCycle?: (lab: HyParViewLab) => void;
}

/**
 * In the papers one join is over before the next begins. Over short links, a walk of six hops, its
 * dial and its answer take less than this; joins that overlap would cluster around the contact.
 */
const JOIN_GAP_MS = 50;
const SHORT_LINKS: LatencyRange = { lowMs: 1, highMs: 5 };

/** An overlay that joined and then ran for some cycles. */
export function growHyParView(options: GrowOptions): HyParViewLab {
  const { nodes: count, seed, joins, cycles, progress, onCycle } = options;
  const isInTurn = joins === 'one by one';
  const network: HyParViewNetwork = new LabNetwork(
    isInTurn ? { seed, latency: SHORT_LINKS } : { seed },
  );
  const config = isInTurn ? { ...GROWING, ...UNHURRIED } : {};
  const gapMs = isInTurn ? JOIN_GAP_MS : 0;
  const wholeMs = count * gapMs + cycles * CYCLE_MS;
  const make = (): HyParViewNode => {
    if (network.size % 64 === 0) progress(network.nowMs / wholeMs);
    return addHyParView(network, config);
  };
  const nodes = grow(network, { count, gapMs, make });
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    network.run(CYCLE_MS);
    progress(network.nowMs / wholeMs);
    onCycle?.({ network, nodes });
  }
  return { network, nodes };
}

/** A contact of the paper has no limit to the rate of newcomers. */
const UNHURRIED: Partial<HyParViewConfig> = { joinBurst: 1_000, joinsPerSecond: 1_000 };

export function addHyParView(
  network: HyParViewNetwork,
  config: Partial<HyParViewConfig>,
): HyParViewNode {
  return network.add((port, random) => new HyParViewNode({ port, random, config }));
}

export function viewsOf({ network, nodes }: HyParViewLab): Views {
  return {
    active: network.neighbors.map((view) => [...view]),
    passive: nodes.map(({ membership }) =>
      membership.core.passiveView.map((node) => network.indexOf(node)),
    ),
  };
}

/** A fresh network whose nodes have these views. */
export function plantHyParView(
  views: Views,
  options: LabNetworkOptions<MembershipMessage>,
): HyParViewLab {
  const network: HyParViewNetwork = new LabNetwork(options);
  const nodes = views.active.map(() => addHyParView(network, {}));
  plant(
    network,
    nodes.map(({ membership }) => membership),
    views,
  );
  return { network, nodes };
}

/** What the planting needs of a node, whatever else it runs. */
export interface Plantable {
  /** That node, to which a link stands, has asked for a place in the active view. */
  acceptNeighbor(node: NodeName): void;
  /** Its passive view. */
  learn(peers: readonly PeerDescriptor[]): void;
}

/** What the planting needs of a network, whatever else crosses it. */
type Soil = Pick<HyParViewNetwork, 'descriptor' | 'openLink'>;

/**
 * Gives each node its views by the inputs that a run would have given it: candidates, links, and
 * requests of neighbours, which it accepts.
 */
export function plant(soil: Soil, nodes: readonly Plantable[], views: Views): void {
  views.active.forEach((view, index) => {
    for (const peer of view) if (index < peer) soil.openLink(index, peer);
  });
  nodes.forEach((node, index) => {
    for (const peer of views.active[index] ?? []) node.acceptNeighbor(soil.descriptor(peer).node);
    node.learn((views.passive[index] ?? []).map((peer) => soil.descriptor(peer)));
  });
}
