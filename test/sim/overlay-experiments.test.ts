/** Short forms of the experiments on whole overlays; the goals are the bounds. */
import { expect, test } from 'vitest';
import { OverlayLab } from '../../src/testing/lab/overlay-lab.ts';
import { isMet, type RunResult, type Scenario } from '../../src/testing/lab/scenario.ts';
import { disaster } from '../../src/testing/lab/scenarios/disaster.ts';
import { falseDeaths } from '../../src/testing/lab/scenarios/false-deaths.ts';
import { boot, detection } from '../../src/testing/lab/scenarios/liveness.ts';
import { settledOverlay } from '../../src/testing/lab/settled-overlay.ts';

test('all nodes boot at once and know each other within the goal (E11, short)', async () => {
  const { figures, curves } = await run(boot, 60);
  expect(missedGoals(boot, figures)).toEqual([]);
  expect(figures['falseDowns']).toBe(0);
  expect(curves['known']?.at(-1)?.[1]).toBe(1);
});

test('a crash is known everywhere within the goal, at the cost of the goal (E8, E9, short)', async () => {
  const { figures } = await run(detection, 24);
  expect(missedGoals(detection, figures)).toEqual([]);
});

test('survivors of a disaster and a message of its instant find each other (E2, E3, short)', async () => {
  const { figures } = await run(disaster, 60);
  expect(missedGoals(disaster, figures)).toEqual([]);
}, 120_000);

test('nobody alive is held for dead under loss, stalls and slowness, as SWIM does (E10, short)', async () => {
  const { figures } = await run(falseDeaths, 40);
  expect(missedGoals(falseDeaths, figures)).toEqual([]);
}, 120_000);

test('a node that stands still for a moment refutes its suspicion in time', () => {
  const nodes = 60;
  const lab = settledOverlay({ nodes, seed: 3, progress: () => {} });
  for (let victim = 0; victim < nodes; victim += 1) {
    lab.network.pause(victim, 1_500);
    lab.network.run(6_000);
  }
  expect(lab.downs).toEqual([]);
});

test('one seed gives one run of whole overlays', () => {
  const traceOf = (seed: number): string => {
    const lab = new OverlayLab({ count: 20, seed, loss: 0.05 });
    const { network } = lab;
    lab.boot();
    network.run(10_000);
    return network.trace.hex;
  };
  expect(traceOf(5)).toBe(traceOf(5));
  expect(traceOf(5)).not.toBe(traceOf(6));
});

async function run(scenario: Scenario, nodes: number): Promise<RunResult> {
  return scenario.run({ nodes, seed: 1, progress: () => {} });
}

function missedGoals(scenario: Scenario, figures: RunResult['figures']): string[] {
  return scenario.rows.flatMap(({ key, what, goal }) => {
    const value = figures[key] ?? Number.NaN;
    return goal === undefined || isMet(goal, [value]) ? [] : [`${what}: ${value}`];
  });
}
