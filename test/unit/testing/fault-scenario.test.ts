import { describe, expect, test } from 'vitest';
import { Draws } from '../../../src/testing/scenario/draws.ts';
import { drawFaultPlan } from '../../../src/testing/scenario/fault-plan.ts';
import {
  type FaultScenarioOptions,
  runFaultScenario,
} from '../../../src/testing/scenario/run-fault-scenario.ts';
import { shrinkFaultScenario } from '../../../src/testing/scenario/shrink.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';

/** A few seeds, small and short; the many run in a project of their own. */
const SEEDS = [1, 2, 3, 4];

describe('random faults', () => {
  test.each(SEEDS)(
    'seed %i: no rule breaks, and what is healed is one cluster again',
    async (seed) => {
      const report = await runFaultScenario(short(seed));
      expect(report.nodes).toBeGreaterThanOrEqual(3);
      expect(report.convergedMs).toBeLessThanOrEqual(180_000);
    },
  );

  test('one seed gives one run, to the byte', async () => {
    const [first, again] = [await runFaultScenario(short(7)), await runFaultScenario(short(7))];
    expect(again).toEqual(first);
  });

  test('what does not converge says seed and command', async () => {
    const run = runFaultScenario({ ...short(1), budgetMs: -1 });
    await expect(run).rejects.toMatchObject({ name: 'SimulationError', seed: 1 });
    await expect(run).rejects.toThrow('again by runFaultScenario({"seed":1,');
  });
});

describe('shrinking', () => {
  test('finds a shorter run of a seed that fails, and nothing for one that holds', async () => {
    const failing = await shrinkFaultScenario({ ...short(1), budgetMs: -1 });
    expect(failing?.options).toMatchObject({ seed: 1, nodesMax: 3 });
    expect(failing?.options.faultsMs?.[1]).toBeLessThan(1_000);
    expect(await shrinkFaultScenario(short(1))).toBeUndefined();
  });
});

describe('plans', () => {
  test('stay within their bounds, and small ones are frequent', () => {
    const sizes = Array.from({ length: 300 }, (_, seed) => {
      const bounds = { nodesMax: 50, faultsMs: [1_000, 2_000] as const };
      const plan = drawFaultPlan(new Draws(new SeededRandom(seed)), bounds);
      expect(plan.network.loss).toBeLessThanOrEqual(0.2);
      expect(plan.faultsMs).toBeLessThanOrEqual(2_000);
      return plan.nodes.length;
    });
    expect(Math.min(...sizes)).toBe(3);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(50);
    expect(Math.max(...sizes)).toBeGreaterThan(40);
    expect(sizes.filter((size) => size <= 10).length).toBeGreaterThan(130);
  });

  test('of large clusters have a short phase of faults', () => {
    for (let seed = 0; seed < 300; seed += 1) {
      const bounds = { nodesMax: 50, faultsMs: [40_000, 60_000] as const, nodeMsMax: 500_000 };
      const { nodes, faultsMs } = drawFaultPlan(new Draws(new SeededRandom(seed)), bounds);
      expect(faultsMs * nodes.length).toBeLessThanOrEqual(500_001);
      if (nodes.length < 8) expect(faultsMs).toBeGreaterThanOrEqual(40_000);
    }
  });
});

function short(seed: number): FaultScenarioOptions {
  return { seed, nodesMax: 8, faultsMs: [10_000, 20_000] };
}
