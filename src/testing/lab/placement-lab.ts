/** The core of placement with its hash function, to be measured. */
import { type KeyHash, keyHash } from '../../core/placement/key-hash.ts';
import { Placement } from '../../core/placement/placement.ts';
import type { PlacedMember } from '../../core/placement/ranked-member.ts';
import { loadKeyHash } from '../../host/system-key-hash.ts';

export { type KeyHash, keyHash, loadKeyHash, type PlacedMember, Placement };
