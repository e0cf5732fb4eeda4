/** Proxies: a process of this node that stands for a service, wherever that is. */
import { describe, expect, test } from 'vitest';
import type { Pid } from '../../../src/core/pid.ts';
import { PROXY_CALLS_MAX } from '../../../src/limits.ts';
import { currentCall } from '../../../src/processes/call-context.ts';
import { Request } from '../../../src/processes/messages.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import { passCall } from '../../../src/processes/passed-call.ts';
import { passedOn } from '../../../src/processes/passed-failure.ts';
import type { Self, Value } from '../../../src/processes/processes.ts';
import { ProxyTarget } from '../../../src/services/proxy-target.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { type NodeUnderTest, threeNodes } from './node-under-test.ts';

describe('a proxy', () => {
  test('is one for each name and node, and lives on the node that asked for it', async () => {
    const { a, b, time, within } = await threeNodes();
    await hold(b);
    await time.advance(10);
    expect(a.services.getProxy('orders')).toBeUndefined();
    const both = Promise.all([a.services.proxy('orders'), a.services.proxy('orders')]);
    const [first, second] = await within(both);
    expect(first).toBe(second);
    expect(first.node).toBe('a@h');
    expect(a.processes.isAlive(first)).toBe(true);
    expect(a.services.getProxy('orders')).toBe(first);
    expect(await a.services.proxy('orders')).toBe(first);
    expect(await within(b.services.proxy('orders'))).not.toBe(first);
  });

  test('is not made for a service that nobody has', async () => {
    const { a, time, within } = await threeNodes();
    const startedMs = time.monotonicMs();
    await expect(within(a.services.proxy('none'))).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
    expect(time.monotonicMs() - startedMs).toBeLessThan(2_000);
    const short = a.services.proxy('none', { timeoutMs: 50 });
    await expect(within(short)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    const controller = new AbortController();
    const aborted = a.services.proxy('none', { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(within(aborted)).rejects.toThrow('enough');
    await expect(a.services.proxy('')).rejects.toMatchObject({ code: 'ERR_OPTION' });
    expect(a.services.getProxy('none')).toBeUndefined();
  });

  test('passes messages on in their order, and calls with what they bring back', async () => {
    const { a, b, c, time, within } = await threeNodes();
    const { seen } = await hold(b);
    await time.advance(10);
    const proxy = await within(a.services.proxy('orders'));
    for (let i = 0; i < 100; i += 1) c.processes.send(proxy, i);
    const add = c.processes.call(proxy, methodCall('add', [2, 3]));
    for (let i = 100; i < 200; i += 1) c.processes.send(proxy, i);
    expect(await within(add)).toBe(5);
    await time.advance(20);
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  test('answers many calls at once, each when its own is answered', async () => {
    const { a, b, time, within } = await threeNodes();
    const sleepers: (() => void)[] = [];
    await b.services.register('sleepers', {
      sleep: (name: string) =>
        new Promise((resolve) => {
          sleepers.push(() => resolve(name));
        }),
    });
    await time.advance(10);
    const proxy = await within(a.services.proxy('sleepers'));
    const answers: Value[] = [];
    for (const name of ['first', 'second', 'third']) {
      const call = a.processes.call(proxy, methodCall('sleep', [name]));
      void call.then((answer) => answers.push(answer));
    }
    await time.advance(20);
    for (const wake of sleepers.reverse()) {
      wake();
      await time.advance(10);
    }
    expect(answers).toEqual(['third', 'second', 'first']);
  });

  test('gives each call the time that its caller has left, its signal and its trace', async () => {
    const { a, b, time, within } = await threeNodes();
    const contexts: { leftMs: number; traceparent: string | undefined; from: Pid }[] = [];
    const gone: string[] = [];
    await b.services.register('slow', {
      wait: async () => {
        const call = currentCall();
        if (call === undefined) return;
        const { deadline, traceparent, from, signal } = call;
        contexts.push({ leftMs: deadline.getTime() - time.wallMs(), traceparent, from });
        signal.addEventListener('abort', () => gone.push(signal.reason.name));
        await new Promise(() => {});
      },
    });
    await time.advance(10);
    const proxy = await within(a.services.proxy('slow'));
    const controller = new AbortController();
    const request = methodCall('wait', []);
    const aborted = a.processes.call(proxy, request, { signal: controller.signal });
    const late = a.processes.call(proxy, request, { timeoutMs: 100 });
    const lateFailed = expect(late).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    await time.runUntil(() => contexts.length === 2, 50);
    expect(contexts[0]).toMatchObject({ from: proxy, leftMs: expect.closeTo(5_000, -1) });
    expect(contexts[1]?.leftMs).toBeLessThanOrEqual(100);
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await time.advance(120);
    await lateFailed;
    expect(gone).toEqual(['AbortError', 'BarrelError']);
  });

  test('gives back failures of the callee as they are', async () => {
    const { a, b, time, within } = await threeNodes();
    const { pid } = await hold(b);
    await time.advance(10);
    const proxy = await within(a.services.proxy('orders'));
    const fail = a.processes.call(proxy, methodCall('fail', []));
    await expect(within(fail)).rejects.toMatchObject({
      code: 'ERR_REMOTE',
      remote: { name: 'RangeError', message: 'out of stock', code: 'E_STOCK' },
      cause: new Error('the shelf'),
    });
    const never = a.processes.call(proxy, methodCall('never', []));
    const failed = expect(never).rejects.toMatchObject({
      code: 'ERR_EXIT',
      cause: { name: 'Error', message: 'burnt' },
    });
    await time.advance(10);
    b.processes.exit(pid, { name: 'Error', message: 'burnt' });
    await time.advance(10);
    await failed;
  });

  test('gives back the loss of a connection, and bounds, as they are', async () => {
    const { a, b, c, cluster, time, within } = await threeNodes();
    await hold(b);
    await hold(c, 'busy', { concurrency: 1 });
    await time.advance(10);
    const proxy = await within(a.services.proxy('orders'));
    const never = a.processes.call(proxy, methodCall('never', []));
    const lost = expect(never).rejects.toMatchObject({ code: 'ERR_NO_CONNECTION' });
    await time.advance(10);
    cluster.crash(b.member);
    await time.advance(10);
    await lost;
    const busy = await within(a.services.proxy('busy'));
    const calls = Array.from({ length: 1_026 }, () =>
      c.processes
        .call(busy, methodCall('never', []), { timeoutMs: 1_000 })
        .then(String, ({ code }) => code),
    );
    await time.advance(2_000);
    const codes = await Promise.all(calls);
    expect(codes.filter((code) => code === 'ERR_OVERLOADED')).toHaveLength(2);
  });

  test('passes streams on, both ways to their end', async () => {
    const { a, b, time, within } = await threeNodes();
    const ends: string[] = [];
    await b.services.register('rows', {
      async *list(count: number) {
        try {
          for (let row = 0; row < count; row += 1) yield row;
          if (count === 3) throw new RangeError('no more');
        } finally {
          ends.push(`end of ${count}`);
        }
      },
    });
    await time.advance(10);
    const proxy = await within(a.services.proxy('rows'));
    const open = async (count: number): Promise<AsyncIterable<Value>> =>
      within(a.processes.call<AsyncIterable<Value>>(proxy, methodCall('list', [count])));
    expect(await within(collected(await open(200)))).toHaveLength(200);
    await expect(within(collected(await open(3)))).rejects.toMatchObject({
      code: 'ERR_REMOTE',
      remote: { name: 'RangeError', message: 'no more' },
    });
    const [first] = await within(collected(await open(1_000), 1));
    expect(first).toBe(0);
    await time.advance(50);
    expect(ends).toEqual(['end of 200', 'end of 3', 'end of 1000']);
  });
});

describe('an instance that goes down', () => {
  test('is replaced by another one', async () => {
    const { a, b, c, time, within } = await threeNodes();
    const first = await hold(b);
    const second = await hold(c);
    await time.advance(10);
    const proxy = await within(a.services.proxy('orders'));
    a.processes.send(proxy, 'one');
    await time.advance(10);
    const [bound, other, node] = first.seen.length > 0 ? [first, second, b] : [second, first, c];
    node.processes.exit(bound.pid, 'kill');
    await time.advance(10);
    a.processes.send(proxy, 'two');
    await time.advance(10);
    expect([bound.seen, other.seen]).toEqual([['one'], ['two']]);
    expect(a.services.getProxy('orders')).toBe(proxy);
  });

  test('before a call reached it costs the call nothing', async () => {
    const { a, b, c, time, within } = await threeNodes();
    const first = await hold(b);
    await time.advance(10);
    const proxy = await within(a.services.proxy('orders'));
    await hold(c);
    await time.advance(10);
    b.processes.exit(first.pid, 'kill');
    const call = a.processes.call(proxy, methodCall('add', [1, 2]));
    expect(await within(call)).toBe(3);
  });

  test('whose node cannot be reached is left for another one, and taken again if need be', async () => {
    const { a, b, c, time, within } = await threeNodes();
    const first = await hold(b);
    await time.advance(10);
    const proxy = await within(a.services.proxy('orders'));
    const second = await hold(c);
    await time.advance(10);
    a.member.links.unreachable.add('b@h');
    a.member.links.down(b.self);
    await time.advance(10);
    a.processes.send(proxy, 'to c');
    await time.advance(10);
    a.member.links.unreachable.clear();
    c.processes.exit(second.pid, 'kill');
    await time.advance(10);
    a.processes.send(proxy, 'to b');
    await time.advance(10);
    expect([first.seen, second.seen]).toEqual([['to b'], ['to c']]);
  });

  test('and was the last one ends the proxy within a second, with noproc', async () => {
    const { a, b, time, within } = await threeNodes();
    const { pid } = await hold(b);
    const other = await hold(b, 'other');
    await time.advance(10);
    const proxy = await within(a.services.proxy('orders'));
    const reasons: Value[] = [];
    a.processes.monitor(proxy, ({ reason }) => reasons.push(reason));
    b.processes.exit(other.pid, 'kill');
    await time.advance(200);
    expect(reasons).toEqual([]);
    b.processes.exit(pid, 'kill');
    await time.advance(1_000);
    expect(reasons).toEqual(['noproc']);
    expect(a.services.getProxy('orders')).toBeUndefined();
    expect(a.member.meter.snapshot()).toMatchObject({ barrel_services_proxies: 0 });
  });

  test('with its node ends the proxy, and a new one is made for a new instance', async () => {
    const { a, b, c, cluster, time, within } = await threeNodes();
    await hold(b);
    await time.advance(10);
    const proxy = await within(a.services.proxy('orders'));
    cluster.crash(b.member);
    await time.advance(10);
    expect(a.processes.isAlive(proxy)).toBe(false);
    await hold(c);
    await time.advance(10);
    const next = await within(a.services.proxy('orders'));
    expect(next).not.toBe(proxy);
    expect(await within(a.processes.call(next, methodCall('add', [1, 1])))).toBe(2);
  });

  test('that the directory of this node has not is used while it is there', async () => {
    const { a, b, time, within } = await threeNodes();
    const { pid } = await hold(b);
    const gone: string[] = [];
    const target = new ProxyTarget(pid, {
      instances: () => [],
      selection: {
        self: 'a@h',
        random: new SeededRandom(1),
        rttMs: () => undefined,
        isSuspect: () => false,
      },
      processes: a.processes,
      onNone: () => gone.push('gone'),
    });
    expect(
      await within(a.processes.call(target.instance() as Pid, methodCall('add', [1, 2]))),
    ).toBe(3);
    target.onGone({ type: 'unregistered', name: 'orders', node: 'c@h' });
    expect([target.instance(), gone]).toEqual([pid, []]);
    b.processes.exit(pid, 'kill');
    await time.advance(10);
    expect([target.instance(), gone]).toEqual([undefined, ['gone']]);
  });

  test('that is only withdrawn finishes the calls at work, then the proxy ends', async () => {
    const { a, b, time, within } = await threeNodes();
    let finish = (_: Value): void => {};
    const pid = b.processes.serve({
      work: () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    });
    await b.services.register('orders', pid);
    await time.advance(10);
    const proxy = await within(a.services.proxy('orders'));
    const work = a.processes.call(proxy, methodCall('work', []));
    await time.advance(10);
    await b.services.unregister('orders');
    await time.advance(10);
    expect([a.services.getProxy('orders'), a.processes.isAlive(proxy)]).toEqual([undefined, true]);
    const late = a.processes.call(proxy, methodCall('work', []));
    await expect(within(late)).rejects.toMatchObject({ code: 'ERR_NO_PROCESS' });
    finish('done');
    expect(await within(work)).toBe('done');
    await time.advance(10);
    expect(a.processes.isAlive(proxy)).toBe(false);
  });
});

describe('bounds of a proxy', () => {
  test('over so many calls at once further ones are refused, and all are free again (V9, V10)', async () => {
    const { a, b, time, within } = await threeNodes();
    let answers = false;
    const deaf = b.processes.spawn(async (self) => {
      for await (const request of self) if (answers) (request as Request).reply('at last');
    });
    await b.services.register('orders', deaf);
    await time.advance(10);
    const proxy = await within(a.services.proxy('orders'));
    const outcome = (): Promise<string> =>
      a.processes.call(proxy, 'hello?', { timeoutMs: 100 }).then(String, ({ code }) => code);
    const calls = Array.from({ length: PROXY_CALLS_MAX + 3 }, outcome);
    await time.advance(300);
    const codes = await Promise.all(calls);
    expect(codes.filter((code) => code === 'ERR_OVERLOADED')).toHaveLength(3);
    expect(codes.filter((code) => code === 'ERR_TIMEOUT')).toHaveLength(PROXY_CALLS_MAX);
    answers = true;
    expect(await within(a.processes.call(proxy, 'hello?'))).toBe('at last');
  });

  test('a full way slows who sends to it: nothing is dropped before that', async () => {
    const { a, time, within } = await threeNodes();
    const seen: Value[] = [];
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const slow = a.processes.spawn(
      async (self) => {
        await gate;
        for await (const message of self) seen.push(message);
      },
      { mailboxMax: 10 },
    );
    await a.services.register('slow', slow);
    const proxy = await within(a.services.proxy('slow'));
    for (let i = 0; i < 100; i += 1) a.processes.send(proxy, i);
    await time.advance(10);
    open();
    await time.advance(10);
    expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test('it cannot be an instance of any service, which could pass to it in turn', async () => {
    const { a, b, time, within } = await threeNodes();
    await hold(b);
    await time.advance(10);
    const proxy = await within(a.services.proxy('orders'));
    for (const name of ['orders', 'front']) {
      await expect(a.services.register(name, proxy)).rejects.toMatchObject({
        code: 'ERR_OPTION',
        message: expect.stringContaining('proxy of service "orders"'),
      });
    }
    expect(a.services.lookupLocal('front')).toBeUndefined();
  });

  test('that has many messages to pass lets others run', async () => {
    const { a, time, within } = await threeNodes();
    const seen: Value[] = [];
    const sink = a.processes.spawn(async (self) => {
      for await (const message of self) seen.push(message);
    });
    await a.services.register('sink', sink);
    const proxy = await within(a.services.proxy('sink'));
    for (let i = 0; i < 3_000; i += 1) a.processes.send(proxy, i);
    const seenAt: number[] = [];
    const look = (): void => {
      seenAt.push(seen.length);
      if (seen.length < 3_000) time.soon(look);
    };
    time.soon(look);
    await time.advance(10);
    expect(seen).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
    expect(seenAt.length).toBeGreaterThan(10);
  });

  test('one that is told to exit ends, and is made anew when asked for', async () => {
    const { a, b, time, within } = await threeNodes();
    await hold(b);
    await time.advance(10);
    const proxy = await within(a.services.proxy('orders'));
    const call = a.processes.call(proxy, methodCall('never', []));
    const failed = expect(call).rejects.toMatchObject({ code: 'ERR_EXIT', cause: 'bored' });
    await time.advance(10);
    a.processes.exit(proxy, 'bored');
    await time.advance(10);
    await failed;
    expect(a.services.getProxy('orders')).toBeUndefined();
    expect(await within(a.services.proxy('orders'))).not.toBe(proxy);
  });
});

/** A process that answers `[method, args]` and notes all other messages. */
async function hold(
  node: NodeUnderTest,
  name = 'orders',
  { concurrency }: { readonly concurrency?: number } = {},
): Promise<{ readonly pid: Pid; readonly seen: Value[] }> {
  const seen: Value[] = [];
  const methods = {
    add: (x: number, y: number) => x + y,
    never: () => new Promise(() => {}),
    fail: () => {
      const cause = new Error('the shelf');
      throw Object.assign(new RangeError('out of stock', { cause }), { code: 'E_STOCK' });
    },
  };
  if (concurrency !== undefined) {
    const { pid } = await node.services.register(name, methods, { concurrency });
    return { pid, seen };
  }
  const server = node.processes.serve(methods);
  const pid = node.processes.spawn((self) => answering(self, server, seen));
  await node.services.register(name, pid);
  return { pid, seen };
}

async function answering(self: Self, server: Pid, seen: Value[]): Promise<void> {
  for await (const message of self) {
    if (message instanceof Request) {
      passCall(self, message, server).then(
        (answer) => message.reply(answer),
        (error: unknown) => message.fail(passedOn(error)),
      );
    } else seen.push(message);
  }
}

async function collected(items: AsyncIterable<Value>, countMax = 1_000): Promise<Value[]> {
  const all: Value[] = [];
  for await (const item of items) {
    all.push(item);
    if (all.length === countMax) break;
  }
  return all;
}
