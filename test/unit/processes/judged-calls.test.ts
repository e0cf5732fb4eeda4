/** Calls that are judged before a method runs: by schemas of its arguments, and by `authorize`. */
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { REFUSAL_CHARS_MAX, RESULT_WINDOW_ITEMS } from '../../../src/limits.ts';
import type { CallQuestion } from '../../../src/processes/call-authorization.ts';
import { currentCall } from '../../../src/processes/call-context.ts';
import type { Request } from '../../../src/processes/messages.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import type { ServeOptions } from '../../../src/processes/processes.ts';
import { type LinkedNode, LinkedNodes } from './linked-nodes.ts';
import {
  failure,
  numbers,
  oneNode,
  open,
  PLACES,
  read,
  served,
  within,
} from './streams-under-test.ts';

const ITEM = v.tuple([v.object({ sku: v.string(), quantity: v.pipe(v.number(), v.minValue(1)) })]);

describe.each(PLACES)('arguments %s', (_, start) => {
  test('that a schema refuses never reach the method', async () => {
    const place = start();
    const calls: unknown[][] = [];
    const create = (...args: unknown[]): number => calls.push(args);
    const pid = served(place, { create, free: create }, { validate: { create: ITEM } });
    const call = (method: string, ...args: unknown[]): Promise<unknown> =>
      place.caller.processes.call(pid, methodCall(method, args));
    expect(await within(place, call('create', { sku: 'a', quantity: 2 }))).toBe(1);
    const error = await failure(place, call('create', { sku: 'a', quantity: 0 }));
    expect(error).toMatchObject({ code: 'ERR_INVALID_VALUE', node: place.callee.ref.node });
    const { message } = error as Error;
    expect(message).toContain('refuses the arguments of "create": 0.quantity: ');
    for (const args of [[], [{ sku: 1 }], ['x', 'y']]) {
      const refusal = await failure(place, call('create', ...args));
      expect(refusal).toMatchObject({ code: 'ERR_INVALID_VALUE' });
    }
    expect(await within(place, call('free', 'anything'))).toBe(2);
    expect(calls).toEqual([[{ sku: 'a', quantity: 2 }], ['anything']]);
  });

  test('are what the caller sent: what a schema makes of them is ignored', async () => {
    const place = start();
    const transform = v.tuple([
      v.pipe(
        v.string(),
        v.transform((text) => text.toUpperCase()),
      ),
    ]);
    const options = { validate: { echo: transform, list: transform } };
    const methods = {
      echo: (text: string) => text,
      async *list(text: string) {
        yield text;
      },
    };
    const pid = served(place, methods, options);
    const echo = place.caller.processes.call(pid, methodCall('echo', ['low']));
    expect(await within(place, echo)).toBe('low');
    expect(await read(place, await open(place, pid, ['list', 'low']))).toEqual(['low']);
    const refused = place.caller.processes.call(pid, methodCall('list', [7]));
    expect(await failure(place, refused)).toMatchObject({ code: 'ERR_INVALID_VALUE' });
  });

  test('with a schema that throws or talks much are refused in few words', async () => {
    const place = start();
    const message = `${'é'.repeat(9_000)}\ud800`;
    const odd = (validate: (value: unknown) => unknown): never =>
      ({ '~standard': { version: 1, vendor: 'odd', validate } }) as never;
    const validate = {
      long: odd(() => ({ issues: [{ message, path: ['p'.repeat(9_000)] }] })),
      throws: odd(() => {
        throw new Error(message);
      }),
      empty: odd(() => ({ issues: [] })),
    };
    const pid = served(place, { long() {}, throws() {}, empty() {} }, { validate });
    for (const method of ['long', 'throws', 'empty']) {
      const error = await failure(place, place.caller.processes.call(pid, methodCall(method, [])));
      expect(error).toMatchObject({ code: 'ERR_INVALID_VALUE' });
      expect((error as Error).message.length).toBeLessThan(REFUSAL_CHARS_MAX + 300);
    }
  });

  test('with a schema that turns out to be asynchronous fail the call', async () => {
    const place = start();
    const validate = { later: { '~standard': { version: 1, vendor: 'odd', validate: later } } };
    const pid = served(place, { later() {} }, { validate } as ServeOptions);
    const call = place.caller.processes.call(pid, methodCall('later', []));
    expect(await failure(place, call)).toMatchObject({
      code: 'ERR_REMOTE',
      remote: { code: 'ERR_OPTION', message: expect.stringContaining('asynchronous') },
    });
  });
});

