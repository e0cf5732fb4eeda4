/** The conformance suites on the simulated network. */
import { expect, test } from 'vitest';
import { createSimulation } from '../../../src/testing/index.ts';
import { processConformance } from './processes.ts';
import { serviceConformance } from './services.ts';
import { collect, holder, type World, watch } from './world.ts';

const A = 'a@sim';
const B = 'b@sim';
const WAIT_MS = 30_000;

processConformance('processes on the simulated network', simulatedWorld);
serviceConformance('services on the simulated network', simulatedWorld);

test('a connection that holds nothing but a monitor is there after ten quiet minutes (X9)', async () => {
  const world = await simulatedWorld();
  const { a, b, advance, until } = world;
  const { pid } = collect(b);
  const downs = watch(a, pid);
  const quiet = watch(a, holder(b));
  await advance(600_000);
  expect([downs, quiet]).toEqual([[], []]);
  b.processes.exit(pid, 'done');
  await until(() => downs.length === 1, 1_000);
  expect(downs).toMatchObject([{ reason: 'done' }]);
  await world.close();
});

async function simulatedWorld(): Promise<World> {
  const sim = createSimulation({ seed: 7 });
  const a = await sim.start({ name: A });
  const b = await sim.start({ name: B, contacts: [A] });
  const whole = (): Promise<void> => sim.until(() => sim.faults().length === 0, WAIT_MS);
  await whole();
  return {
    a,
    b,
    get nowMs() {
      return sim.now;
    },
    until: (condition, timeoutMs = WAIT_MS) => sim.until(condition, timeoutMs),
    settled: (promise) => sim.settled(promise),
    advance: (ms) => sim.advance(ms),
    disconnect: async (isLost) => {
      sim.partition([A], [B]);
      await sim.until(isLost, WAIT_MS);
      sim.heal();
    },
    crashB: async () => sim.crash(B),
    restartB: async () => {
      const restarted = await sim.restart(B);
      await whole();
      return restarted;
    },
    close: async () => sim[Symbol.asyncDispose](),
  };
}
