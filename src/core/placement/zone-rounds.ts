/** Copies in many zones: who is asked first for the next one. */

/**
 * The same items: the first of each zone, then the second of each, and so on, each round in the
 * order given. Items without a zone are of one zone together.
 */
export function inZoneRounds<T extends { readonly zone?: string | undefined }>(
  items: readonly T[],
): readonly T[] {
  const counts = new Map<string | undefined, number>();
  const rounds: T[][] = [];
  for (const item of items) {
    const round = counts.get(item.zone) ?? 0;
    counts.set(item.zone, round + 1);
    const others = rounds[round];
    if (others === undefined) rounds.push([item]);
    else others.push(item);
  }
  return rounds.flat();
}
