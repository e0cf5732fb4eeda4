/**
 * What must hold of a cluster at rest, when all nodes can reach each other: everybody knows who is
 * there, each link is mutual, and the links hold all nodes together.
 */
import type { BarrelNode } from '../barrel-node.ts';
import type { NodeName } from '../core/names.ts';

const NAMES_SHOWN = 5;

/** Sentences that say what is not so yet; empty when the nodes have converged. */
export function faultsAtRest(nodes: readonly BarrelNode[]): readonly string[] {
  const present = nodes.filter((node) => node.status().state !== 'left');
  const names = present.map(({ name }) => name).sort();
  const views = new Map(present.map((node) => [node.name, node.activeView()]));
  return [
    ...present.flatMap((node) => rosterFaults(node, names)),
    ...[...views].flatMap(([node, view]) => oneSided(node, view, views)),
    ...componentFaults(names, views),
  ];
}

type Views = ReadonlyMap<NodeName, readonly NodeName[]>;

function rosterFaults(node: BarrelNode, names: readonly NodeName[]): readonly string[] {
  const known = new Set(node.members());
  const missing = names.filter((name) => !known.has(name));
  const present = new Set(names);
  const surplus = [...known].filter((name) => !present.has(name));
  return [
    ...(missing.length > 0 ? [`${node.name} does not know ${shown(missing)}`] : []),
    ...(surplus.length > 0 ? [`${node.name} still believes in ${shown(surplus)}`] : []),
  ];
}

function oneSided(node: NodeName, view: readonly NodeName[], views: Views): readonly string[] {
  return view
    .filter((peer) => views.get(peer)?.includes(node) !== true)
    .map((peer) => `the link ${node} -> ${peer} is one-sided`);
}

function componentFaults(names: readonly NodeName[], views: Views): readonly string[] {
  const [first] = names;
  if (first === undefined) return [];
  const reached = new Set([first]);
  for (const node of reached) {
    for (const peer of views.get(node) ?? []) if (views.has(peer)) reached.add(peer);
  }
  const apart = names.filter((name) => !reached.has(name));
  return apart.length === 0 ? [] : [`no path of links from ${first} to ${shown(apart)}`];
}

function shown(names: readonly NodeName[]): string {
  const more = names.length - NAMES_SHOWN;
  return names.slice(0, NAMES_SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
