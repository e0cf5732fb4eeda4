/** Members for tests of placement, and what a table says of them. */
import type { KeyHash } from '../../../../src/core/placement/key-hash.ts';
import { Placement } from '../../../../src/core/placement/placement.ts';
import type { PlacementTable } from '../../../../src/core/placement/placement-table.ts';
import type { PlacedMember } from '../../../../src/core/placement/ranked-member.ts';
import { loadKeyHash } from '../../../../src/host/system-key-hash.ts';

export const hash: KeyHash = await loadKeyHash();

/** Names differ from one `round` to the next. */
export function members(count: number, round = 0): PlacedMember[] {
  return Array.from({ length: count }, (_, i) => ({ node: `n${i}@round${round}`, weight: 1 }));
}

export function placed(list: readonly PlacedMember[], ringSize = 4_096): Placement {
  return new Placement({ ringSize, hash }, list);
}

/** The owner of each partition. */
export function owners(table: PlacementTable): readonly string[] {
  return Array.from({ length: table.ringSize }, (_, partition) => table.ownerOf(partition));
}

/** Partitions with different owners in both. */
export function moved(one: PlacementTable, other: PlacementTable): readonly number[] {
  const after = owners(other);
  return owners(one).flatMap((owner, partition) => (owner === after[partition] ? [] : [partition]));
}

/** How many each of them has. */
export function loads(table: PlacementTable, list: readonly PlacedMember[]): readonly number[] {
  const counts = new Map<string, number>();
  for (const owner of owners(table)) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return list.map(({ node }) => counts.get(node) ?? 0);
}
