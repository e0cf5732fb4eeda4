/** Short forms of the membership paper's experiments; their goals, scaled, are the bounds. */
import { beforeAll, describe, expect, test } from 'vitest';
import {
  growHyParView,
  type HyParViewLab,
  plantHyParView,
  viewsOf,
} from '../../src/testing/lab/hyparview-lab.ts';
import type { RunResult } from '../../src/testing/lab/scenario.ts';
import { failures } from '../../src/testing/lab/scenarios/failures.ts';
import { joinStorm, overlay } from '../../src/testing/lab/scenarios/overlay.ts';

const NODES = 80;
const CYCLES = 10;
/** Paths grow with the logarithm of the size, clustering falls with the size. */
const PATH_MAX = (6.5 * Math.log(NODES)) / Math.log(10_000) + 0.1;
const CLUSTERING_MAX = (0.001 * 10_000) / NODES;

describe.each([overlay, joinStorm])('$name (E1, short)', (scenario) => {
  let figures: RunResult['figures'];

  beforeAll(async () => {
    figures = (await scenario.run({ nodes: NODES, seed: 1, cycles: CYCLES, progress: () => {} }))
      .figures;
  });

  test('paths are as short as those of a random graph, and clusters as rare', () => {
    expect(figures['shortestPath']).toBeLessThan(PATH_MAX);
    expect(figures['clustering']).toBeLessThan(CLUSTERING_MAX);
    expect(figures['diameter']).toBeLessThanOrEqual(7);
  });

  test('views are full, all links are mutual, and everybody is reached', () => {
    expect(figures['degree']).toBeGreaterThan(4.8);
    expect(figures['mutual']).toBe(1);
    expect(figures['components']).toBe(1);
  });
});

test('one seed gives one run, and another seed another one', () => {
  const traceOf = (seed: number): string => grown(seed).network.trace.hex;
  const trace = traceOf(7);
  expect(trace).toMatch(/^[0-9a-f]{16}$/);
  expect(traceOf(7)).toBe(trace);
  expect(traceOf(8)).not.toBe(trace);
});

test('a planted overlay is the one that grew', () => {
  const views = viewsOf(grown(3));
  const { network, nodes } = plantHyParView(views, { seed: 4 });
  expect(network.neighbors.map(sorted)).toEqual(views.active.map(sorted));
  nodes.forEach(({ membership }, index) => {
    // A node with a free place asks a spare at once, which is in neither view then.
    const spares = [...membership.core.passiveView, ...membership.core.pendingNodes];
    expect(sorted(spares.map((node) => network.indexOf(node)))).toEqual(
      sorted(views.passive[index] ?? []),
    );
  });
  network.run(1_000);
  expect(network.neighbors.map(sorted)).toEqual(views.active.map(sorted));
});

test('after massive failures the survivors are reached again (section 5.2, short)', async () => {
  const { figures } = await failures.run({
    nodes: 150,
    seed: 1,
    cycles: CYCLES,
    progress: () => {},
  });
  for (const percent of [10, 20, 30, 40, 50]) {
    expect(figures[`reliability${percent}`]).toBeGreaterThan(0.97);
    expect(figures[`cycles${percent}`]).toBeLessThanOrEqual(2);
  }
  for (const percent of [60, 70, 80]) {
    expect(figures[`reliability${percent}`]).toBeGreaterThan(0.85);
    expect(figures[`isolated${percent}`]).toBe(0);
  }
});

function grown(seed: number): HyParViewLab {
  return growHyParView({ nodes: 60, seed, joins: 'one by one', cycles: 5, progress: () => {} });
}

function sorted(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}
