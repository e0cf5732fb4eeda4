/** Calls that are answered with streams: order, ends, and who is told of them. */
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { RESULT_WINDOW_BYTES, RESULT_WINDOW_ITEMS } from '../../../src/limits.ts';
import { currentCall } from '../../../src/processes/call-context.ts';
import type { Request } from '../../../src/processes/messages.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import {
  Counting,
  failure,
  never,
  numbers,
  open,
  openStreams,
  PLACES,
  read,
  served,
  twoNodes,
  within,
} from './streams-under-test.ts';

describe.each(PLACES)('a stream %s', (_, start) => {
  test('gives every item once, in order, and ends', async () => {
    const place = start();
    const counting = new Counting((index) => ({ index }));
    const pid = served(place, counting);
    for (const method of ['count', 'later']) {
      const items = await open(place, pid, [method, 1_000]);
      expect(await read(place, items)).toEqual(numbers(1_000).map((index) => ({ index })));
      expect(await read(place, items)).toEqual([]);
    }
    expect([counting.ended, counting.signals[0]?.aborted]).toEqual([2, false]);
    expect(openStreams(place)).toEqual([0, 0]);
  });

  test('answers a request of a process, too', async () => {
    const place = start();
    const counting = new Counting();
    const pid = place.callee.processes.spawn(async (self) => {
      const request = (await self.receive()) as Request;
      request.reply(counting.count(3));
      // It is answered: these do nothing.
      request.reply('again');
      request.fail(new Error('no'));
      await self.receive();
    });
    const call = place.caller.processes.call<AsyncIterable<unknown>>(pid, 'x');
    const items = (await within(place, call))[Symbol.asyncIterator]();
    expect(await read(place, items)).toEqual([0, 1, 2]);
    expect(openStreams(place)).toEqual([0, 0]);
  });

  test('is read by for await, and by several steps at once', async () => {
    const place = start();
    const pid = served(place, new Counting());
    const list: unknown[] = [];
    const reading = place.caller.processes.spawn(async (self) => {
      const items = await self.call<AsyncIterable<unknown>>(pid, methodCall('count', [500]));
      for await (const item of items) list.push(item);
    });
    await place.net.settle(100);
    expect([list, place.caller.processes.isAlive(reading)]).toEqual([numbers(500), false]);
    const items = await open(place, pid, ['count', 3]);
    const steps = await within(place, Promise.all(numbers(5).map(() => items.next())));
    expect(steps.map(({ done }) => done)).toEqual([false, false, false, true, true]);
    expect(steps.map(({ value }) => value)).toEqual([0, 1, 2, undefined, undefined]);
  });

  test('holds no more than its window, however slow the reader is', async () => {
    const place = start();
    const counting = new Counting();
    const pid = served(place, counting);
    const items = await open(place, pid, ['count', 1_000]);
    await place.net.settle();
    let outMax = 0;
    for (let count = 0; count < 1_000; count += 1) {
      outMax = Math.max(outMax, counting.made - count);
      expect(await read(place, items, 1)).toEqual([count]);
      await place.net.settle();
    }
    expect(outMax).toBe(RESULT_WINDOW_ITEMS);
    expect(await read(place, items)).toEqual([]);
  });

  test('holds about a mebibyte of large items', async () => {
    const place = start();
    const counting = new Counting(() => new Uint8Array(300_000));
    const pid = served(place, counting);
    const items = await open(place, pid, ['count', 40]);
    await place.net.settle();
    const fit = Math.ceil(RESULT_WINDOW_BYTES / 300_000);
    expect(counting.made).toBe(fit);
    for (let count = 0; count < 40; count += 1) {
      await read(place, items, 1);
      await place.net.settle();
      expect(counting.made - count - 1).toBeLessThanOrEqual(fit);
    }
    expect(await read(place, items)).toEqual([]);
  });

  test('that throws fails with ERR_REMOTE after the items before it', async () => {
    const place = start();
    const pid = served(place, {
      async *list() {
        yield 1;
        yield 2;
        const cause = new Error('disk');
        throw Object.assign(new RangeError('broken', { cause }), { code: 'E_BROKEN' });
      },
    });
    const items = await open(place, pid, ['list']);
    await place.net.settle();
    expect(await read(place, items, 2)).toEqual([1, 2]);
    const error = await failure(place, items.next());
    expect(error).toMatchObject({
      code: 'ERR_REMOTE',
      remote: { name: 'RangeError', message: 'broken', code: 'E_BROKEN' },
      cause: { message: 'disk' },
    });
    expect(await read(place, items)).toEqual([]);
    expect(openStreams(place)).toEqual([0, 0]);
  });

  test('with an item that cannot be sent fails there, and the iterator is ended', async () => {
    const place = start();
    const counting = new Counting((index) => (index === 2 ? () => 1 : index));
    const items = await open(place, served(place, counting), ['count', 9]);
    expect(await read(place, items, 2)).toEqual([0, 1]);
    expect(await failure(place, items.next())).toMatchObject({
      code: 'ERR_REMOTE',
      remote: { code: 'ERR_VALUE' },
    });
    expect([counting.made, counting.ended]).toEqual([3, 1]);
    expect(openStreams(place)).toEqual([0, 0]);
  });

  test('that its reader ends is ended at the callee: its signal aborts, its finally runs', async () => {
    const place = start();
    const counting = new Counting();
    const pid = served(place, counting);
    for (const method of ['count', 'watch']) {
      const items = await open(place, pid, [method, 20]);
      expect(await read(place, items, 20)).toEqual(numbers(20));
      const waiting = items.next();
      if (method === 'count') await within(place, waiting);
      expect(await within(place, items.return?.() ?? never(undefined))).toEqual({ done: true });
      if (method === 'watch') expect(await within(place, waiting)).toEqual({ done: true });
      expect(await read(place, items)).toEqual([]);
      await place.net.settle();
      expect(openStreams(place)).toEqual([0, 0]);
    }
    const infinite = await open(place, pid, ['count', Number.POSITIVE_INFINITY]);
    await read(place, infinite, 100);
    await within(place, infinite.return?.() ?? never(undefined));
    await place.net.settle();
    expect([counting.ended, counting.signals.map(({ aborted }) => aborted)]).toEqual([
      3,
      [false, true, true],
    ]);
  });

  test('ends with the signal of its call, and with the process that reads', async () => {
    const place = start();
    const counting = new Counting();
    const pid = served(place, counting);
    const controller = new AbortController();
    const { signal } = controller;
    const call = place.caller.processes.call(pid, methodCall('watch', [5]), { signal });
    const items = ((await within(place, call)) as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    expect(await read(place, items, 1)).toEqual([0]);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await failure(place, items.next())).toBe(reason);
    let outcome: unknown;
    const reading = place.caller.processes.spawn(async (self) => {
      const list = await self.call<AsyncIterable<unknown>>(pid, methodCall('watch', [2]));
      const iterator = list[Symbol.asyncIterator]();
      await iterator.next();
      await iterator.next();
      outcome = await iterator.next().catch((error: unknown) => error);
    });
    await place.net.settle();
    place.caller.processes.exit(reading, 'kill');
    await place.net.settle();
    expect(outcome).toMatchObject({ code: 'ERR_EXIT', cause: 'killed' });
    expect(counting.signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect([counting.ended, openStreams(place)]).toEqual([2, [0, 0]]);
  });

  test('fails with ERR_EXIT and the reason when the callee ends, after what came', async () => {
    const place = start();
    const counting = new Counting();
    const pid = served(place, counting);
    const items = await open(place, pid, ['watch', 3]);
    await place.net.settle();
    place.callee.processes.exit(pid, 'tired');
    await place.net.settle();
    expect(await read(place, items, 3)).toEqual(numbers(3));
    expect(await failure(place, items.next())).toMatchObject({ code: 'ERR_EXIT', cause: 'tired' });
    expect(counting.signals[0]?.reason).toMatchObject({ code: 'ERR_EXIT' });
    expect(openStreams(place)).toEqual([0, 0]);
  });

  test('fails with ERR_CLOSED when the reading node closes', async () => {
    const place = start();
    const counting = new Counting();
    const pid = served(place, counting);
    const items = await open(place, pid, ['watch', 3]);
    await place.net.settle();
    place.caller.processes.close();
    await place.net.settle();
    const isLocal = place.caller === place.callee;
    // On one node the callee has ended first, and what came before that is there.
    if (isLocal) await read(place, items, 3);
    const code = isLocal ? 'ERR_EXIT' : 'ERR_CLOSED';
    expect(await failure(place, items.next())).toMatchObject({ code });
    expect([counting.signals[0]?.aborted, openStreams(place)]).toEqual([true, [0, 0]]);
  });

  test('has a time-out for its opening, and none for its items', async () => {
    const place = start();
    let lateEnded = 0;
    const pid = served(place, {
      async slow() {
        await new Promise((resolve) => place.net.time.after(300, () => resolve(undefined)));
        return {
          [Symbol.asyncIterator]: () => ({
            next: () => Promise.resolve({ done: true, value: undefined }),
            return: () => {
              lateEnded += 1;
              return Promise.resolve({ done: true, value: undefined });
            },
          }),
        };
      },
      async *rare() {
        yield 1;
        await new Promise((resolve) => place.net.time.after(60_000, () => resolve(undefined)));
        yield 2;
      },
    });
    const options = { timeoutMs: 200 };
    const slow = place.caller.processes.call(pid, methodCall('slow', []), options);
    expect(await failure(place, slow)).toMatchObject({ code: 'ERR_TIMEOUT' });
    await place.net.settle(1_000);
    expect(lateEnded).toBe(1);
    const rare = place.caller.processes.call(pid, methodCall('rare', []), options);
    const items = ((await within(place, rare)) as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    expect(await read(place, items, 1)).toEqual([1]);
    const second = items.next();
    await place.net.settle(90_000);
    expect(await second).toEqual({ done: false, value: 2 });
    expect(await read(place, items)).toEqual([]);
  });

  test('may be a readable of Node, which is destroyed when its reader leaves', async () => {
    const place = start();
    const readable = Readable.from(numbers(500).map((index) => Buffer.from([index % 256])));
    const pid = served(place, { list: () => readable });
    const items = await open(place, pid, ['list']);
    const bytes = await read(place, items, 100);
    expect(bytes.map((item) => (item as Uint8Array)[0])).toEqual(numbers(100));
    expect(readable.destroyed).toBe(false);
    await within(place, items.return?.() ?? never(undefined));
    await place.net.settle();
    expect([readable.destroyed, openStreams(place)]).toEqual([true, [0, 0]]);
  });

  test('is worked on as part of its call, also where it is ended', async () => {
    const place = start();
    const seen: (string | undefined)[] = [];
    const look = (): void => void seen.push(currentCall()?.from.toString());
    const pid = served(place, {
      async *list() {
        look();
        try {
          await null;
          look();
          yield 1;
          look();
          yield 2;
        } finally {
          look();
        }
      },
    });
    const items = await open(place, pid, ['list']);
    await read(place, items, 1);
    await within(place, items.return?.() ?? never(undefined));
    await place.net.settle();
    const from = `a@h/1.0`;
    expect(seen).toEqual([from, from, from, from]);
  });

  test('of an odd iterator fails, and harms nobody', async () => {
    const place = start();
    const odd = (iterator: unknown): object => ({ [Symbol.asyncIterator]: () => iterator });
    const thrower = (): never => {
      throw new Error('odd');
    };
    const pid = served(place, {
      none: () => odd(undefined),
      noNext: () => odd({}),
      noStep: () => odd({ next: async () => undefined }),
      throws: () => odd({ next: thrower, return: thrower }),
      noIterator: () => ({ [Symbol.asyncIterator]: thrower }),
      badReturn: () => odd({ next: () => never(undefined), return: thrower }),
      noReturn: () => odd({ next: () => never(undefined) }),
    });
    for (const method of ['none', 'noNext', 'noStep', 'throws', 'noIterator']) {
      const call = place.caller.processes
        .call<AsyncIterable<unknown>>(pid, methodCall(method, []))
        .then((items) => items[Symbol.asyncIterator]().next());
      expect(await failure(place, call)).toMatchObject({ code: 'ERR_REMOTE' });
    }
    for (const method of ['badReturn', 'noReturn']) {
      const items = await open(place, pid, [method]);
      await within(place, items.return?.() ?? never(undefined));
    }
    await place.net.settle();
    expect(openStreams(place)).toEqual([0, 0]);
  });
});

test('a reader may be passed on as the answer to another call, and its end goes all the way', async () => {
  const place = twoNodes();
  const counting = new Counting();
  const source = served(place, counting);
  const relay = place.caller.processes.serve({
    list: (max: number) => place.caller.processes.call(source, methodCall('count', [max])),
  });
  const call = place.callee.processes.call<AsyncIterable<unknown>>(
    relay,
    methodCall('list', [1e9]),
  );
  const items = (await within(place, call))[Symbol.asyncIterator]();
  expect(await read(place, items, 200)).toEqual(numbers(200));
  expect(counting.made).toBeLessThanOrEqual(200 + 2 * RESULT_WINDOW_ITEMS + 1);
  await within(place, items.return?.() ?? never(undefined));
  await place.net.settle();
  expect([counting.ended, counting.signals[0]?.aborted]).toEqual([1, true]);
  expect(openStreams(place)).toEqual([0, 0]);
});
