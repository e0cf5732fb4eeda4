/** Services that are just there, for tests of users. */
import { afterEach, expect, test } from 'vitest';
import {
  createSimulation,
  type Simulation,
  startServiceHolder,
  stopServiceHolder,
} from '../../../src/testing/index.ts';

let sim: Simulation;

afterEach(() => sim[Symbol.asyncDispose]());

test('a holder is found everywhere until it is stopped', async () => {
  sim = createSimulation({ seed: 1 });
  const a = await sim.start({ name: 'a@sim' });
  const b = await sim.start({ name: 'b@sim', contacts: ['a@sim'] });
  const pid = await sim.settled(startServiceHolder(a, 'held'));
  await sim.until(() => b.services.lookup('held').length === 1, 5_000);
  expect(b.services.lookup('held')).toMatchObject([{ node: 'a@sim', pid }]);
  a.processes.send(pid, 'stay');
  await sim.advance(60_000);
  expect(a.processes.isAlive(pid)).toBe(true);
  await sim.settled(stopServiceHolder(a, pid));
  expect(a.services.lookup('held')).toEqual([]);
  await sim.until(() => b.services.lookup('held').length === 0, 1_000);
  await sim.settled(stopServiceHolder(a, pid));
});

test('a holder that cannot register leaves no process behind', async () => {
  sim = createSimulation({ seed: 2 });
  const a = await sim.start({ name: 'a@sim' });
  const first = await sim.settled(startServiceHolder(a, 'held'));
  const second = sim.settled(startServiceHolder(a, 'held'));
  await expect(second).rejects.toMatchObject({ code: 'ERR_ALREADY_REGISTERED' });
  await sim.advance(10);
  expect(a.services.lookupLocal('held')).toBe(first);
  expect(a.metrics.snapshot()).toMatchObject({ barrel_processes_alive: 1 });
});
