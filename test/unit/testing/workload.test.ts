import { describe, expect, test } from 'vitest';
import { Draws } from '../../../src/testing/scenario/draws.ts';
import { PROBE, Workload } from '../../../src/testing/scenario/workload.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { createSimulation } from '../../../src/testing/simulation.ts';

describe('what nodes do in a fault scenario', () => {
  test('is accounted for: who has heard what, and who offers what', async () => {
    const { sim, a, b, workload } = await pair();
    const ids = workload.publish([a, b]);
    expect(ids).toHaveLength(2);
    await sim.until(() => workload.deafTo(ids, [a, b]).length === 0, 5_000);
    for (let turn = 0; turn < 5; turn += 1) {
      workload.act([a, b]);
      await sim.until(() => workload.serviceFaults([a, b]).length === 0, 5_000);
    }
    expect(workload.published).toBe(7);
    expect(workload.fault).toBeUndefined();
  });

  test('who has not heard a message, and who knows no service, is named', async () => {
    const { a, b, workload } = await pair({ isApart: true });
    const ids = workload.publish([a]);
    expect(workload.deafTo(ids, [a, b])).toEqual([`b@sim has not heard ${ids[0]}`]);
    expect(workload.serviceFaults([a, b])).toEqual([
      `a@sim knows 1 of 2 instances of ${PROBE}`,
      `b@sim knows 1 of 2 instances of ${PROBE}`,
    ]);
  });
});

async function pair({ isApart = false } = {}) {
  const sim = createSimulation({ seed: 1 });
  const workload = new Workload(new Draws(new SeededRandom(1)));
  const a = await sim.start({ name: 'a@sim' });
  const b = await sim.start({ name: 'b@sim', contacts: isApart ? [] : ['a@sim'] });
  for (const node of [a, b]) await workload.employ(node);
  if (!isApart) await sim.until(() => workload.serviceFaults([a, b]).length === 0, 10_000);
  return { sim, a, b, workload };
}
