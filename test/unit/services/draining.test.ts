/** A node that closes: what it withdrew from others, the calls at work may still use. */
import { expect, test } from 'vitest';
import { methodCall } from '../../../src/processes/methods.ts';
import type { Value } from '../../../src/processes/processes.ts';
import { type NodeUnderTest, threeNodes } from './node-under-test.ts';

interface Inner {
  answer(): string;
}

test('a call at work calls other services of its node, by client, proxy, name and look-up', async () => {
  const { a, b, time, within } = await threeNodes();
  await serveInner(a);
  const proxy = await within(a.services.proxy('inner'));
  const bound = a.services.client<Inner>('inner');
  expect(await within(bound.answer())).toBe('a@h');
  const gate = gateOf();
  await a.services.register('outer', {
    ask: async () => {
      await gate.opened;
      const message = methodCall('answer', []);
      return [
        await bound.answer(),
        await a.services.client<Inner>('inner', { retries: 0 }).answer(),
        await a.processes.call({ service: 'inner' }, message),
        await a.processes.call(proxy, message),
        await a.processes.call(await a.services.proxy('inner'), message),
        (await a.services.whereis('inner', { retries: 0 }))?.node,
      ];
    },
  });
  await time.advance(10);
  const call = b.services.client<{ ask(): Promise<Value[]> }>('outer').ask();
  await time.advance(10);
  a.services.withdrawAll();
  const drained = a.processes.drain(5_000);
  await time.advance(10);
  gate.open();
  expect(await within(call)).toEqual(Array(6).fill('a@h'));
  await within(drained);
});

test('others find nothing there, and its own look-ups list it no more', async () => {
  const { a, b, time, within } = await threeNodes();
  await serveInner(a);
  await time.advance(10);
  a.services.withdrawAll();
  await time.advance(10);
  expect([a.services.lookup('inner'), a.services.list()]).toEqual([[], []]);
  expect(b.services.lookup('inner')).toEqual([]);
  expect(await within(b.services.whereis('inner', { retries: 1 }))).toBeUndefined();
});

test('an instance elsewhere is taken first', async () => {
  const { a, b, time, within } = await threeNodes();
  await serveInner(a);
  await serveInner(b);
  await time.advance(10);
  const client = a.services.client<Inner>('inner');
  const proxy = await within(a.services.proxy('inner'));
  const request = methodCall('answer', []);
  a.services.withdrawAll();
  expect(await within(client.answer())).toBe('b@h');
  expect(await within(a.processes.call(proxy, request))).toBe('b@h');
  expect(await within(a.processes.call({ service: 'inner' }, request))).toBe('b@h');
  expect((await a.services.whereis('inner'))?.node).toBe('b@h');
  await b.services.unregister('inner');
  await time.advance(10);
  expect(await within(client.answer())).toBe('a@h');
});

test('it counts no more when its process has ended, or the services are closed', async () => {
  const { a, time, within } = await threeNodes();
  const { pid } = await serveInner(a);
  const other = await a.services.register('other', { answer: () => 'other' });
  const proxy = await within(a.services.proxy('inner'));
  a.services.withdrawAll();
  a.processes.exit(pid, 'kill');
  await time.advance(10);
  expect(a.services.resolve('inner')).toBeUndefined();
  expect(a.processes.isAlive(proxy)).toBe(false);
  expect(a.services.resolve('other')).toBe(other.pid);
  a.services.close();
  expect(a.services.resolve('other')).toBeUndefined();
});

function serveInner(node: NodeUnderTest): ReturnType<NodeUnderTest['services']['register']> {
  return node.services.register('inner', { answer: () => node.self.node });
}

function gateOf(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
