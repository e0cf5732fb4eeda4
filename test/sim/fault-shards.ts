/** The seeds of the fault scenarios, dealt to files that run beside each other. */
import { describe, expect, test } from 'vitest';
import { runFaultScenario } from '../../src/testing/scenario/run-fault-scenario.ts';

/** More by command: `barrel simulate faults --seeds 1..200`. */
const SEEDS = 40;
const SHARDS = 4;
/** As `runFaultScenario` has it by default. */
const BUDGET_MS = 180_000;

/** One file's share: a failure names its seed and the command that shows it again. */
export function describeShard(shard: number): void {
  const seeds = Array.from({ length: SEEDS }, (_, index) => index + 1);
  const mine = seeds.filter((seed) => seed % SHARDS === shard);
  describe(`random faults, part ${shard + 1} of ${SHARDS}`, () => {
    test.each(mine)('seed %i holds', async (seed) => {
      const report = await runFaultScenario({ seed });
      expect(report.convergedMs).toBeLessThanOrEqual(BUDGET_MS);
    });
  });
}
