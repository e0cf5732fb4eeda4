import { afterEach, describe, expect, test } from 'vitest';
import { createSimulation, type Simulation } from '../../../../src/testing/index.ts';

const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

describe('a node of twelve that was cut off', () => {
  test.each([
    ['for two seconds', 2_000, 3_000],
    ['for three seconds', 3_000, 3_000],
    ['for five seconds', 5_000, 3_000],
    ['for ten seconds', 10_000, 3_000],
  ])('%s is a neighbour of others again soon', async (_, outMs, backMs) => {
    for (const seed of [201, 204, 216, 220]) {
      const { sim, names } = await whole(seed);
      const [, , cut = ''] = names;
      const others = names.filter((name) => name !== cut);
      sim.partition([cut], others);
      await sim.advance(outMs);
      sim.heal();
      const healedMs = sim.now;
      await sim.until(() => isBack(sim, cut, names), 60_000);
      expect(sim.now - healedMs, `seed ${seed}`).toBeLessThan(backMs);
    }
  });
});

async function whole(seed: number): Promise<{
  readonly sim: Simulation;
  readonly names: readonly string[];
}> {
  const sim = createSimulation({ seed });
  simulations.push(sim);
  const names = Array.from({ length: 12 }, (_, index) => `n${index}@sim`);
  for (const name of names)
    await sim.start({ name, contacts: name === 'n0@sim' ? [] : ['n0@sim'] });
  await sim.until(() => sim.faults().length === 0, 120_000);
  await sim.advance(30_000);
  return { sim, names };
}

/** All know each other, and it has a mutual link. */
function isBack(sim: Simulation, cut: string, names: readonly string[]): boolean {
  const neighbors = sim.node(cut).activeView();
  const isLinked = neighbors.some((node) => sim.node(node).activeView().includes(cut));
  return isLinked && names.every((name) => sim.node(name).members().length === names.length);
}
