/** Short forms of the experiments on broadcasts; what holds at every size is the bound. */
import { expect, test } from 'vitest';
import type { RunResult } from '../../src/testing/lab/scenario.ts';
import { broadcast } from '../../src/testing/lab/scenarios/broadcast.ts';
import { plumtree } from '../../src/testing/lab/scenarios/plumtree.ts';
import { allSend } from '../../src/testing/lab/scenarios/stress.ts';

const NODES = 60;

test('with one sender hardly a payload is sent twice, and failures cost no message for long', async () => {
  const { figures } = await run(plumtree);
  expect(figures['reliability']).toBe(1);
  expect(figures['redundancy']).toBeLessThan(0.35);
  expect(figures['floodRedundancy']).toBeGreaterThan(2.5);
  for (const percent of [30, 50]) {
    expect(figures[`after${percent}`]).toBeGreaterThan(0.97);
    expect(figures[`later${percent}`]).toBe(1);
  }
});

test('busy senders get trees that are as fast as a flood and send nothing twice (E5, short)', async () => {
  const { figures, curves } = await run(broadcast);
  expect(figures['missed']).toBe(0);
  expect(figures['redundancy']).toBeLessThan(1);
  expect(figures['busyRatio']).toBeLessThan(1.15);
  expect(figures['busyRedundancy']).toBeLessThan(0.1);
  expect(curves['reached']?.at(-1)?.[1]).toBe(1);
});

test('nothing is missed when all send at once, nor with 2 % loss (E6, short)', async () => {
  const { figures } = await run(allSend);
  expect(figures['missed']).toBe(0);
  expect(figures['lossyRatio']).toBeLessThan(2);
});

async function run(scenario: typeof plumtree): Promise<RunResult> {
  return scenario.run({ nodes: NODES, seed: 1, cycles: 5, progress: () => {} });
}
