/**
 * What is measured of an overlay, as the papers do (HyParView, section 5.1): degrees, clustering,
 * shortest paths, components; and how long a flood over it takes.
 */
import { EventQueue } from './event-queue.ts';
import type { Latency } from './latency.ts';

/** Neighbours of each node, by number. An edge counts in the direction in which it is listed. */
export type Graph = readonly (readonly number[])[];

/** How many nodes list each one. */
export function inDegrees(graph: Graph): number[] {
  const degrees = new Array<number>(graph.length).fill(0);
  for (const neighbors of graph) {
    for (const neighbor of neighbors) degrees[neighbor] = (degrees[neighbor] ?? 0) + 1;
  }
  return degrees;
}

/** Listed links whose other end lists them too, over all; 1 for a graph without links. */
export function mutualShare(graph: Graph): number {
  let links = 0;
  let mutual = 0;
  graph.forEach((neighbors, node) => {
    for (const neighbor of neighbors) {
      links += 1;
      if (graph[neighbor]?.includes(node) === true) mutual += 1;
    }
  });
  return links === 0 ? 1 : mutual / links;
}

/**
 * Mean over the nodes of: links among a node's neighbours, over those that could be there. A node
 * with fewer than two neighbours counts as 0, as in the papers.
 */
export function clusteringCoefficient(graph: Graph): number {
  let sum = 0;
  for (const neighbors of graph) {
    const pairs = (neighbors.length * (neighbors.length - 1)) / 2;
    if (pairs > 0) sum += linksAmong(graph, neighbors) / pairs;
  }
  return graph.length === 0 ? 0 : sum / graph.length;
}

function linksAmong(graph: Graph, nodes: readonly number[]): number {
  let links = 0;
  nodes.forEach((node, at) => {
    for (const other of nodes.slice(at + 1)) {
      if (graph[node]?.includes(other) === true || graph[other]?.includes(node) === true)
        links += 1;
    }
  });
  return links;
}

export interface Paths {
  /** Mean length of the shortest paths from the sources to all that they reach. */
  readonly mean: number;
  /** The longest of them: the diameter when every node is a source. */
  readonly longest: number;
  /** Mean over the sources of the longest path from each: hops of a flood's last delivery. */
  readonly meanLongest: number;
  /** Pairs without a path. */
  readonly unreachable: number;
}

/** Shortest paths in hops from these nodes to all living ones. */
export function shortestPaths(graph: Graph, sources: readonly number[], living: number): Paths {
  let sum = 0;
  let count = 0;
  let longest = 0;
  let longestSum = 0;
  const search = new BreadthFirst(graph);
  for (const source of sources) {
    const { reached, hopsSum, hopsMax } = search.from(source);
    sum += hopsSum;
    count += reached - 1;
    longest = Math.max(longest, hopsMax);
    longestSum += hopsMax;
  }
  const pairs = sources.length * (living - 1);
  return {
    mean: count === 0 ? 0 : sum / count,
    longest,
    meanLongest: sources.length === 0 ? 0 : longestSum / sources.length,
    unreachable: pairs - count,
  };
}

export interface Reach {
  /** Nodes that the search came to, the first included. */
  readonly reached: number;
  readonly hopsSum: number;
  readonly hopsMax: number;
}

/** Breadth-first searches over one graph, with their arrays made once. */
export class BreadthFirst {
  readonly #graph: Graph;
  readonly #hops: Int32Array;
  readonly #order: Int32Array;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#hops = new Int32Array(graph.length);
    this.#order = new Int32Array(graph.length);
  }

  /** Hops to each node of the last search; -1 where it did not come. */
  get hops(): Int32Array {
    return this.#hops;
  }

  /** @param passes whether the search goes over that link; all by default. */
  from(source: number, passes?: (node: number, neighbor: number) => boolean): Reach {
    const hops = this.#hops.fill(-1);
    const order = this.#order;
    hops[source] = 0;
    order[0] = source;
    let reached = 1;
    let hopsSum = 0;
    for (let at = 0; at < reached; at += 1) {
      const node = order[at] as number;
      const next = (hops[node] as number) + 1;
      hopsSum += next - 1;
      for (const neighbor of this.#graph[node] ?? []) {
        if (hops[neighbor] !== -1 || passes?.(node, neighbor) === false) continue;
        hops[neighbor] = next;
        order[reached] = neighbor;
        reached += 1;
      }
    }
    return { reached, hopsSum, hopsMax: hops[order[reached - 1] as number] as number };
  }
}

/** Sizes of the connected components among these nodes, the largest first. */
export function components(graph: Graph, nodes: readonly number[]): number[] {
  const search = new BreadthFirst(graph);
  const seen = new Set<number>();
  const sizes: number[] = [];
  for (const node of nodes) {
    if (seen.has(node)) continue;
    const { reached } = search.from(node);
    search.hops.forEach((hops, at) => {
      if (hops >= 0) seen.add(at);
    });
    sizes.push(reached);
  }
  return sizes.sort((a, b) => b - a);
}

/** When a flood from that node reaches each other one, in milliseconds; infinity when never. */
export function floodTimesMs(graph: Graph, source: number, latency: Latency): Float64Array {
  const times = new Float64Array(graph.length).fill(Number.POSITIVE_INFINITY);
  const queue = new EventQueue<number>();
  times[source] = 0;
  queue.push(0, source);
  while (queue.size > 0) {
    const atMs = queue.nextMs;
    const node = queue.pop();
    if (node === undefined || atMs > (times[node] as number)) continue;
    for (const neighbor of graph[node] ?? []) {
      const arrivesMs = atMs + latency(node, neighbor);
      if (arrivesMs >= (times[neighbor] as number)) continue;
      times[neighbor] = arrivesMs;
      queue.push(arrivesMs, neighbor);
    }
  }
  return times;
}

/** The graph without the links to nodes that are not among the living. */
export function amongLiving(graph: Graph, isAlive: (node: number) => boolean): Graph {
  return graph.map((neighbors, node) => (isAlive(node) ? neighbors.filter(isAlive) : []));
}