test('validate names methods that can be called, and schemas that answer at once', () => {
  const { caller } = oneNode();
  const methods = { a() {}, b() {}, _c() {} };
  const good = v.tuple([]);
  const asyncOdd = { '~standard': { version: 1, vendor: 'odd', validate: async () => ({}) } };
  const wrong: readonly unknown[] = [
    { none: good },
    { _c: good },
    { b: good },
    { constructor: good },
    { a: {} },
    { a: undefined },
    { a: () => true },
    { a: v.tupleAsync([]) },
    { a: asyncOdd },
    null,
    'a',
  ];
  for (const validate of wrong) {
    const options = { only: ['a'], validate } as ServeOptions;
    expect(() => caller.processes.serve(methods, options)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION' }),
    );
  }
  expect(caller.meter.snapshot()['barrel_processes_alive']).toBe(0);
  caller.processes.serve(methods, { validate: { a: good } });
  caller.processes.serve(methods, { validate: {} });
});

describe('authorize', () => {
  test('is asked for calls of other nodes: from whom, for which service and method', async () => {
    const questions: CallQuestion[] = [];
    const { a, b, call } = guarded((question) => {
      questions.push(question);
      return question.method !== 'secret';
    });
    const methods = { open: () => 'open', secret: () => 'secret' };
    const pid = b.processes.serve(methods, { name: 'local' });
    const unnamed = b.processes.serve(methods);
    const plain = b.processes.spawn(async (self) => {
      for await (const request of self) (request as Request).reply('plain');
    });
    expect(await call(a, pid, 'open')).toBe('open');
    expect(await call(a, { node: 'b@h', name: 'local' }, 'open')).toBe('open');
    expect(await call(a, unnamed, 'open')).toBe('open');
    expect(await call(a, plain, 'secret')).toBe('plain');
    expect(await call(a, pid, 'secret')).toMatchObject({
      code: 'ERR_UNAUTHORIZED',
      node: 'b@h',
    });
    expect(questions).toEqual([
      { from: 'a@h', service: 'local', method: 'open' },
      { from: 'a@h', service: 'local', method: 'open' },
      { from: 'a@h', service: '', method: 'open' },
      { from: 'a@h', service: '', method: '' },
      { from: 'a@h', service: 'local', method: 'secret' },
    ]);
    expect(b.meter.snapshot()['barrel_processes_calls_unauthorized_total']).toBe(1);
    // Its own calls are nobody's business.
    expect(await call(b, pid, 'secret')).toBe('secret');
    expect(questions.length).toBe(5);
  });

  test('lets a process be called that one of its services allows', async () => {
    const names = new Map<object, readonly string[]>();
    const questions: string[] = [];
    const authorize = ({ service }: CallQuestion): boolean => {
      questions.push(service);
      return service === 'public';
    };
    const { a, b, call } = guarded(authorize, (pid) => names.get(pid) ?? []);
    const pid = b.processes.serve({ open: () => 'open' }, { name: 'public' });
    names.set(pid, ['private', 'public', 'other']);
    expect(await call(a, pid, 'open')).toBe('open');
    names.set(pid, ['private']);
    expect(await call(a, pid, 'open')).toMatchObject({ code: 'ERR_UNAUTHORIZED' });
    expect(questions).toEqual(['private', 'public', 'private']);
  });

  test('refuses with anything but true; a throw is logged, now and then', async () => {
    const answers: unknown[] = [false, undefined, 1, 'true', Promise.resolve(true)];
    const { net, a, b, call } = guarded((): never => {
      if (answers.length > 0) return answers.shift() as never;
      throw new Error('no such table');
    });
    const pid = b.processes.serve({ open: () => 'open' });
    for (let index = 0; index < 10; index += 1) {
      expect(await call(a, pid, 'open')).toMatchObject({ code: 'ERR_UNAUTHORIZED' });
    }
    expect(net.logged).toEqual(['authorize threw']);
    await net.settle(60_000);
    await call(a, pid, 'open');
    expect(net.logged.length).toBe(2);
    expect(b.meter.snapshot()['barrel_processes_calls_unauthorized_total']).toBe(11);
  });

  test('refuses before a call takes a place: neither slots nor mailboxes see it', async () => {
    const { a, b, net, call } = guarded(() => false);
    const served = b.processes.serve({ open: () => 'open' }, { concurrency: 1 });
    const plain = b.processes.spawn((self) => self.receive(), { mailboxMax: 1 });
    const calls = numbers(3_000).map((index) => call(a, index % 2 ? served : plain, 'open'));
    const codes = new Set(
      (await Promise.all(calls)).map((error) => (error as { code: string }).code),
    );
    expect([...codes]).toEqual(['ERR_UNAUTHORIZED']);
    expect(b.processes.isAlive(plain)).toBe(true);
    // Not even the link is held for them.
    expect([net.faults, b.links.holds.get('a@h')]).toEqual([[], undefined]);
  });
});

