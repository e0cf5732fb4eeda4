/** What a body holds in its hands, on one node. */
import { expect, test } from 'vitest';
import { parsePid } from '../../../src/core/pid.ts';
import type { BarrelError } from '../../../src/errors.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { EventSource } from '../../../src/observable.ts';
import { currentCall } from '../../../src/processes/call-context.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import type { Self, Value } from '../../../src/processes/processes.ts';
import { type LinkedNode, LinkedNodes } from './linked-nodes.ts';

test('the body runs after spawn has returned, outside of the call that spawned it', async () => {
  const { net, node } = alone();
  const order: string[] = [];
  const pid = node.processes.spawn((self) => order.push(`body ${self.pid}`));
  order.push('spawned');
  expect(node.processes.isAlive(pid)).toBe(true);
  await net.settle();
  expect(order).toEqual(['spawned', `body ${pid}`]);
  expect(node.processes.isAlive(pid)).toBe(false);
});

test('pids count up, parse from their text and are the same object', () => {
  const { node } = alone();
  const first = node.processes.spawn(() => {});
  const second = node.processes.spawn(() => {});
  expect(second.serial).toBeGreaterThan(first.serial);
  expect(parsePid(first.toString())).toBe(first);
});

test('a name stands for one process until that ends', async () => {
  const { net, node } = alone();
  const pid = node.processes.spawn(idle, { name: 'only' });
  expect(node.processes.whereis('only')).toBe(pid);
  expect(() => node.processes.spawn(idle, { name: 'only' })).toThrow(
    expect.objectContaining({ code: 'ERR_ALREADY_REGISTERED' }),
  );
  node.processes.exit(pid, 'kill');
  expect(node.processes.whereis('only')).toBeUndefined();
  expect(node.processes.whereis('other')).toBeUndefined();
  const next = node.processes.serve({}, { name: 'only' });
  expect(node.processes.whereis('only')).toBe(next);
  await net.settle();
});

test('wrong options and destinations are refused with ERR_OPTION', async () => {
  const { node } = alone();
  const { processes } = node;
  const pid = processes.spawn(idle);
  const wrong: (() => unknown)[] = [
    () => processes.spawn(idle, { name: '' }),
    () => processes.spawn(idle, { name: 'n'.repeat(256) }),
    () => processes.spawn(idle, { name: '\u{1f600}'.repeat(64) }),
    () => processes.spawn(idle, { mailboxMax: 0 }),
    () => processes.spawn(idle, { mailboxMax: 1.5 }),
    () => processes.serve({}, { concurrency: 0 }),
    () => processes.serve({ a: () => 1 }, { only: ['a', 'b'] }),
    () => processes.send({ node: 'a@h', name: 'n'.repeat(256) }, 1),
    () => processes.send({} as never, 1),
    () => processes.send(undefined as never, 1),
    () => processes.exit('pid' as never, 1),
    () => processes.monitor({ node: 'a@h', name: '' }, () => {}),
  ];
  for (const attempt of wrong) {
    expect(attempt, attempt.toString()).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
  }
  for (const timeoutMs of [-1, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY]) {
    await expect(processes.call(pid, 1, { timeoutMs })).rejects.toMatchObject({
      code: 'ERR_OPTION',
    });
  }
  expect(processes.spawn(idle, { name: 'n'.repeat(255) })).toBeDefined();
});

test('receive takes the oldest message, or the oldest that matches, and leaves the others', async () => {
  const { net, node } = alone();
  const got: unknown[] = [];
  const pid = node.processes.spawn(async (self) => {
    await self.receive({ match: (message) => message === 'go' });
    got.push(await self.receive({ match: isEven }));
    got.push(await self.receive({ match: isEven }));
    got.push(await self.receive());
    for await (const message of self) {
      got.push(message);
      if (message === undefined) break;
    }
    got.push(await self.receive({ timeoutMs: 0 }));
  });
  for (const message of [1, 2, 3, 4, 5, undefined, 6, 'go']) node.processes.send(pid, message);
  await net.settle();
  expect(got).toEqual([2, 4, 1, 3, 5, undefined, 6]);
});

