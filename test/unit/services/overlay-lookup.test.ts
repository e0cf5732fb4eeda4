import { describe, expect, test } from 'vitest';
import type { FoundRecord } from '../../../src/cluster/ports.ts';
import { pidOf } from '../../../src/core/pid.ts';
import { OverlayLookup } from '../../../src/services/overlay-lookup.ts';
import { encodeDown, encodeLive } from '../../../src/services/service-record.ts';
import { type NodeUnderTest, threeNodes } from './node-under-test.ts';

const OWNER = { node: 'b@h', incarnation: 7n };

describe('a look-up of a service that is not known here', () => {
  test('asks other nodes, and takes the answer of the owner (R12)', async () => {
    const { a, b, within } = await apart();
    const { pid } = await b.services.register('orders', { add: () => 1 }, { meta: { zone: 'x' } });
    expect(a.services.lookup('orders')).toEqual([]);
    const entry = await within(a.services.whereis('orders', { retries: 0 }));
    expect(entry).toEqual({ name: 'orders', node: 'b@h', pid, meta: { zone: 'x' } });
    expect(entry?.pid).toBe(pid);
  });

  test('goes through `select` as any other entry does', async () => {
    const { a, b, within } = await apart();
    await b.services.register('orders', { add: () => 1 }, { meta: { zone: 'x' } });
    const none = a.services.whereis('orders', { retries: 0, select: () => undefined });
    expect(await within(none)).toBeUndefined();
  });

  test('is not made where an entry is known, whatever `select` says of it', async () => {
    const { a, b, within, time } = await threeNodes();
    await b.services.register('orders', { add: () => 1 });
    await time.advance(10);
    await within(a.services.whereis('orders'));
    await within(a.services.whereis('orders', { retries: 1, select: () => undefined }));
    expect(a.member.queries.asked).toEqual([]);
  });

  test('is made again with each attempt, and ends with undefined (R13)', async () => {
    const { a, within } = await threeNodes();
    expect(await within(a.services.whereis('nobody', { retries: 2 }))).toBeUndefined();
    expect(a.member.queries.asked).toEqual(['nobody', 'nobody', 'nobody']);
  });

  test('is not made for what cannot be the name of a service', async () => {
    const { a, within } = await threeNodes();
    expect(await within(a.services.whereis('', { retries: 0 }))).toBeUndefined();
    expect(a.member.queries.asked).toEqual([]);
  });

  test('that finds too many under way is made again, and fails with the last attempt', async () => {
    const { a, b, within } = await apart();
    await b.services.register('orders', { add: () => 1 });
    a.member.queries.refusals = 1;
    expect(await within(a.services.whereis('orders', { retries: 1 }))).toBeDefined();
    a.member.queries.refusals = 2;
    await expect(within(a.services.whereis('orders', { retries: 1 }))).rejects.toMatchObject({
      code: 'ERR_OVERLOADED',
    });
  });

  test('ends with the reason of its signal', async () => {
    const { a, within } = await threeNodes();
    const reason = new Error('not wanted any more');
    const abort = new AbortController();
    const found = a.services.whereis('nobody', { signal: abort.signal });
    abort.abort(reason);
    await expect(within(found)).rejects.toBe(reason);
  });

  test('does not find what was unregistered', async () => {
    const { a, b, within } = await apart();
    await b.services.register('orders', { add: () => 1 });
    await b.services.unregister('orders');
    expect(await within(a.services.whereis('orders', { retries: 0 }))).toBeUndefined();
  });
});

test('what an owner says of a service is judged', async () => {
  const judge = (record: FoundRecord): Promise<unknown> =>
    new OverlayLookup({ answer: () => {}, find: async () => record }, () => undefined).find(
      'orders',
      undefined,
    );
  const value = encodeLive(3, { zone: 'x' });
  expect(await judge({ owner: OWNER, value })).toMatchObject({ pid: pidOf('b@h', 7n, 3) });
  expect(await judge({ owner: OWNER, value: encodeDown(3, 'gone') })).toBeUndefined();
  expect(await judge({ owner: OWNER, value: value.subarray(1) })).toBeUndefined();
  expect(await judge({ owner: OWNER, value: Uint8Array.of(...value, 0) })).toBeUndefined();
  expect(await judge({ owner: { ...OWNER, incarnation: -1n }, value })).toBeUndefined();
});

/** Two nodes that can ask each other, before the first has heard of the table of the second. */
async function apart(): Promise<{
  readonly a: NodeUnderTest;
  readonly b: NodeUnderTest;
  readonly within: <T>(promise: Promise<T>) => Promise<T>;
}> {
  const { a, b, within } = await threeNodes();
  a.member.table.isDeaf = true;
  return { a, b, within };
}
