/**
 * A hash of 32 bits in the manner of MurmurHash3, for the buckets of the roster's digest: quick and
 * evenly spread. It is no protection: whoever wants two rosters to look alike finds a collision,
 * but such a node could as well leave out what it does not want to tell.
 */

/** Of a text, by its UTF-16 units. */
export function hashText(text: string): number {
  let hash = text.length;
  for (let i = 0; i < text.length; i += 1) hash = mix(hash, text.charCodeAt(i));
  return finish(hash);
}

/** Takes one more word of 32 bits into the hash. */
export function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** Spreads the last words over all bits; 0 to 2^32 - 1. */
export function finish(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