test('receivers that wait get the messages that they match, the first of them first', async () => {
  const { net, node } = alone();
  const got: [string, unknown][] = [];
  const pid = node.processes.spawn(async (self) => {
    const take = (name: string, match?: (message: Value) => boolean): Promise<void> =>
      self.receive({ match }).then((message) => void got.push([name, message]));
    await Promise.all([take('even', isEven), take('first'), take('second')]);
    got.push(['rest', await self.receive()]);
  });
  await net.settle();
  for (const message of [1, 3, 5, 6]) node.processes.send(pid, message);
  await net.settle();
  expect(got).toEqual([
    ['first', 1],
    ['second', 3],
    ['even', 6],
    ['rest', 5],
  ]);
});

test('a receive ends by its time-out, its signal or what its match throws, and loses nothing', async () => {
  const { net, node } = alone();
  const controller = new AbortController();
  const got: unknown[] = [];
  const pid = node.processes.spawn(async (self) => {
    const { signal } = controller;
    got.push(await outcome(self.receive({ timeoutMs: 0 })));
    got.push(await outcome(self.receive({ timeoutMs: 100 })));
    got.push(await outcome(self.receive({ signal, timeoutMs: 60_000 })));
    got.push(await outcome(self.receive({ signal })));
    got.push(await outcome(self.receive({ match: broken })));
    got.push(await outcome(self.receive({ match: broken })));
    got.push(await self.receive());
  });
  await net.settle(150);
  expect(got.splice(0)).toMatchObject([{ code: 'ERR_TIMEOUT' }, { code: 'ERR_TIMEOUT' }]);
  controller.abort(new Error('enough'));
  await net.settle();
  expect(got.splice(0)).toMatchObject([{ message: 'enough' }, { message: 'enough' }]);
  node.processes.send(pid, 'kept');
  await net.settle();
  expect(got).toMatchObject([{ message: 'broken match' }, { message: 'broken match' }, 'kept']);
});

test('a receive refuses a time-out that no timer takes', async () => {
  const { net, node } = alone();
  const errors: unknown[] = [];
  node.processes.spawn(async (self) => {
    for (const timeoutMs of [Number.NaN, -1, 2 ** 31]) {
      errors.push(await outcome(self.receive({ timeoutMs })));
    }
  });
  await net.settle();
  expect(errors).toMatchObject(Array(3).fill({ code: 'ERR_OPTION' }));
});

test('while the processes are closed none can be started, and none is left', async () => {
  const { net, node } = alone();
  const errors: unknown[] = [];
  node.processes.spawn((self) => {
    self.signal.addEventListener('abort', () => {
      for (const start of [() => node.processes.spawn(idle), () => node.processes.serve({})]) {
        errors.push(attempt(start));
      }
    });
    return idle();
  });
  await net.settle();
  node.processes.close();
  expect(errors).toMatchObject([{ code: 'ERR_CLOSED' }, { code: 'ERR_CLOSED' }]);
  expect(Object.entries(node.meter.snapshot())).toContainEqual(['barrel_processes_alive', 0]);
});

test('sendAfter sends a copy later, and nothing once disposed or ended', async () => {
  const { net, node } = alone();
  const got: unknown[] = [];
  const pid = node.processes.spawn(async (self) => {
    const message = { n: 1 };
    self.sendAfter(50, message);
    message.n = 2;
    self.sendAfter(60, 'disposed')[Symbol.dispose]();
    self.sendAfter(500, 'too late');
    for await (const each of self) got.push(each);
  });
  await net.settle(49);
  expect(got).toEqual([]);
  await net.settle(51);
  expect(got).toEqual([{ n: 1 }]);
  node.processes.exit(pid, 'kill');
  await net.settle(1_000);
  expect(got).toEqual([{ n: 1 }]);
});

