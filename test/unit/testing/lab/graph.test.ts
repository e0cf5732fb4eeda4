import { describe, expect, test } from 'vitest';
import {
  amongLiving,
  clusteringCoefficient,
  components,
  floodTimesMs,
  type Graph,
  inDegrees,
  mutualShare,
  shortestPaths,
} from '../../../../src/testing/lab/graph.ts';

/** 0 - 1 - 2 - 3 - 0 */
const RING: Graph = [
  [1, 3],
  [0, 2],
  [1, 3],
  [2, 0],
];
const TRIANGLE: Graph = [
  [1, 2],
  [0, 2],
  [0, 1],
];
const ALL = [0, 1, 2, 3];

describe('degrees', () => {
  test('count the nodes that list one', () => {
    expect(inDegrees([[1, 2], [2], []])).toEqual([0, 1, 2]);
  });

  test('a link that only one end lists is not mutual', () => {
    expect(mutualShare(RING)).toBe(1);
    expect(mutualShare([[1, 2], [0], []])).toBeCloseTo(2 / 3);
    expect(mutualShare([[], []])).toBe(1);
  });
});

describe('clustering', () => {
  test('is 1 where all neighbours know each other, and 0 where none do', () => {
    expect(clusteringCoefficient(TRIANGLE)).toBe(1);
    expect(clusteringCoefficient(RING)).toBe(0);
  });

  test('of a node with one neighbour counts as 0', () => {
    expect(clusteringCoefficient([[1], [0, 2, 3], [1, 3], [1, 2]])).toBeCloseTo((1 / 3 + 2) / 4);
  });
});

describe('shortest paths', () => {
  test('of a ring of four have length 1, 1 and 2', () => {
    const paths = shortestPaths(RING, ALL, 4);
    expect(paths).toEqual({ mean: 4 / 3, longest: 2, meanLongest: 2, unreachable: 0 });
  });

  test('leave out pairs without one and count them', () => {
    const paths = shortestPaths([[1], [0], [3], [2]], ALL, 4);
    expect(paths).toEqual({ mean: 1, longest: 1, meanLongest: 1, unreachable: 8 });
  });

  test('components are told by size, the largest first', () => {
    expect(components([[1], [0, 2], [1], []], ALL)).toEqual([3, 1]);
  });
});

describe('a flood', () => {
  test('takes the fastest way, not the shortest', () => {
    const slow = new Map([
      ['0-3', 100],
      ['0-1', 10],
      ['1-2', 10],
      ['2-3', 10],
    ]);
    const latency = (a: number, b: number): number =>
      slow.get(`${Math.min(a, b)}-${Math.max(a, b)}`) ?? Number.NaN;
    expect([...floodTimesMs(RING, 0, latency)]).toEqual([0, 10, 20, 30]);
  });

  test('never reaches what has no path', () => {
    const times = floodTimesMs([[1], [0], []], 0, () => 5);
    expect([...times]).toEqual([0, 5, Number.POSITIVE_INFINITY]);
  });

  test('does not go over the dead', () => {
    const graph = amongLiving(RING, (node) => node !== 1);
    expect(graph).toEqual([[3], [], [3], [2, 0]]);
  });
});
