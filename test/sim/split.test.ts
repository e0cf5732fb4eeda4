/** Whole nodes, apart for longer than anything of the other half is remembered. */
import { expect, test } from 'vitest';
import { isMet } from '../../src/testing/lab/scenario.ts';
import { splitFor } from '../../src/testing/lab/scenarios/split.ts';

test('two halves that forgot each other are one cluster again within the goal (E4, short)', async () => {
  const scenario = splitFor(2);
  const { figures } = await scenario.run({ nodes: 4, seed: 1, progress: () => {} });
  expect(figures['membersApart']).toBe(2);
  for (const { key, goal } of scenario.rows) {
    if (goal !== undefined) expect(isMet(goal, [figures[key] ?? Number.NaN]), key).toBe(true);
  }
}, 120_000);