test('events of a facet come as messages until the handle is disposed', async () => {
  const { net, node } = alone();
  type Event = { readonly type: 'tick'; readonly n: number };
  const source = new EventSource<Event>(silentLogger);
  const got: unknown[] = [];
  node.processes.spawn(async (self) => {
    const subscription = self.subscribe(source);
    for await (const message of self) {
      got.push(message);
      if (got.length === 2) subscription[Symbol.dispose]();
    }
  });
  await net.settle();
  for (let n = 0; n < 2; n += 1) source.emit({ type: 'tick', n });
  await net.settle();
  source.emit({ type: 'tick', n: 2 });
  await net.settle();
  expect(got).toEqual([
    { type: 'tick', n: 0 },
    { type: 'tick', n: 1 },
  ]);
  source.end();
  await net.settle();
  expect(net.logged).toEqual([]);
});

test('a subscription of a process that ends is given back', async () => {
  const { net, node } = alone();
  let ended = 0;
  const source = {
    on: () => ({ [Symbol.dispose]: () => {} }),
    events: ({ signal }: { readonly signal?: AbortSignal | undefined } = {}) => {
      signal?.addEventListener('abort', () => (ended += 1));
      return new EventSource<{ readonly type: 'none' }>(silentLogger).events({ signal });
    },
  };
  const pid = node.processes.spawn((self) => {
    self.subscribe(source);
    return self.receive();
  });
  await net.settle();
  node.processes.exit(pid, 'shutdown');
  await net.settle();
  expect(ended).toBe(1);
});

test('a process that is told to exit can do nothing more, and leaves no error unheard', async () => {
  const { net, node } = alone();
  const served = node.processes.serve({ wait: () => new Promise(() => {}) });
  const errors: unknown[] = [];
  let held: Self | undefined;
  const pid = node.processes.spawn(async (self) => {
    held = self;
    // Nobody listens to these: that they fail must not end the whole program.
    void self.receive({ match: () => false });
    void self.call(served, methodCall('wait', []));
    void self[Symbol.asyncIterator]().next();
    errors.push(await outcome(self.call(served, methodCall('wait', []))));
    errors.push(await outcome(self.receive()));
    errors.push(await outcome(self.call(served, 1)));
    const attempts = [
      () => self.send(self.pid, 1),
      () => self.sendAfter(1, 1),
      () => self.link(served),
      () => self.unlink(served),
      () => self.trapExit(true),
      () => self.monitor(served),
      () => self.exit(),
    ];
    for (const attempt of attempts) errors.push(await outcome(Promise.resolve().then(attempt)));
  });
  await net.settle();
  expect(held?.signal.aborted).toBe(false);
  node.processes.exit(pid, { why: 'test' });
  expect(node.processes.isAlive(pid)).toBe(false);
  expect(held?.signal.aborted).toBe(true);
  await net.settle();
  expect(errors.length).toBe(10);
  for (const error of errors) {
    expect(error).toMatchObject({ code: 'ERR_EXIT', cause: { why: 'test' } });
  }
  expect(net.logged).toEqual([]);
});

test('a process cannot call itself, by pid or by name', async () => {
  const { net, node } = alone();
  const results: unknown[] = [];
  node.processes.spawn(
    async (self) => {
      results.push(await outcome(self.call(self.pid, 1)));
      results.push(await outcome(self.call({ node: node.ref.node, name: 'me' }, 1)));
    },
    { name: 'me' },
  );
  await net.settle();
  expect(results).toMatchObject([{ code: 'ERR_CALL_SELF' }, { code: 'ERR_CALL_SELF' }]);
});

test('a parent that is linked at spawn ends its child, and one that has ended starts none', async () => {
  const { net, node } = alone();
  const children: unknown[] = [];
  let ended: Self | undefined;
  const parent = node.processes.spawn((self) => {
    ended = self;
    children.push(node.processes.spawn(idle, { link: self }));
    return self.receive({ match: () => false });
  });
  await net.settle();
  node.processes.exit(parent, 'over');
  expect(node.processes.isAlive(children[0] as never)).toBe(false);
  expect(() => node.processes.spawn(idle, { link: ended })).toThrow(
    expect.objectContaining({ code: 'ERR_EXIT' }),
  );
});