test.each([
  { given: undefined, outer: 800, expected: 800 },
  { given: undefined, outer: 60_000, expected: 5_000 },
  { given: 3_000, outer: 800, expected: 3_000 },
])('a call inside a call waits no longer: $outer ms outside, $given ms inside', async (times) => {
  const { given, outer, expected } = times;
  for (const [, start] of PLACES) {
    const place = start();
    const { net, caller, callee } = place;
    const silent = callee.processes.spawn(() => new Promise(() => {}));
    let tookMs = 0;
    const pid = served(place, {
      async ask() {
        const startedMs = net.time.monotonicMs();
        await callee.processes.call(silent, 'x', { timeoutMs: given }).catch(() => {});
        tookMs = net.time.monotonicMs() - startedMs;
      },
    });
    const options = { timeoutMs: outer };
    caller.processes.call(pid, methodCall('ask', []), options).catch(() => {});
    await net.settle(70_000);
    expect(tookMs).toBeGreaterThan(expected - 5);
    expect(tookMs).toBeLessThanOrEqual(expected + 10);
  }
});

test('a call inside a stream has the time of any other: an open stream has no deadline', async () => {
  for (const [, start] of PLACES) {
    const place = start();
    const { net, caller, callee } = place;
    const silent = callee.processes.spawn(() => new Promise(() => {}));
    const tookMs: number[] = [];
    const pid = served(place, {
      async *list() {
        for (let index = 0; index < RESULT_WINDOW_ITEMS; index += 1) yield index;
        const startedMs = net.time.monotonicMs();
        await callee.processes.call(silent, 'x').catch(() => {});
        tookMs.push(net.time.monotonicMs() - startedMs);
        expect(currentCall()?.from).toBeDefined();
      },
    });
    const call = caller.processes.call(pid, methodCall('list', []), { timeoutMs: 100 });
    const items = (await within(place, call)) as AsyncIterable<unknown>;
    await net.settle(200);
    expect(await read(place, items[Symbol.asyncIterator]())).toEqual(numbers(64));
    expect(tookMs).toEqual([5_000]);
  }
});

function later(): unknown {
  return Promise.resolve({ value: [] });
}

interface Guarded {
  readonly net: LinkedNodes;
  readonly a: LinkedNode;
  readonly b: LinkedNode;
  /** What a call of the method gives, its error included. */
  readonly call: (
    from: LinkedNode,
    to: Parameters<LinkedNode['processes']['call']>[0],
    method: string,
  ) => Promise<unknown>;
}

function guarded(
  authorize: (question: CallQuestion) => boolean,
  servicesOf?: (pid: object) => readonly string[],
): Guarded {
  const net = new LinkedNodes();
  const a = net.start('a@h', 1n);
  const b = net.start('b@h', 20n, { authorize, servicesOf });
  let isRunning = false;
  const call: Guarded['call'] = async (from, to, method) => {
    const answer = from.processes.call(to, methodCall(method, [])).catch((error: unknown) => error);
    if (!isRunning) {
      isRunning = true;
      await net.settle();
      isRunning = false;
    }
    return answer;
  };
  return { net, a, b, call };
}
