import { describe, expect, test } from 'vitest';
import type { FoundRecord } from '../../../src/cluster/ports.ts';
import { pidOf } from '../../../src/core/pid.ts';
import { QUERY_TIME_ONCE_MS } from '../../../src/limits.ts';
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
    // What was found out by the attempt before is no answer to the next one.
    expect(a.member.queries.isAnew).toEqual([false, true, true]);
  });

  test('is not made for what cannot be the name of a service', async () => {
    const { a, within } = await threeNodes();
    expect(await within(a.services.whereis('', { retries: 0 }))).toBeUndefined();
    expect(a.member.queries.asked).toEqual([]);
  });

  test('that finds too many under way has found nothing, and is made again', async () => {
    const { a, b, within } = await apart();
    await b.services.register('orders', { add: () => 1 });
    a.member.queries.refusals = 1;
    expect(await within(a.services.whereis('orders', { retries: 1 }))).toBeDefined();
    a.member.queries.refusals = 2;
    expect(await within(a.services.whereis('orders', { retries: 1 }))).toBeUndefined();
    const sample = 'barrel_services_lookups_refused_total';
    expect(a.member.meter.snapshot()[sample]).toBe(3);
  });

  test('is one for all that look for one service at once', async () => {
    const { a, b, within } = await apart();
    await b.services.register('orders', { add: () => 1 });
    const names = [...Array(300).fill('orders'), ...Array(300).fill('nobody')];
    const looks = names.map((name) => a.services.whereis(name, { retries: 0 }));
    const found = await within(Promise.all(looks));
    expect(found.map((entry) => entry?.node)).toEqual([
      ...Array(300).fill('b@h'),
      ...Array(300).fill(undefined),
    ]);
    expect(a.member.queries.asked).toEqual(['orders', 'nobody']);
    await within(a.services.whereis('nobody', { retries: 0 }));
    expect(a.member.queries.asked).toHaveLength(3);
  });

  test('goes on for others when one of them gives up, and ends with the last', async () => {
    const { a, b, within, time } = await apart();
    await b.services.register('orders', { add: () => 1 });
    const abort = new AbortController();
    const first = a.services.whereis('orders', { retries: 0, signal: abort.signal });
    const second = a.services.whereis('orders', { retries: 0 });
    abort.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    expect((await within(second))?.node).toBe('b@h');
    const given = new AbortController();
    const third = a.services.whereis('orders', { retries: 0, signal: given.signal });
    given.abort(new Error('enough'));
    await expect(third).rejects.toThrow('enough');
    await time.advance(0);
    expect((await within(a.services.whereis('orders', { retries: 0 })))?.node).toBe('b@h');
    expect(a.member.queries.asked).toHaveLength(3);
  });

  test('takes half a second at most where it is the only attempt', async () => {
    const { a, time, within } = await threeNodes();
    a.member.queries.stallMs = 60_000;
    const startedMs = time.monotonicMs();
    expect(await within(a.services.whereis('nobody', { retries: 0 }))).toBeUndefined();
    expect(time.monotonicMs() - startedMs).toBe(QUERY_TIME_ONCE_MS);
    await within(a.services.whereis('nobody', { retries: 1 }));
    expect(time.monotonicMs() - startedMs).toBeGreaterThan(4_000);
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
    new OverlayLookup({
      queries: { answer: () => {}, find: async () => record },
      own: () => undefined,
      refused: { value: 0 },
    }).find('orders');
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
  readonly time: NodeUnderTest['member']['cluster']['time'];
  readonly within: <T>(promise: Promise<T>) => Promise<T>;
}> {
  const { a, b, time, within } = await threeNodes();
  a.member.table.isDeaf = true;
  return { a, b, time, within };
}
