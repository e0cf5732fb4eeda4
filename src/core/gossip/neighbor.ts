/** A neighbour as the broadcast core sees it. */
import type { NodeName } from '../names.ts';
import type { Held } from './payload-cache.ts';

export interface Neighbor {
  readonly node: NodeName;
  /** Broadcasts to be announced to it with the next batch. At most 64. */
  announcements: Held[];
  isCongested: boolean;
  /** Ids announced since it is congested. */
  congestedIds: number;
  /** Something was kept from it while it was congested. */
  isOwedDigest: boolean;
  /** Its first digest on this link has come. */
  hasGreeted: boolean;
}

export function newNeighbor(node: NodeName): Neighbor {
  return {
    node,
    announcements: [],
    isCongested: false,
    congestedIds: 0,
    isOwedDigest: false,
    hasGreeted: false,
  };
}
