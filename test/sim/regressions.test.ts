import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  type FaultScenarioOptions,
  runFaultScenario,
} from '../../src/testing/scenario/run-fault-scenario.ts';

/** A scenario as it was when it failed, and what was wrong. */
interface Regression extends FaultScenarioOptions {
  readonly why: string;
}

const REGRESSIONS = JSON.parse(
  readFileSync(new URL('./regressions.json', import.meta.url), 'utf8'),
) as readonly Regression[];

describe('scenarios that failed once', () => {
  test.each(REGRESSIONS)('seed $seed holds: $why', async ({ why: _, ...options }) => {
    const report = await runFaultScenario(options);
    expect(report.nodes).toBeGreaterThanOrEqual(3);
  });
});

describe('one seed', () => {
  test('gives one run, to the byte', async () => {
    const first = await runFaultScenario({ seed: 14 });
    const again = await runFaultScenario({ seed: 14 });
    expect(again.trace).toBe(first.trace);
    expect(again).toEqual(first);
  });
});
