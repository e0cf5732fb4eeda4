/**
 * A way through the overlay, as the members told of their neighbours: a search from both ends, so
 * that among ten thousand members it looks at a few hundred.
 */
import type { NodeName } from '../names.ts';
import { isLiving } from './entry.ts';
import { ROUTE_NODES_MAX, type Route } from './messages.ts';
import type { EntriesByNode } from './orphans.ts';

/** Members looked at, at most. */
const VISITED_MAX = 8_192;

export interface Ends {
  readonly self: NodeName;
  /** This node's neighbours: the first hop is one of them. */
  readonly neighbors: readonly NodeName[];
  readonly target: NodeName;
}

/** Who was come upon, each with the one before it on the way from that end. */
type Tree = Map<NodeName, NodeName | undefined>;

/** A shortest route, both ends included; undefined when none is known within the bound. */
export function findRoute(roster: EntriesByNode, ends: Ends): Route | undefined {
  const { self, neighbors, target } = ends;
  const near: Tree = new Map([[self, undefined]]);
  const far: Tree = new Map([[target, undefined]]);
  let nearEdge: readonly NodeName[] = [self];
  let farEdge: readonly NodeName[] = [target];
  for (let nodes = 2; nodes <= ROUTE_NODES_MAX; nodes += 1) {
    if (nearEdge.length === 0 || farEdge.length === 0) return undefined;
    if (near.size + far.size > VISITED_MAX) return undefined;
    const isNear = nearEdge.length <= farEdge.length;
    const neighborsOf = (node: NodeName): readonly NodeName[] =>
      node === self ? neighbors : (roster.get(node)?.record?.neighbors ?? []);
    // This node is never come upon from afar: its own view says who is next to it.
    const canPass = (node: NodeName): boolean =>
      node === target || (node !== self && isUsable(roster, node));
    const edge = grow(isNear ? near : far, isNear ? nearEdge : farEdge, (node) =>
      neighborsOf(node).filter(canPass),
    );
    if (isNear) nearEdge = edge;
    else farEdge = edge;
    const other = isNear ? far : near;
    const meeting = edge.find((node) => other.has(node));
    if (meeting !== undefined) return join(near, far, meeting);
  }
  return undefined;
}

/** One hop more from all that the last hop came upon. */
function grow(
  tree: Tree,
  edge: readonly NodeName[],
  next: (node: NodeName) => readonly NodeName[],
): readonly NodeName[] {
  const grown: NodeName[] = [];
  for (const node of edge) {
    for (const neighbor of next(node)) {
      if (tree.has(neighbor)) continue;
      tree.set(neighbor, node);
      grown.push(neighbor);
    }
  }
  return grown;
}

function isUsable(roster: EntriesByNode, node: NodeName): boolean {
  const entry = roster.get(node);
  return isLiving(entry) && entry.status === 'alive';
}

function join(near: Tree, far: Tree, meeting: NodeName): Route {
  const route: NodeName[] = [];
  for (let at: NodeName | undefined = meeting; at !== undefined; at = near.get(at)) route.push(at);
  route.reverse();
  for (let at = far.get(meeting); at !== undefined; at = far.get(at)) route.push(at);
  return route;
}
