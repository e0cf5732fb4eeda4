/** Judges counts by what was acknowledged. Each fault is a sentence; none means all is well. */

/** Both by key: `counts`: what the owners have; `acknowledged`: what callers were told. */
export function faultsOf(counts, acknowledged) {
  const keys = new Set([...Object.keys(counts), ...Object.keys(acknowledged)]);
  return [...keys].sort().flatMap((key) => faultOf(key, counts[key] ?? 0, acknowledged[key] ?? 0));
}

/** The books of all callers as one. */
export function sumOf(books) {
  const sum = {};
  for (const { acknowledged } of books) {
    for (const [key, count] of Object.entries(acknowledged)) sum[key] = (sum[key] ?? 0) + count;
  }
  return sum;
}

function faultOf(key, count, acknowledged) {
  if (count === acknowledged) return [];
  const difference = Math.abs(count - acknowledged);
  const what = count < acknowledged ? `${difference} are lost` : `${difference} are too many`;
  return [`${key} is at ${count}, acknowledged were ${acknowledged}: ${what}`];
}
