/**
 * The rule for those that died together with all who watched over them: a member whose announced
 * neighbours are all gone is suspect. Every node comes to that by itself, from the same roster.
 */
import type { NodeName } from '../names.ts';
import { type AliveEntry, isLiving, type RosterEntry } from './entry.ts';

/** Deaths come in crowds: what follows from them by rule is looked at once for all. */
export const ORPHANS_DELAY_MS = 500;

export interface EntriesByNode {
  get(node: NodeName): RosterEntry | undefined;
}

/** True when the member told of neighbours and none of them lives. */
export function isOrphan(roster: EntriesByNode, neighbors: readonly NodeName[]): boolean {
  return neighbors.length > 0 && neighbors.every((node) => !isLiving(roster.get(node)));
}

/**
 * The orphans among the neighbours of those that went: links are mutual, so that whoever lost its
 * last neighbour was its neighbour's, too. One that was missed for a late word is found by audit.
 */
export function orphansOf(roster: EntriesByNode, gone: Iterable<NodeName>): readonly AliveEntry[] {
  const orphans = new Map<NodeName, AliveEntry>();
  for (const node of gone) {
    for (const neighbor of roster.get(node)?.record?.neighbors ?? []) {
      const entry = roster.get(neighbor);
      if (entry?.status !== 'alive' || !isOrphan(roster, entry.record.neighbors)) continue;
      orphans.set(neighbor, entry);
    }
  }
  return [...orphans.values()];
}
