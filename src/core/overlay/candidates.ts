/** Whom repair may ask when the passive view has nobody left. */
import type { PeerDescriptor } from '../membership/peer.ts';
import { type Randomness, sample } from '../membership/randomness.ts';
import type { NodeName } from '../names.ts';
import type { RosterEntry } from '../roster/entry.ts';
import type { Roster } from '../roster/roster.ts';

/** Told at once; repair asks again when none of them is of use. */
const CANDIDATES_MAX = 64;

export interface Candidates {
  readonly living: readonly PeerDescriptor[];
  /** Where nobody else lives: their death is young and may be a mistake. */
  readonly dead: readonly PeerDescriptor[];
}

export function candidatesOf(
  roster: Roster,
  random: Randomness,
  isOther: (node: NodeName) => boolean,
): Candidates {
  const others = roster.alive.filter(({ node }) => isOther(node));
  const living = sample(random, others, CANDIDATES_MAX);
  if (living.length > 0) return { living: living.map(peerOf), dead: [] };
  const gone = roster.recentlyDead.filter(({ node }) => isOther(node));
  return { living: [], dead: sample(random, gone, CANDIDATES_MAX).map(peerOf) };
}

function peerOf({ node, incarnation, record }: RosterEntry): PeerDescriptor {
  return { node, incarnation, addresses: record?.addresses ?? [], ageMs: 0 };
}
