/** The process model by its rules, for a pair on one node and for a pair on two. */
import { describe, expect, test } from 'vitest';
import type { Pid } from '../../../src/core/pid.ts';
import { SERVE_WAITING_MAX } from '../../../src/limits.ts';
import { currentCall } from '../../../src/processes/call-context.ts';
import { Down, Exit, Request } from '../../../src/processes/messages.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import type { Self, Value } from '../../../src/processes/processes.ts';
import { type LinkedNode, LinkedNodes } from './linked-nodes.ts';

const PLACES = ['one node', 'two nodes'] as const;

describe.each(PLACES)('on %s', (place) => {
  test('messages of one sender arrive once and in order, with those to a name among them', async () => {
    const { net, here, there } = pair(place);
    const sink = collector(there, { name: 'sink' });
    const byName = { node: there.ref.node, name: 'sink' };
    const sender = here.processes.spawn((self) => {
      for (let i = 0; i < 300; i += 1) self.send(i % 3 === 0 ? byName : sink.pid, i);
    });
    await net.settle();
    expect(here.processes.isAlive(sender)).toBe(false);
    expect(sink.messages).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });

  test('a receiver shares nothing with the sender', async () => {
    const { net, here, there } = pair(place);
    const sink = collector(there);
    const message = { list: [1, 2], bytes: new Uint8Array([1]) };
    here.processes.send(sink.pid, message);
    message.list.push(3);
    message.bytes[0] = 9;
    await net.settle();
    expect(sink.messages).toEqual([{ list: [1, 2], bytes: new Uint8Array([1]) }]);
  });

  test('sends to nobody are dropped, and values that cannot be sent are refused', async () => {
    const { net, here, there } = pair(place);
    const gone = there.processes.spawn(() => {});
    await net.settle();
    expect(here.processes.send(gone, 'x')).toBe(true);
    expect(here.processes.send({ node: there.ref.node, name: 'none' }, 'x')).toBe(true);
    expect(here.processes.send({ service: 'none' }, 'x')).toBe(true);
    expect(() => here.processes.send(gone, { call: () => 1 })).toThrow(
      expect.objectContaining({ code: 'ERR_VALUE' }),
    );
    await net.settle();
  });

  test('three messages, then exactly one Down with the reason', async () => {
    const { net, here, there } = pair(place);
    const target = there.processes.spawn(async (self) => {
      const to = (await self.receive()) as Pid;
      for (const i of [1, 2, 3]) self.send(to, i);
      throw Object.assign(new RangeError('broken'), { code: 'E_BROKEN' });
    });
    const sink = collector(here, { watch: target });
    here.processes.send(target, sink.pid);
    await net.settle();
    const [a, b, c, down, ...rest] = sink.messages;
    expect([a, b, c, rest]).toEqual([1, 2, 3, []]);
    expect(down).toBeInstanceOf(Down);
    const reason = { name: 'RangeError', message: 'broken', code: 'E_BROKEN' };
    expect(down).toMatchObject({ target, reason: { ...reason, stack: expect.any(String) } });
  });

  test('a monitor on a process that has ended, or never was, gives noproc', async () => {
    const { net, here, there } = pair(place);
    const target = there.processes.spawn(() => {});
    await net.settle();
    const byName = { node: there.ref.node, name: 'nobody' };
    const downs: Down[] = [];
    const first = here.processes.monitor(target, (down) => downs.push(down));
    const second = here.processes.monitor(byName, (down) => downs.push(down));
    expect(downs).toEqual([]);
    await net.settle();
    expect(downs).toEqual([
      new Down(first.ref, target, 'noproc'),
      new Down(second.ref, byName, 'noproc'),
    ]);
  });

  test('each of several monitors on one process gives its own Down, by name too', async () => {
    const { net, here, there } = pair(place);
    const target = forever(there, { name: 'target' });
    const byName = { node: there.ref.node, name: 'target' };
    const downs: Down[] = [];
    const monitors = [target, target, byName].map((to) =>
      here.processes.monitor(to, (down) => downs.push(down)),
    );
    await net.settle();
    here.processes.exit(target, 'shutdown');
    await net.settle();
    expect(downs.map(({ ref }) => ref).sort()).toEqual(monitors.map(({ ref }) => ref).sort());
    expect(downs.map(({ reason }) => reason)).toEqual(['shutdown', 'shutdown', 'shutdown']);
  });

  test('a disposed monitor gives no Down, not even when the target has ended already', async () => {
    const { net, here, there } = pair(place);
    const target = forever(there);
    const downs: unknown[] = [];
    const inbox: unknown[] = [];
    here.processes.spawn(
      async (self) => {
        const monitor = self.monitor(target);
        await self.receive({ match: (message) => message === 'now' });
        monitor[Symbol.dispose]();
        for await (const message of self) inbox.push(message);
      },
      { name: 'watcher' },
    );
    const early = here.processes.monitor(target, (down) => downs.push(down));
    await net.settle();
    early[Symbol.dispose]();
    there.processes.exit(target, 'kill');
    await net.settle();
    here.processes.send({ node: here.ref.node, name: 'watcher' }, 'now');
    await net.settle();
    expect([downs, inbox]).toEqual([[], []]);
  });

  test('a Down that waits for its listener is taken back by disposing', async () => {
    const { net, here, there } = pair(place);
    const target = forever(there);
    const downs: unknown[] = [];
    const monitor = here.processes.monitor(target, (down) => downs.push(down));
    const second = here.processes.monitor(target, () => monitor[Symbol.dispose]());
    await net.settle();
    there.processes.exit(target, 'kill');
    monitor[Symbol.dispose]();
    await net.settle();
    expect(downs).toEqual([]);
    second[Symbol.dispose]();
  });

  test('the reply, the failure of the handler and every other end of a call are told apart', async () => {
    const { net, here, there } = pair(place);
    const plain = forever(there);
    const served = there.processes.serve(new Ledger());
    const call = (to: Pid, method: string, ...args: unknown[]): Promise<unknown> =>
      outcome(here.processes.call(to, methodCall(method, args), { timeoutMs: 1_000 }));
    const gone = there.processes.spawn(() => {});
    await net.settle();
    const results = [
      call(served, 'add', 1, 2),
      call(served, 'later', 'x'),
      call(served, 'fail'),
      call(served, 'nothing'),
      call(served, 'unsendable'),
      call(gone, 'add'),
      outcome(here.processes.call({ service: 'none' }, 1)),
      outcome(here.processes.call({ node: there.ref.node, name: 'none' }, 1)),
      call(plain, 'never answered'),
    ];
    await net.settle();
    here.processes.exit(served, 'kill');
    await net.settle(1_000);
    expect(await Promise.all(results)).toMatchObject([
      3,
      'x',
      {
        code: 'ERR_REMOTE',
        remote: { name: 'RangeError', message: 'no funds', code: 'E_FUNDS' },
        cause: { message: 'the cause' },
      },
      { code: 'ERR_REMOTE', remote: { code: 'ERR_NOT_FOUND' } },
      { code: 'ERR_REMOTE', remote: { name: 'BarrelError', code: 'ERR_VALUE' } },
      { code: 'ERR_NO_PROCESS' },
      { code: 'ERR_NOT_FOUND' },
      { code: 'ERR_NO_PROCESS' },
      { code: 'ERR_TIMEOUT' },
    ]);
  });

  test('a reply after the time-out is discarded, and the work of the callee is done', async () => {
    const { net, here, there } = pair(place);
    const late = new Late(net);
    const served = there.processes.serve(late);
    const inbox: unknown[] = [];
    let result: unknown;
    here.processes.spawn(async (self) => {
      result = await outcome(self.call(served, methodCall('work', [])));
      for await (const message of self) inbox.push(message);
    });
    await net.settle(5_100);
    expect(result).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(late.done).toBe(0);
    await net.settle(2_000);
    expect([late.done, late.isAborted, inbox]).toEqual([1, true, []]);
  });

  test('the end of the callee ends the call with its reason', async () => {
    const { net, here, there } = pair(place);
    const callee = there.processes.spawn(async (self) => {
      await self.receive();
      self.exit({ why: 'full' });
    });
    const result = outcome(here.processes.call(callee, 'x'));
    await net.settle();
    expect(await result).toMatchObject({ code: 'ERR_EXIT', cause: { why: 'full' } });
  });

  test('a plain process answers a request once, and fails it with an error', async () => {
    const { net, here, there } = pair(place);
    const callee = there.processes.spawn(async (self) => {
      const first = (await self.receive()) as Request;
      expect(first).toBeInstanceOf(Request);
      expect(() => first.reply(() => 1)).toThrow(expect.objectContaining({ code: 'ERR_VALUE' }));
      first.reply(['got', first.request]);
      first.reply('again');
      const second = (await self.receive()) as Request;
      second.fail(new TypeError('bad'));
      const third = (await self.receive()) as Request;
      third.fail('just a text');
    });
    const calls = [1, 2, 3].map((n) => outcome(here.processes.call(callee, n)));
    await net.settle();
    expect(await Promise.all(calls)).toMatchObject([
      ['got', 1],
      { code: 'ERR_REMOTE', remote: { name: 'TypeError', message: 'bad' } },
      { code: 'ERR_REMOTE', remote: { name: 'Error', message: 'just a text' } },
    ]);
  });

  test('who calls and until when is known to the handler, and its signal follows the caller', async () => {
    const { net, here, there } = pair(place);
    const contexts: { from: Pid; leftMs: number; signal: AbortSignal }[] = [];
    const served = there.processes.serve({
      async wait() {
        await Promise.resolve();
        const call = currentCall();
        if (call === undefined) throw new Error('no context');
        const leftMs = call.deadline.getTime() - net.time.wallMs();
        contexts.push({ from: call.from, leftMs, signal: call.signal });
        await new Promise(() => {});
      },
    });
    const controller = new AbortController();
    const caller = here.processes.spawn((self) => self.call(served, methodCall('wait', [])));
    const { signal } = controller;
    const options = { signal, timeoutMs: 800 };
    const aborted = outcome(here.processes.call(served, methodCall('wait', []), options));
    await net.settle();
    const [first, second] = contexts.sort((a, b) => b.from.serial - a.from.serial);
    expect(first?.from).toBe(caller);
    expect(second?.from).toMatchObject({ ...here.ref, serial: 0 });
    expect(second?.leftMs).toBeGreaterThan(790);
    expect(second?.leftMs).toBeLessThanOrEqual(800);
    controller.abort(new Error('enough'));
    here.processes.exit(caller, 'kill');
    await net.settle();
    expect(await aborted).toMatchObject({ message: 'enough' });
    expect(first?.signal.aborted).toBe(true);
    expect(second?.signal.aborted).toBe(true);
    expect(currentCall()).toBeUndefined();
  });

  test('a normal end leaves a linked process alone; any other ends it', async () => {
    const { net, here, there } = pair(place);
    const ends = ['normal', 'shutdown', { deep: ['reason'] }];
    const downs: unknown[] = [];
    for (const reason of ends) {
      const target = there.processes.spawn(async (self) => self.exit(await self.receive()));
      const linked = here.processes.spawn(async (self) => {
        self.link(target);
        self.link(target);
        await self.receive();
      });
      here.processes.monitor(linked, (down) => downs.push(down.reason));
      await net.settle();
      there.processes.send(target, reason);
      await net.settle();
      expect(here.processes.isAlive(linked)).toBe(reason === 'normal');
    }
    expect(downs).toEqual(ends.slice(1));
  });

  test('a process that traps exits gets them as messages; kill cannot be trapped', async () => {
    const { net, here, there } = pair(place);
    const target = forever(there);
    const dead = there.processes.spawn(() => {});
    await net.settle();
    const inbox: unknown[] = [];
    const trapper = here.processes.spawn(async (self) => {
      self.trapExit(true);
      self.link(target);
      self.link(dead);
      for await (const message of self) inbox.push(message);
    });
    const downs: unknown[] = [];
    there.processes.monitor(trapper, (down) => downs.push(down.reason));
    await net.settle();
    there.processes.exit(target, 'kill');
    there.processes.exit(trapper, 'normal');
    there.processes.exit(trapper, ['asked']);
    await net.settle();
    const asker = expect.objectContaining({ ...there.ref, serial: 0 });
    expect(inbox.every((message) => message instanceof Exit)).toBe(true);
    expect(inbox).toMatchObject([
      { from: dead, reason: 'noproc' },
      { from: target, reason: 'killed' },
      { from: asker, reason: 'normal' },
      { from: asker, reason: ['asked'] },
    ]);
    there.processes.exit(trapper, 'kill');
    await net.settle();
    expect(downs).toEqual(['killed']);
  });

  test('exit with reason normal does nothing to a process that does not trap', async () => {
    const { net, here, there } = pair(place);
    const target = forever(there);
    here.processes.exit(target, 'normal');
    await net.settle();
    expect(there.processes.isAlive(target)).toBe(true);
  });

  test('after an unlink the end of one does not reach the other', async () => {
    const { net, here, there } = pair(place);
    const target = forever(there);
    const linked = here.processes.spawn(async (self) => {
      self.link(target);
      await self.receive();
      self.unlink(target);
      await self.receive();
    });
    await net.settle();
    here.processes.send(linked, 'unlink');
    await net.settle();
    there.processes.exit(target, 'kill');
    await net.settle();
    expect(here.processes.isAlive(linked)).toBe(true);
  });

  test('a link to a process that is not there ends the one that linked, with noproc', async () => {
    const { net, here, there } = pair(place);
    const dead = there.processes.spawn(() => {});
    await net.settle();
    const downs: unknown[] = [];
    const linked = here.processes.spawn((self) => {
      self.link(dead);
      return self.receive();
    });
    here.processes.monitor(linked, (down) => downs.push(down.reason));
    await net.settle();
    expect(downs).toEqual(['noproc']);
  });

  test('the end of one runs through a chain of links of any length', async () => {
    const { net, here, there } = pair(place);
    const chain: Pid[] = [];
    for (let i = 0; i < 2_000; i += 1) {
      const before = chain.at(-1);
      const node = i % 2 === 0 ? here : there;
      const body = async (self: Self): Promise<void> => {
        if (before !== undefined) self.link(before);
        await self.receive();
      };
      chain.push(node.processes.spawn(body));
    }
    await net.settle();
    here.processes.exit(chain[0] as Pid, 'over');
    await net.settle(10_000);
    const alive = chain.filter(
      (pid) => here.processes.isAlive(pid) || there.processes.isAlive(pid),
    );
    expect(alive).toEqual([]);
  });

  test('only own and class functions of a served object can be called', async () => {
    const { net, here, there } = pair(place);
    const ledger = new Ledger();
    const all = there.processes.serve(ledger);
    const some = there.processes.serve(ledger, { only: ['add'] });
    const bad = [
      'constructor',
      '__proto__',
      'toString',
      'hasOwnProperty',
      '_secret',
      'field',
      'computed',
      'add ',
      '',
    ];
    const attempts = [
      ...bad.map((name) => here.processes.call(all, methodCall(name, []))),
      here.processes.call(some, methodCall('inherited', [])),
      here.processes.call(all, 'no request'),
      here.processes.call(all, ['add', 1]),
      here.processes.call(all, ['add', [1], 2]),
    ].map(outcome);
    const good = [
      here.processes.call(all, methodCall('inherited', [])),
      here.processes.call(all, methodCall('own', [])),
      here.processes.call(some, methodCall('add', [2, 3])),
    ].map(outcome);
    await net.settle();
    const results = await Promise.all(attempts);
    for (const result of results.splice(-3)) {
      expect(result).toMatchObject({ code: 'ERR_REMOTE', remote: { name: 'TypeError' } });
    }
    for (const result of results) {
      expect(result).toMatchObject({ code: 'ERR_REMOTE', remote: { code: 'ERR_NOT_FOUND' } });
    }
    expect(await Promise.all(good)).toEqual(['base', 'own of ledger', 5]);
  });

  test('calls over the concurrency wait, and over what may wait are refused', async () => {
    const { net, here, there } = pair(place);
    const release: (() => void)[] = [];
    const served = there.processes.serve(
      { hold: () => new Promise<void>((resolve) => release.push(resolve)) },
      { concurrency: 2 },
    );
    const call = (): Promise<unknown> =>
      outcome(here.processes.call(served, methodCall('hold', [])));
    const first = [call(), call(), call()];
    await net.settle();
    expect(release.length).toBe(2);
    const more = Array.from({ length: SERVE_WAITING_MAX }, call);
    await net.settle();
    expect(await more.at(-1)).toMatchObject({ code: 'ERR_OVERLOADED' });
    release[0]?.();
    await net.settle();
    expect(release.length).toBe(3);
    expect(await first[0]).toBeUndefined();
    there.processes.exit(served, 'kill');
    await net.settle();
    expect(await more[0]).toMatchObject({ code: 'ERR_EXIT', cause: 'killed' });
  });

  test('a call that nobody waits for any more is not begun', async () => {
    const { net, here, there } = pair(place);
    const seen: unknown[] = [];
    const release: (() => void)[] = [];
    const methods = {
      hold: (n: number) => {
        seen.push(n);
        return new Promise<void>((resolve) => release.push(resolve));
      },
    };
    const served = there.processes.serve(methods, { concurrency: 1 });
    const calls = [1, 2, 3].map((n) => {
      const timeoutMs = n === 2 ? 50 : 5_000;
      return outcome(here.processes.call(served, methodCall('hold', [n]), { timeoutMs }));
    });
    await net.settle(100);
    release[0]?.();
    await net.settle();
    expect(seen).toEqual([1, 3]);
    release[1]?.();
    await net.settle();
    expect(await Promise.all(calls)).toMatchObject([undefined, { code: 'ERR_TIMEOUT' }, undefined]);
  });

  test('a request to a full mailbox is refused, and counted', async () => {
    const { net, here, there } = pair(place);
    const callee = forever(there, { mailboxMax: 2 });
    const calls = [1, 2, 3].map((n) => outcome(here.processes.call(callee, n)));
    await net.settle();
    expect(await calls[2]).toMatchObject({ code: 'ERR_OVERLOADED' });
    const dropped = there.meter.counter('barrel_processes_mailbox_dropped_total');
    expect(dropped.value).toBe(1);
  });

  test('closing a node ends its processes, the youngest first, and tells all who watch', async () => {
    const { net, here, there } = pair(place);
    const order: string[] = [];
    const end = (name: string) => (self: Self) => {
      self.signal.addEventListener('abort', () => order.push(name));
      return self.receive({ match: () => false });
    };
    const targets = ['a', 'b', 'c'].map((name) => there.processes.spawn(end(name)));
    const downs: unknown[] = [];
    for (const pid of targets) here.processes.monitor(pid, (down) => downs.push(down.reason));
    const [first] = targets;
    const call = outcome(here.processes.call(first as Pid, 'x', { timeoutMs: 500 }));
    await net.settle();
    there.processes.close();
    there.processes.close();
    await net.settle();
    expect(order).toEqual(['c', 'b', 'a']);
    expect(downs).toEqual(['shutdown', 'shutdown', 'shutdown']);
    expect(await call).toMatchObject({ code: 'ERR_EXIT', cause: 'shutdown' });
    expect(() => there.processes.send(first as Pid, 1)).toThrow(
      expect.objectContaining({ code: 'ERR_CLOSED' }),
    );
  });

  test('calls that wait when their own node closes fail with ERR_CLOSED', async () => {
    const { net, here, there } = pair(place);
    const served = forever(place === 'one node' ? here : there);
    const call = outcome(here.processes.call(served, 'x'));
    const again = here.processes;
    await net.settle();
    again.close();
    const result = await call;
    const code = place === 'one node' ? 'ERR_EXIT' : 'ERR_CLOSED';
    expect(result).toMatchObject({ code });
    expect(await outcome(again.call(served, 'x'))).toMatchObject({ code: 'ERR_CLOSED' });
    expect(() => again.spawn(() => {})).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
    await net.settle();
  });

  test('draining waits for the calls at work, and no longer than asked', async () => {
    const { net, here, there } = pair(place);
    const late = new Late(net);
    const served = there.processes.serve(late);
    const call = outcome(here.processes.call(served, methodCall('work', []), { timeoutMs: 9_000 }));
    await net.settle();
    let drained = 0;
    const drain = (ms: number): void => void there.processes.drain(ms).then(() => (drained += 1));
    drain(1_000);
    drain(60_000);
    await net.settle(500);
    expect(drained).toBe(0);
    await net.settle(600);
    expect(drained).toBe(1);
    await net.settle(6_000);
    expect([drained, await call]).toEqual([2, 'late']);
  });
});

