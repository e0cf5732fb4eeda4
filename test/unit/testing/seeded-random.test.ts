import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';

describe('seeded randomness', () => {
  test('one seed gives one series, another seed another one', () => {
    expect(floats(new SeededRandom(1))).toEqual(floats(new SeededRandom(1)));
    expect(floats(new SeededRandom(1))).not.toEqual(floats(new SeededRandom(2)));
    expect(new SeededRandom(1).bytes(37)).toEqual(new SeededRandom(1).bytes(37));
  });

  test('the series of a seed never changes', () => {
    const random = new SeededRandom(42);
    expect([random.float(), random.float()]).toEqual(KNOWN_FLOATS);
    expect([...random.bytes(6)]).toEqual(KNOWN_BYTES);
  });

  test('floats are in [0, 1) and evenly spread', () => {
    const random = new SeededRandom(3);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let draw = 0; draw < 100_000; draw += 1) {
      const bucket = Math.floor(random.float() * 10);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    expect(counts.length).toBe(10);
    expect(Math.min(...counts)).toBeGreaterThan(9_500);
    expect(Math.max(...counts)).toBeLessThan(10_500);
  });

  test('near seeds do not give near values', () => {
    const firsts = Array.from({ length: 100 }, (_, seed) => new SeededRandom(seed).float());
    const mean = firsts.reduce((sum, value) => sum + value, 0) / firsts.length;
    expect(new Set(firsts.map((value) => Math.floor(value * 10))).size).toBe(10);
    expect(mean).toBeGreaterThan(0.35);
    expect(mean).toBeLessThan(0.65);
  });

  test('a fork draws its own series', () => {
    const random = new SeededRandom(5);
    const fork = random.fork();
    expect(floats(fork)).not.toEqual(floats(random));
    const again = new SeededRandom(5);
    expect(floats(again.fork())).toEqual(floats(new SeededRandom(5).fork()));
  });
});

const KNOWN_FLOATS: readonly number[] = [0.2934002975361264, 0.6231626238071978];
const KNOWN_BYTES: readonly number[] = [45, 252, 24, 28, 211, 71];

function floats(random: SeededRandom): readonly number[] {
  return Array.from({ length: 10 }, () => random.float());
}
