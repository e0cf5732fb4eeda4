/** Processes of nodes whose links come and go. */
import { expect, test } from 'vitest';
import type { Pid } from '../../../src/core/pid.ts';
import { Exit } from '../../../src/processes/messages.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import type { Self } from '../../../src/processes/processes.ts';
import { type LinkedNode, LinkedNodes } from './linked-nodes.ts';

test('a lost connection gives noconnection once, leaves the target, and can be made again', async () => {
  const { net, a, b } = two();
  const target = forever(b);
  const downs: unknown[] = [];
  a.processes.monitor(target, (down) => downs.push(down.reason));
  await net.settle();
  net.cut(a, b);
  await net.settle();
  expect(downs).toEqual(['noconnection']);
  expect(b.processes.isAlive(target)).toBe(true);
  a.processes.monitor(target, (down) => downs.push(down.reason));
  await net.settle();
  expect(downs).toEqual(['noconnection', 'noconnection']);
  net.heal(a, b);
  a.processes.monitor(target, (down) => downs.push(down.reason));
  await net.settle();
  expect(downs.length).toBe(2);
  b.processes.exit(target, 'over');
  await net.settle();
  expect(downs).toEqual(['noconnection', 'noconnection', 'over']);
});

test('a lost connection ends linked processes on both sides, and those that trap are told', async () => {
  const { net, a, b } = two();
  const far = forever(b);
  const inbox: unknown[] = [];
  const trapper = a.processes.spawn(async (self) => {
    self.trapExit(true);
    self.link(far);
    for await (const message of self) inbox.push(message);
  });
  const linked = linkedTo(a, far);
  await net.settle();
  net.cut(a, b);
  await net.settle();
  expect(inbox).toEqual([new Exit(far, 'noconnection')]);
  expect(a.processes.isAlive(trapper)).toBe(true);
  expect(a.processes.isAlive(linked)).toBe(false);
  expect(b.processes.isAlive(far)).toBe(false);
});

test('calls that wait on a node that dies fail with ERR_NO_CONNECTION, not with a time-out', async () => {
  const { net, a, b } = two();
  const target = forever(b);
  const waiting = outcome(a.processes.call(target, 'x'));
  await net.settle();
  net.crash(b);
  await net.settle();
  expect(await waiting).toMatchObject({ code: 'ERR_NO_CONNECTION', node: 'b@h' });
  const dialled = outcome(a.processes.call(target, 'x'));
  await net.settle();
  expect(await dialled).toMatchObject({
    code: 'ERR_NO_CONNECTION',
    cause: { code: 'ERR_UNREACHABLE' },
  });
});

test('the handler learns that the node of the caller is gone', async () => {
  const { net, a, b } = two();
  const signals: AbortSignal[] = [];
  const target = b.processes.spawn(async (self) => {
    const request = (await self.receive()) as { context: { signal: AbortSignal } };
    signals.push(request.context.signal);
    await self.receive();
  });
  void outcome(a.processes.call(target, 'x'));
  await net.settle();
  expect(signals[0]?.aborted).toBe(false);
  net.crash(a);
  await net.settle();
  expect(signals[0]?.reason).toMatchObject({ code: 'ERR_NO_CONNECTION' });
});

