import { afterEach, expect, test } from 'vitest';
import type { Discovery } from '../../../../src/discovery/discovery.ts';
import { createSimulation, type Simulation } from '../../../../src/testing/index.ts';

const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

function simulate(): Simulation {
  const sim = createSimulation({ seed: 1 });
  simulations.push(sim);
  return sim;
}

/** Says nothing, whatever it is asked. */
const silent: Discovery = {
  name: 'silent',
  resolve: () => new Promise(() => {}),
  contacts: () => new Promise(() => {}),
  announce: () => new Promise(() => {}),
};

test('a discovery that says nothing keeps no peer out, and no contact waiting for long', async () => {
  const sim = simulate();
  const a = await sim.start({ name: 'a@sim' });
  const starting = sim.start({ name: 'b@sim', discovery: [silent], contacts: ['a@sim'] });
  // The second machine of a simulation. The start moves the time on.
  await a.join('127.1.1.2:7100');
  expect(a.members()).toEqual(['a@sim', 'b@sim']);
  expect(sim.now).toBeLessThan(1_000);
  const b = await starting;
  await sim.settled(b.ready());
});

test('the signal ends a start that waits for a discovery', async () => {
  const sim = simulate();
  const abort = new AbortController();
  const aborting: Discovery = {
    ...silent,
    announce: () => {
      abort.abort(new Error('enough'));
      return new Promise(() => {});
    },
  };
  const starting = sim.start({ name: 'b@sim', discovery: [aborting], signal: abort.signal });
  await expect(starting).rejects.toThrow('enough');
  expect(sim.now).toBeLessThan(1_000);
});
