/** Calls while an instance is silent and not given up yet, on whole nodes in the simulator. */
import { afterEach, expect, test } from 'vitest';
import { createSimulation, type Simulation } from '../../../src/testing/index.ts';

let sim: Simulation;

afterEach(() => sim[Symbol.asyncDispose]());

test('a client leaves an instance as soon as its node is suspect, long before it is dead', async () => {
  sim = createSimulation({ seed: 5 });
  const names = ['a@h', 'b@h', 'c@h', 'd@h'];
  for (const name of names) {
    await sim.start({ name, contacts: name === 'a@h' ? [] : ['a@h'] });
  }
  await sim.until(() => names.every((name) => sim.node(name).members().length === 4), 10_000);
  for (const name of ['b@h', 'c@h']) {
    await sim.node(name).services.register('who', { who: () => name });
  }
  const { services } = sim.node('a@h');
  await sim.until(() => services.lookup('who').length === 2, 5_000);
  const client = services.client<{ who(): string }>('who');
  const victim = await sim.settled(client.who());
  sim.crash(victim);
  const crashedAt = sim.now;
  const failedAt: number[] = [];
  let goneAt = 0;
  sim.node('a@h').on('memberDown', () => {
    goneAt = sim.now;
  });
  const calls: Promise<void>[] = [];
  while (goneAt === 0) {
    const sentAt = sim.now;
    calls.push(
      client.who().then(
        () => undefined,
        () => void failedAt.push(sentAt),
      ),
    );
    await sim.advance(20);
  }
  await sim.settled(Promise.all(calls));
  const lastMs = Math.max(...failedAt) - crashedAt;
  expect(lastMs).toBeGreaterThan(0);
  expect(lastMs).toBeLessThan(1_600);
  expect(goneAt - crashedAt).toBeGreaterThan(2_000);
});
