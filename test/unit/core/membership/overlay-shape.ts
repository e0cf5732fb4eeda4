/** What the links of an overlay look like as a graph: the figures of the HyParView paper. */
import type { HyParView } from '../../../../src/core/membership/hyparview.ts';

export interface OverlayShape {
  readonly degreeMean: number;
  readonly degreeMin: number;
  /** Mean share of the pairs of a node's neighbours that are neighbours too. */
  readonly clustering: number;
  /** Hops between two nodes, over all pairs that have a path. */
  readonly pathMean: number;
  readonly diameter: number;
  /** Nodes that the first one reaches; all of them when the overlay is connected. */
  readonly reached: number;
}

/** Counts mutual links only. */
export function shapeOf(cores: readonly HyParView[]): OverlayShape {
  const links = linksOf(cores);
  const degrees = links.map((others) => others.length);
  const hops = links.flatMap((_, from) => distances(links, from));
  return {
    degreeMean: mean(degrees),
    degreeMin: Math.min(...degrees),
    clustering: mean(links.map((others) => clusteringOf(links, others))),
    pathMean: mean(hops),
    diameter: hops.reduce((longest, hop) => Math.max(longest, hop), 0),
    reached: distances(links, 0).length + 1,
  };
}

function linksOf(cores: readonly HyParView[]): number[][] {
  const places = new Map(cores.map((core, place) => [core.self.node, place]));
  const views = cores.map((core) => new Set(core.activeView));
  return cores.map(({ self, activeView }) =>
    activeView.flatMap((node) => {
      const place = places.get(node);
      return place !== undefined && views[place]?.has(self.node) ? [place] : [];
    }),
  );
}

/** Hops to every other node that can be reached. */
function distances(links: readonly number[][], from: number): number[] {
  const hops = new Map([[from, 0]]);
  for (const [node, hop] of hops) {
    for (const next of links[node] ?? []) if (!hops.has(next)) hops.set(next, hop + 1);
  }
  hops.delete(from);
  return [...hops.values()];
}

function clusteringOf(links: readonly number[][], others: readonly number[]): number {
  if (others.length < 2) return 0;
  const pairs = others.flatMap((a, i) => others.slice(i + 1).map((b) => [a, b] as const));
  return pairs.filter(([a, b]) => links[a]?.includes(b)).length / pairs.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
}