test('an old pid never reaches a process of the next start of its node', async () => {
  const { net, a, b } = two();
  const old = forever(b);
  a.processes.send(old, 'x');
  await net.settle();
  net.crash(b);
  const b2 = net.start('b@h', 21n);
  const inbox: unknown[] = [];
  const young = b2.processes.spawn(async (self) => {
    for await (const message of self) inbox.push(message);
  });
  expect(young.serial).toBe(old.serial);
  // Once while the link is made, when only the other node can tell, and once when it is up.
  for (const connected of [false, true]) {
    expect(a.links.connected('b@h') !== undefined).toBe(connected);
    const downs: unknown[] = [];
    const linked = linkedTo(a, old);
    a.processes.send(old, 'stale');
    a.processes.exit(old, 'kill');
    a.processes.monitor(old, (down) => downs.push(down.reason));
    a.processes.monitor(linked, (down) => downs.push(down.reason));
    const call = outcome(a.processes.call(old, 'stale'));
    await net.settle();
    expect(await call).toMatchObject({ code: 'ERR_NO_PROCESS' });
    expect(downs).toEqual(['noproc', 'noproc']);
    expect(inbox).toEqual([]);
  }
  a.processes.send(young, 'fresh');
  await net.settle();
  expect(inbox).toEqual(['fresh']);
  // A pid of the own node's former start is as dead.
  const own = outcome(b2.processes.call(old, 'x'));
  expect(b2.processes.send(old, 'x')).toBe(true);
  await net.settle();
  expect(await own).toMatchObject({ code: 'ERR_NO_PROCESS' });
  expect(b2.processes.isAlive(old)).toBe(false);
});

test('two senders and one receiver: the order of each is kept, whatever the lanes do', async () => {
  const net = new LinkedNodes({ laneSkewMs: 3 });
  const [a, b, c] = [net.start('a@h', 1n), net.start('b@h', 2n), net.start('c@h', 3n)];
  const inbox: [string, number][] = [];
  const sink = c.processes.spawn(async (self) => {
    for await (const message of self) inbox.push(message as [string, number]);
  });
  const count = 10_000;
  for (const [name, node] of Object.entries({ a, b })) {
    node.processes.spawn(async (self) => {
      for (let i = 0; i < count; i += 1) {
        if (!self.send(sink, [name, i])) await node.processes.drained(sink);
      }
    });
  }
  await net.settle(5_000);
  for (const name of ['a', 'b']) {
    const own = inbox.filter(([from]) => from === name).map(([, i]) => i);
    expect(own).toEqual(Array.from({ length: count }, (_, i) => i));
  }
});

test('a link is held while something depends on it, and then let go', async () => {
  const { net, a, b } = two();
  const held = (): number[] =>
    [a, b].map((n, i) => n.links.holds.get(i === 0 ? 'b@h' : 'a@h') ?? 0);
  const target = forever(b);
  a.processes.send(target, 'plain');
  await net.settle();
  expect(held()).toEqual([0, 0]);
  const monitor = a.processes.monitor(target, () => {});
  await net.settle(600_000);
  expect(held()).toEqual([1, 1]);
  monitor[Symbol.dispose]();
  await net.settle();
  expect(held()).toEqual([0, 0]);
  const linked = linkedTo(a, target);
  void outcome(a.processes.call(target, 'x', { timeoutMs: 100 }));
  await net.settle(50);
  expect(held()).toEqual([1, 1]);
  a.processes.exit(linked, 'normal');
  await net.settle(100);
  expect(held()).toEqual([1, 1]);
  a.processes.exit(linked, 'kill');
  await net.settle();
  expect(held()).toEqual([0, 0]);
  expect(b.processes.isAlive(target)).toBe(false);
});

test.each(['first', 'second'])(
  'both ends unlink and one links again: they agree (%s)',
  async (who) => {
    const { net, a, b } = two();
    const x = commanded(a);
    const y = commanded(b);
    a.processes.send(x, ['link', y]);
    b.processes.send(y, ['link', x]);
    await net.settle();
    // All at once, while the signals of the other side are on their way.
    a.processes.send(x, ['unlink', y]);
    b.processes.send(y, ['unlink', x]);
    if (who === 'first') a.processes.send(x, ['link', y]);
    else b.processes.send(y, ['link', x]);
    await net.settle();
    a.processes.exit(x, 'over');
    await net.settle();
    expect(b.processes.isAlive(y)).toBe(false);
  },
);

test('both ends link, one unlinks before it has heard of that: the other link stays', async () => {
  const { net, a, b } = two();
  const x = commanded(a);
  const y = commanded(b);
  await net.settle();
  a.processes.send(x, ['link', y]);
  b.processes.send(y, ['link', x]);
  a.processes.send(x, ['unlink', y]);
  await net.settle();
  a.processes.exit(x, 'over');
  await net.settle();
  expect(b.processes.isAlive(y)).toBe(false);
});