test('a thrown value that can be sent is the reason itself; errors are cut to size', async () => {
  const { net, node } = alone();
  const thrown: unknown[] = [
    'shutdown',
    ['shutdown', { in: 1 }],
    Object.assign(new Error('x'.repeat(100_000)), { stack: undefined, name: 'n'.repeat(1_000) }),
    Object.assign(new Error(`cut ${'\u{1f600}'.repeat(4_000)}`), { stack: undefined, code: 7 }),
    Symbol('no value'),
  ];
  const reasons: unknown[] = [];
  for (const value of thrown) {
    const pid = node.processes.spawn(() => {
      throw value;
    });
    node.processes.monitor(pid, (down) => reasons.push(down.reason));
  }
  await net.settle();
  expect(reasons.slice(0, 2)).toEqual(thrown.slice(0, 2));
  expect(reasons[2]).toEqual({ name: 'n'.repeat(128), message: 'x'.repeat(4_096) });
  expect(reasons[3]).toMatchObject({ name: 'Error', message: expect.stringMatching(/^cut /) });
  expect(reasons[4]).toEqual({ name: 'Error', message: 'Symbol(no value)' });
  expect(net.logged.length).toBe(thrown.length);
});

test('errors that cannot be read end their process, or fail their call, and nothing else', async () => {
  const { net, node } = alone();
  const trap = (): never => {
    throw new Error('trapped');
  };
  const unreadable: unknown[] = [
    Object.assign(new Error(), { message: Object.create(null) }),
    Object.defineProperty(new Error(), 'code', { get: trap }),
    new Proxy(new Error(), { get: trap }),
    new Proxy({}, { getPrototypeOf: trap, ownKeys: trap, get: trap }),
  ];
  const seen: unknown[] = [];
  for (const error of unreadable) {
    const fails = (): never => {
      throw error;
    };
    node.processes.monitor(node.processes.spawn(fails), ({ reason }) => seen.push(reason));
    const served = node.processes.serve({ fails });
    void outcome(node.processes.call(served, methodCall('fails', []))).then((e) =>
      seen.push((e as BarrelError).remote),
    );
  }
  await net.settle();
  const unread = { name: 'Error', message: 'a value without a text' };
  expect(seen).toEqual(Array.from({ length: 8 }, () => unread));
});

test('a logger that throws is of no matter to processes and listeners', async () => {
  const { net, node } = alone();
  Object.assign(net.logged, { push: broken });
  const pid = node.processes.spawn(broken);
  const downs: unknown[] = [];
  node.processes.monitor(pid, broken);
  node.processes.monitor(pid, (down) => downs.push(down.reason));
  await net.settle();
  expect(downs).toMatchObject([{ message: 'broken match' }]);
  expect(node.processes.isAlive(pid)).toBe(false);
});

test('over the bound of a mailbox messages are dropped and counted, and room drains it', async () => {
  const { net, node } = alone();
  const got: unknown[] = [];
  const pid = node.processes.spawn(
    async (self) => {
      await self.receive({ match: (message) => message === 0 });
      await new Promise<void>((resolve) => void net.time.after(100, resolve));
      for await (const message of self) got.push(message);
    },
    { mailboxMax: 10 },
  );
  await net.settle();
  const answers = Array.from({ length: 20 }, (_, i) => node.processes.send(pid, i));
  expect(answers.lastIndexOf(true)).toBe(4);
  let isDrained = false;
  const drained = node.processes.drained(pid).then(() => (isDrained = true));
  const aborted = outcome(node.processes.drained(pid, { signal: abortedBy('no') }));
  await net.settle();
  expect(await aborted).toMatchObject({ message: 'no' });
  expect(isDrained).toBe(false);
  await net.settle(200);
  await drained;
  expect(got).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const dropped = node.meter.counter('barrel_processes_mailbox_dropped_total');
  expect(dropped.value).toBe(9);
});