class LedgerBase {
  inherited(): string {
    return 'base';
  }
}

class Ledger extends LedgerBase {
  readonly field = 'no function';
  readonly own = (): string => 'own of ledger';

  get computed(): () => string {
    throw new Error('an accessor was touched');
  }

  add(a: number, b: number): number {
    return a + b;
  }

  async later(value: Value): Promise<Value> {
    await Promise.resolve();
    return value;
  }

  fail(): never {
    const cause = new Error('the cause');
    throw Object.assign(new RangeError('no funds', { cause }), { code: 'E_FUNDS' });
  }

  unsendable(): unknown {
    return { call: () => 1 };
  }

  _secret(): string {
    return 'secret';
  }
}

/** Answers after six seconds. */
class Late {
  done = 0;
  isAborted = false;
  readonly #net: LinkedNodes;

  constructor(net: LinkedNodes) {
    this.#net = net;
  }

  async work(): Promise<string> {
    const signal = currentCall()?.signal;
    signal?.addEventListener('abort', () => {
      this.isAborted = true;
    });
    await new Promise<void>((resolve) => void this.#net.time.after(6_000, resolve));
    this.done += 1;
    return 'late';
  }
}

interface Pair {
  readonly net: LinkedNodes;
  readonly here: LinkedNode;
  readonly there: LinkedNode;
}

function pair(place: (typeof PLACES)[number]): Pair {
  const net = new LinkedNodes();
  const here = net.start('here@host', 100n);
  return { net, here, there: place === 'one node' ? here : net.start('there@host', 200n) };
}

interface Collector {
  readonly pid: Pid;
  readonly messages: Value[];
}

function collector(
  node: LinkedNode,
  options: { readonly name?: string; readonly watch?: Pid } = {},
): Collector {
  const messages: Value[] = [];
  const body = async (self: Self): Promise<void> => {
    if (options.watch !== undefined) self.monitor(options.watch);
    for await (const message of self) messages.push(message);
  };
  return { pid: node.processes.spawn(body, { name: options.name }), messages };
}

/** A process that reads nothing and never ends by itself. */
function forever(
  node: LinkedNode,
  options: { readonly name?: string; readonly mailboxMax?: number } = {},
): Pid {
  return node.processes.spawn(() => new Promise(() => {}), options);
}

function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}