test('nodes that send to each other at once lose nothing', async () => {
  const { net, a, b } = two();
  const inboxes: unknown[][] = [[], []];
  const [toA, toB] = [a, b].map((node, i) =>
    node.processes.spawn(async (self) => {
      for await (const message of self) inboxes[i]?.push(message);
    }),
  );
  for (let i = 0; i < 50; i += 1) {
    a.processes.send(toB as Pid, i);
    b.processes.send(toA as Pid, i);
  }
  await net.settle();
  expect(inboxes.map((inbox) => inbox.length)).toEqual([50, 50]);
});

test('what was under way is lost with the connection, and later messages arrive', async () => {
  const { net, a, b } = two();
  const inbox: unknown[] = [];
  const sink = b.processes.spawn(async (self) => {
    for await (const message of self) inbox.push(message);
  });
  a.processes.send(sink, 1);
  await net.settle();
  for (let i = 0; i < 200; i += 1) a.processes.send(sink, 'lost');
  net.endLink(a.links, b.links, 'reset');
  a.processes.send(sink, 2);
  await net.settle();
  for (let i = 0; i < 200; i += 1) a.processes.send(sink, i);
  await net.settle();
  expect(inbox).toEqual([1, 2, ...Array.from({ length: 200 }, (_, i) => i)]);
});

test('pids of third nodes travel and work, and a reply finds its way through three nodes', async () => {
  const net = new LinkedNodes();
  const [a, b, c] = [net.start('a@h', 1n), net.start('b@h', 2n), net.start('c@h', 3n)];
  const store = c.processes.serve({ get: (key: string) => `value of ${key}` });
  const broker = b.processes.serve({
    find: () => store,
    fetch: (key: string) => b.processes.call(store, methodCall('get', [key])),
  });
  const found = a.processes.call<Pid>(broker, methodCall('find', []));
  const fetched = a.processes.call(broker, methodCall('fetch', ['x']));
  await net.settle();
  expect(await found).toBe(store);
  expect(await fetched).toBe('value of x');
  const direct = a.processes.call(await found, methodCall('get', ['y']));
  await net.settle();
  expect(await direct).toBe('value of y');
});

test('the exit of a caller is seen by its callees, and its replies go nowhere', async () => {
  const { net, a, b } = two();
  const release: (() => void)[] = [];
  const served = b.processes.serve({
    hold: () => new Promise<void>((resolve) => release.push(resolve)),
  });
  const caller = a.processes.spawn((self) => self.call(served, methodCall('hold', [])));
  await net.settle();
  a.processes.exit(caller, 'kill');
  await net.settle();
  release[0]?.();
  await net.settle();
  expect(net.faults).toEqual([]);
  expect(b.links.holds.get('a@h')).toBe(0);
});

test('a caller on a node that closes is cut off like any other', async () => {
  const { net, a, b } = two();
  const target = forever(b);
  const linked = linkedTo(a, target);
  await net.settle();
  a.processes.close();
  await net.settle();
  expect(a.processes.isAlive(linked)).toBe(false);
  expect(b.processes.isAlive(target)).toBe(false);
});

function two(): { readonly net: LinkedNodes; readonly a: LinkedNode; readonly b: LinkedNode } {
  const net = new LinkedNodes();
  return { net, a: net.start('a@h', 10n), b: net.start('b@h', 20n) };
}

function forever(node: LinkedNode): Pid {
  return node.processes.spawn(() => new Promise(() => {}));
}

function linkedTo(node: LinkedNode, target: Pid): Pid {
  return node.processes.spawn((self) => {
    self.link(target);
    return new Promise(() => {});
  });
}

/** A process that links and unlinks as it is told. */
function commanded(node: LinkedNode): Pid {
  const body = async (self: Self): Promise<void> => {
    for await (const message of self) {
      const [command, pid] = message as ['link' | 'unlink', Pid];
      self[command](pid);
    }
  };
  return node.processes.spawn(body);
}

function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}