test('a Down and the Exit of a link find room in a full mailbox; foreign exits do not', async () => {
  const { net, node } = alone();
  const target = node.processes.spawn(idle);
  const got: unknown[] = [];
  const pid = node.processes.spawn(
    async (self) => {
      self.trapExit(true);
      self.monitor(target);
      self.link(target);
      await new Promise<void>((resolve) => void net.time.after(100, resolve));
      for await (const message of self) got.push(message);
    },
    { mailboxMax: 1 },
  );
  await net.settle();
  node.processes.send(pid, 'first');
  node.processes.exit(pid, 'dropped');
  node.processes.exit(target, 'kill');
  await net.settle(200);
  expect(got).toMatchObject(['first', { target, reason: 'killed' }, { from: target }]);
  expect(got.length).toBe(3);
});

test('the trace context of a call goes on with the calls that its handler makes', async () => {
  const net = new LinkedNodes();
  const node = net.start('a@h', 1n);
  const traced = net.start('traced@h', 2n, { traceparent: () => '00-abc-def-01' });
  const inner = node.processes.serve({ trace: () => currentCall()?.traceparent });
  const outer = node.processes.serve({
    async trace() {
      await Promise.resolve();
      return node.processes.call(inner, methodCall('trace', []));
    },
  });
  const withTrace = traced.processes.call(outer, methodCall('trace', []));
  const without = node.processes.call(outer, methodCall('trace', []));
  await net.settle();
  expect(await Promise.all([withTrace, without])).toEqual(['00-abc-def-01', undefined]);
});

test('a service is looked up at the moment of sending', async () => {
  const net = new LinkedNodes();
  const known = new Map<string, ReturnType<LinkedNode['processes']['spawn']>>();
  const node = net.start('a@h', 1n, { resolveService: (name) => known.get(name) });
  const got: unknown[] = [];
  const echo = node.processes.serve({ echo: (value: unknown) => value });
  const sink = node.processes.spawn(async (self) => {
    for await (const message of self) got.push(message);
  });
  expect(node.processes.send({ service: 'sink' }, 'dropped')).toBe(true);
  known.set('sink', sink).set('echo', echo);
  node.processes.send({ service: 'sink' }, 'taken');
  const reply = node.processes.call({ service: 'echo' }, methodCall('echo', ['x']));
  await net.settle();
  expect(await reply).toBe('x');
  expect(got).toEqual(['taken']);
});

test('a listener of a monitor that throws is logged and breaks nothing', async () => {
  const { net, node } = alone();
  const pid = node.processes.spawn(idle);
  const downs: unknown[] = [];
  node.processes.monitor(pid, () => {
    throw new Error('listener');
  });
  node.processes.monitor(pid, (down) => downs.push(down.reason));
  node.processes.exit(pid, 'over');
  await net.settle();
  expect(downs).toEqual(['over']);
  expect(net.logged).toEqual(['a listener of a monitor threw']);
});

test('two of many calls with different time-outs each end at their own', async () => {
  const { net, node } = alone();
  const pid = node.processes.spawn(idle);
  const ends: [number, number][] = [];
  for (const timeoutMs of [300, 100, 100, 200, 5_000, 0]) {
    node.processes.call(pid, 'x', { timeoutMs }).catch((error: BarrelError) => {
      expect(error.code).toBe('ERR_TIMEOUT');
      ends.push([timeoutMs, net.time.monotonicMs()]);
    });
  }
  await net.settle(10_000);
  expect(ends.map(([timeoutMs]) => timeoutMs)).toEqual([0, 100, 100, 200, 300, 5_000]);
  expect(ends.every(([timeoutMs, atMs]) => atMs === timeoutMs)).toBe(true);
  const pending = node.meter.snapshot();
  expect(Object.entries(pending)).toContainEqual(['barrel_processes_pending_calls', 0]);
});

function alone(): { readonly net: LinkedNodes; readonly node: LinkedNode } {
  const net = new LinkedNodes();
  return { net, node: net.start('a@h', 1n) };
}

function idle(): Promise<void> {
  return new Promise(() => {});
}

function attempt(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

function isEven(message: Value): boolean {
  return typeof message === 'number' && message % 2 === 0;
}

function broken(): never {
  throw new Error('broken match');
}

function abortedBy(message: string): AbortSignal {
  return AbortSignal.abort(new Error(message));
}

function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}
