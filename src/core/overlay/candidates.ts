/** Whom repair may ask when the passive view has nobody left. */
import type { HyParView } from '../membership/hyparview.ts';
import type { PeerDescriptor } from '../membership/peer.ts';
import { type Randomness, sample } from '../membership/randomness.ts';
import type { NodeName } from '../names.ts';
import type { RosterEntry } from '../roster/entry.ts';
import type { Roster } from '../roster/roster.ts';
import type { LayerInput } from './layer-input.ts';

/** Told at once; repair asks again when none of them is of use. */
const CANDIDATES_MAX = 64;

/** Who is known, and who needs no asking. */
interface Known {
  readonly roster: Roster;
  readonly membership: Pick<HyParView, 'isNeighbor'>;
}

/** The living; where nobody else lives also those whose death is young and may be a mistake. */
export function candidateInputs(
  { roster, membership }: Known,
  self: NodeName,
  random: Randomness,
): readonly LayerInput[] {
  const isOther = (node: NodeName): boolean => node !== self && !membership.isNeighbor(node);
  const others = roster.alive.filter(({ node }) => isOther(node));
  const living = sample(random, others, CANDIDATES_MAX);
  if (living.length > 0) return [candidates(living, {})];
  const gone = roster.recentlyDead.filter(({ node }) => isOther(node));
  const dead = sample(random, gone, CANDIDATES_MAX);
  const none = candidates([], {});
  return dead.length === 0 ? [none] : [none, candidates(dead, { arePresumedDead: true })];
}

function candidates(
  entries: readonly RosterEntry[],
  presumed: { readonly arePresumedDead?: boolean },
): LayerInput {
  const input = { kind: 'candidates', peers: entries.map(peerOf), ...presumed } as const;
  return { layer: 'membership', input };
}

function peerOf({ node, incarnation, record }: RosterEntry): PeerDescriptor {
  return { node, incarnation, addresses: record?.addresses ?? [], ageMs: 0 };
}
