/** Random choices from the one source that is passed in, so that a seed replays a run. */

/** Uniform in [0, 1). */
export interface Randomness {
  float(): number;
}

/** One item, or undefined when there is none. */
export function pick<T>(random: Randomness, items: readonly T[]): T | undefined {
  return items[Math.floor(random.float() * items.length)];
}

/** Up to `count` distinct items in random order; `items` stays as it is. */
export function sample<T>(random: Randomness, items: readonly T[], count: number): T[] {
  const pool = [...items];
  const size = Math.min(count, pool.length);
  for (let i = 0; i < size; i += 1) {
    const j = i + Math.floor(random.float() * (pool.length - i));
    const chosen = pool[j] as T;
    pool[j] = pool[i] as T;
    pool[i] = chosen;
  }
  pool.length = size;
  return pool;
}

/** Uniform between `lowest` and 1 times the period. */
export function jitter(random: Randomness, periodMs: number, lowest: number): number {
  return periodMs * (lowest + (1 - lowest) * random.float());
}

/** The period, a fifth longer or shorter at random. */
export function vary(random: Randomness, periodMs: number): number {
  return periodMs * (0.8 + 0.4 * random.float());
}
