/** Who is asked about calls that go through a proxy on another node. */
import { afterEach, expect, test } from 'vitest';
import type { CallQuestion } from '../../../src/processes/call-authorization.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import { createSimulation, type Simulation } from '../../../src/testing/index.ts';

let sim: Simulation;

afterEach(() => sim[Symbol.asyncDispose]());

test('the node of a proxy is asked by the name of the service, then that of the callee (weakness W9)', async () => {
  sim = createSimulation({ seed: 3 });
  const questions: string[] = [];
  const asked = (node: string) => {
    return ({ from, service, method }: CallQuestion): boolean => {
      questions.push(`${node}: ${from} ${service} ${method}`);
      return method !== 'erase';
    };
  };
  const a = await sim.start({ name: 'a@sim' });
  const contacts = ['a@sim'];
  const b = await sim.start({ name: 'b@sim', contacts, authorize: asked('b') });
  const c = await sim.start({ name: 'c@sim', contacts, authorize: asked('c') });
  await c.services.register('orders', { count: () => 7, erase: () => 'gone' });
  await sim.until(() => b.services.lookup('orders').length === 1, 10_000);
  const proxy = await sim.settled(b.services.proxy('orders'));

  expect(await sim.settled(a.processes.call(proxy, methodCall('count', [])))).toBe(7);
  expect(questions).toEqual(['b: a@sim orders count', 'c: b@sim orders count']);
  const refused = { code: 'ERR_UNAUTHORIZED' };
  for (const { processes } of [a, b]) {
    const erase = sim.settled(processes.call(proxy, methodCall('erase', [])));
    await expect(erase).rejects.toMatchObject(refused);
  }
  expect(questions.slice(2)).toEqual(['b: a@sim orders erase', 'c: b@sim orders erase']);
});
