/** Methods of clients that answer with streams. */
import { describe, expect, expectTypeOf, test } from 'vitest';
import { withOptions } from '../../../src/services/client.ts';
import type { Remote } from '../../../src/services/services.ts';
import { type NodeUnderTest, threeNodes } from './node-under-test.ts';

interface Row {
  readonly id: number;
}

interface Orders {
  list(max: number): AsyncIterable<Row>;
  pages(max: number): Promise<AsyncIterable<Row>>;
  generated(): AsyncGenerator<Row, string>;
  count(): number;
  total(): Promise<bigint>;
  fail(): never;
  maybe(): AsyncIterable<Row> | undefined;
  readonly size: number;
}

test('the type of a handle says what is read and what is awaited', () => {
  type Handle = Remote<Orders>;
  expectTypeOf<Handle['list']>().toEqualTypeOf<(max: number) => AsyncIterable<Row>>();
  expectTypeOf<Handle['pages']>().toEqualTypeOf<(max: number) => Promise<AsyncIterable<Row>>>();
  expectTypeOf<Handle['generated']>().toEqualTypeOf<() => AsyncIterable<Row>>();
  expectTypeOf<Handle['count']>().toEqualTypeOf<() => Promise<number>>();
  expectTypeOf<Handle['total']>().toEqualTypeOf<() => Promise<bigint>>();
  expectTypeOf<Handle['fail']>().toEqualTypeOf<() => never>();
  expectTypeOf<Handle['maybe']>().toEqualTypeOf<() => AsyncIterable<Row> | Promise<undefined>>();
  expectTypeOf<keyof Handle>().toEqualTypeOf<Exclude<keyof Orders, 'size'>>();
});

describe('a stream of a client', () => {
  test('is iterated over at once, or awaited and then iterated over', async () => {
    const { a, b, within } = await threeNodes();
    await serve(b);
    const orders = a.services.client<Orders>('orders');
    expect(await within(idsOf(orders.list(200)))).toEqual(ids(200));
    expect(await within(orders.pages(3).then(idsOf))).toEqual(ids(3));
    expect(await within(idsOf(await within(orders.pages(70))))).toEqual(ids(70));
    expect(await within(orders.count())).toBe(7);
  });

  test('leaves the callee when the loop is left', async () => {
    const { a, b, within } = await threeNodes();
    const served = await serve(b);
    const orders = a.services.client<Orders>('orders');
    const first = async (): Promise<number | undefined> => {
      for await (const { id } of orders.list(1_000)) if (id === 5) return id;
      return undefined;
    };
    expect(await within(first())).toBe(5);
    await a.member.cluster.time.advance(10);
    expect(served.ended()).toBe(1);
  });

  test('fails where it is read: with what the call fails with, or for an answer that is none', async () => {
    const { a, b, within } = await threeNodes();
    await serve(b);
    const orders = a.services.client<Orders>('orders') as unknown as Remote<{
      count(): AsyncIterable<Row>;
      nothing(): AsyncIterable<Row>;
      fail(): AsyncIterable<Row>;
    }>;
    await expect(within(idsOf(orders.count()))).rejects.toMatchObject({
      code: 'ERR_VALUE',
      message: expect.stringContaining('no stream'),
    });
    await expect(within(idsOf(orders.nothing()))).rejects.toMatchObject({
      code: 'ERR_REMOTE',
      remote: { code: 'ERR_NOT_FOUND' },
    });
    await expect(within(idsOf(orders.fail()))).rejects.toMatchObject({ code: 'ERR_REMOTE' });
    const none = a.services.client<Orders>('none', { retries: 0 });
    await expect(within(idsOf(none.list(1)))).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
  });

  test('whose opening fails before anybody looks at it fails where it is read, once', async () => {
    const { a, b, time, within } = await threeNodes();
    await serve(b);
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', onUnhandled);
    const none = a.services.client<Orders>('none', { retries: 0 });
    const rows = none.list(1);
    const late = a.services.client<Orders>('orders').fail as () => Promise<number>;
    const number = late();
    void none.count();
    await time.advance(500);
    await new Promise((resolve) => void setImmediate(resolve));
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toEqual([]);
    await expect(number).rejects.toMatchObject({ code: 'ERR_REMOTE' });
    const items = rows[Symbol.asyncIterator]();
    await expect(within(items.next())).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
    expect(await items.next()).toEqual({ done: true, value: undefined });
  });

  test('that is left before it was answered is ended when it is', async () => {
    const { a, b, within } = await threeNodes();
    const served = await serve(b);
    const orders = a.services.client<Orders>('orders');
    const items = orders.list(1_000)[Symbol.asyncIterator]();
    const unread = items.return?.();
    expect(await within(unread ?? Promise.reject(new Error('no return')))).toEqual({ done: true });
    await a.member.cluster.time.advance(10);
    expect(served.ended()).toBe(1);
    const failing = a.services.client<Orders>('none', { retries: 0 }).list(1);
    const ended = failing[Symbol.asyncIterator]().return?.();
    expect(await within(ended ?? Promise.reject(new Error('no return')))).toEqual({ done: true });
  });

  test('takes the options of the handle: a time-out for its opening, a signal for all of it', async () => {
    const { a, b, cluster, within } = await threeNodes();
    await serve(b);
    await cluster.time.advance(10);
    const controller = new AbortController();
    const orders = withOptions(a.services.client<Orders>('orders'), {
      timeoutMs: 100,
      signal: controller.signal,
    });
    const items = orders.list(1_000)[Symbol.asyncIterator]();
    expect(await within(items.next())).toEqual({ done: false, value: { id: 0 } });
    await cluster.time.advance(1_000);
    expect(await within(items.next())).toEqual({ done: false, value: { id: 1 } });
    controller.abort(new Error('enough'));
    await expect(within(items.next())).rejects.toMatchObject({ message: 'enough' });
  });

  test('goes to another instance before it is open, and never after', async () => {
    const { a, b, c, cluster, within } = await threeNodes();
    await serve(b);
    await serve(c);
    await cluster.time.advance(10);
    a.member.links.unreachable.add('b@h');
    const orders = a.services.client<Orders>('orders', { select: ([first]) => first });
    const items = orders.list(1_000)[Symbol.asyncIterator]();
    expect(await within(items.next())).toEqual({ done: false, value: { id: 0 } });
    cluster.crash(c.member);
    const rest = async (): Promise<void> => {
      for (let step = await items.next(); step.done !== true; step = await items.next());
    };
    await expect(within(rest())).rejects.toMatchObject({ code: 'ERR_NO_CONNECTION' });
  });
});

function ids(count: number): readonly number[] {
  return Array.from({ length: count }, (_, id) => id);
}

async function idsOf(rows: AsyncIterable<Row>): Promise<number[]> {
  const list: number[] = [];
  for await (const { id } of rows) list.push(id);
  return list;
}

async function serve(node: NodeUnderTest): Promise<{ ended(): number }> {
  let ended = 0;
  const list = async function* (max: number): AsyncGenerator<Row> {
    try {
      for (let id = 0; id < max; id += 1) yield { id };
    } finally {
      ended += 1;
    }
  };
  await node.services.register('orders', {
    list,
    pages: async (max: number) => list(max),
    count: () => 7,
    fail: () => {
      throw new Error('no rows');
    },
  });
  return { ended: () => ended };
}
