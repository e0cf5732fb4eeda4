/** Supervisors of real processes, on one node. */
import { describe, expect, test } from 'vitest';
import type { Pid } from '../../../src/core/pid.ts';
import { Exit } from '../../../src/processes/messages.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import type { Self, Value } from '../../../src/processes/processes.ts';
import type { ChildSpec, SuperviseOptions } from '../../../src/processes/supervise-options.ts';
import { type LinkedNode, LinkedNodes } from './linked-nodes.ts';

describe('children', () => {
  test('start in order, the next one when an asynchronous start has come to its end', async () => {
    const { net, node, order, child } = family();
    const slow: ChildSpec = {
      start: async () => {
        await new Promise<void>((resolve) => void net.time.after(100, resolve));
        return child('slow').start();
      },
    };
    node.processes.supervise([child('first'), slow, child('last')]);
    await net.settle(50);
    expect(order).toEqual(['start first']);
    await net.settle(100);
    expect(order).toEqual(['start first', 'start slow', 'start last']);
  });

  test('that crash are started again, spawned and served ones', async () => {
    const { net, node } = family();
    const { processes } = node;
    const total = (): Pid => processes.serve({ total: () => 7 }, { name: 'total' });
    const worker = (): Pid => processes.spawn(crashing, { name: 'worker' });
    processes.supervise([{ start: total }, { start: worker }]);
    await net.settle();
    const first = processes.whereis('worker') as Pid;
    processes.send(first, 'crash');
    processes.exit(processes.whereis('total') as Pid, 'kill');
    await net.settle();
    expect(processes.whereis('worker')).not.toBe(first);
    const served = processes.whereis('total') as Pid;
    const answer = processes.call(served, methodCall('total', []));
    await net.settle();
    expect(await answer).toBe(7);
    expect(node.meter.snapshot()).toMatchObject({ barrel_processes_restarts_total: 2 });
  });

  test('end in reverse order, each in its time, when the supervisor is told to exit', async () => {
    const { net, node, order, child } = family();
    const tidy: ChildSpec = { start: () => node.processes.spawn(cleaning(net, order, 100)) };
    const deaf: ChildSpec = { start: () => node.processes.spawn(trapping), shutdownMs: 300 };
    const supervisor = node.processes.supervise([child('a'), tidy, deaf, child('b')]);
    const reasons = watched(node, supervisor);
    await net.settle();
    node.processes.exit(supervisor, 'update');
    await net.settle(299);
    expect(order).toEqual(['start a', 'start b', 'end b shutdown']);
    await net.settle(201);
    expect(order.slice(3)).toEqual(['told shutdown', 'clean', 'end a shutdown']);
    expect(reasons).toEqual(['update']);
    expect(node.meter.snapshot()).toMatchObject({ barrel_processes_alive: 0 });
  });

  test('are ended by the end of a process that is linked to their supervisor', async () => {
    const { net, node, order, child } = family();
    const supervisor = node.processes.supervise([child('a')]);
    const owner = node.processes.spawn((self) => {
      self.link(supervisor);
      return self.receive();
    });
    await net.settle();
    node.processes.exit(owner, 'broken');
    await net.settle();
    expect(order).toEqual(['start a', 'end a shutdown']);
    expect(node.processes.isAlive(supervisor)).toBe(false);
  });

  test('are killed, the last one first, when the supervisor is killed', async () => {
    const { net, node, order, child } = family();
    const deaf: ChildSpec = { start: () => node.processes.spawn(trapping) };
    const supervisor = node.processes.supervise([child('a'), child('b'), deaf]);
    await net.settle();
    node.processes.exit(supervisor, 'kill');
    await net.settle();
    expect(order.slice(2)).toEqual(['end b killed', 'end a killed']);
    expect(node.meter.snapshot()).toMatchObject({ barrel_processes_alive: 0 });
  });

  test('that start when their supervisor is no more are killed', async () => {
    const { net, node, order, child } = family();
    let isStarted = (): void => {};
    const started = new Promise<void>((resolve) => {
      isStarted = resolve;
    });
    const slow = child('slow');
    const late: ChildSpec = { start: () => started.then(() => slow.start()), shutdownMs: 50 };
    const killed = node.processes.supervise([late]);
    const given = node.processes.supervise([late]);
    await net.settle();
    node.processes.exit(killed, 'kill');
    node.processes.exit(given, 'shutdown');
    await net.settle(100);
    expect(node.processes.isAlive(given)).toBe(false);
    isStarted();
    await net.settle();
    expect(order.filter((line) => line.startsWith('end'))).toEqual(
      Array(2).fill('end slow killed'),
    );
  });

  test('may be supervisors, which are waited for', async () => {
    const { net, node, order, child } = family();
    const inner: ChildSpec = {
      start: () => node.processes.supervise([child('b'), child('c')], { restarts: 0 }),
    };
    const supervisor = node.processes.supervise([child('a'), inner, child('d')]);
    await net.settle();
    // The inner one gives up, and is started again with all that it has.
    node.processes.exit(node.processes.whereis('b') as Pid, 'broken');
    await net.settle();
    const starts = ['start a', 'start b', 'start c', 'start d'];
    expect(order.splice(0)).toEqual([
      ...starts,
      'end b broken',
      'end c shutdown',
      'start b',
      'start c',
    ]);
    node.processes.exit(supervisor, 'shutdown');
    await net.settle();
    expect(order).toEqual(['d', 'c', 'b', 'a'].map((name) => `end ${name} shutdown`));
  });

  test('of the rest end and start again with one, in order', async () => {
    const { net, node, order, child } = family();
    const children = [child('a'), child('b'), child('c')];
    node.processes.supervise(children, { strategy: 'rest-for-one' });
    await net.settle();
    order.splice(0);
    node.processes.exit(node.processes.whereis('b') as Pid, 'broken');
    await net.settle();
    expect(order).toEqual(['end b broken', 'end c shutdown', 'start b', 'start c']);
  });
});

describe('a supervisor ends', () => {
  const starts: readonly (readonly [
    what: string,
    start: (node: LinkedNode) => unknown,
    message: string,
  ])[] = [
    [
      'throws',
      () => {
        throw new Error('no port');
      },
      'no port',
    ],
    ['rejects', () => Promise.reject(new Error('no port')), 'no port'],
    ['gives nothing', () => undefined, '`start` of a child gives no pid'],
    ['gives no pid later', async () => 7, '`start` of a child gives no pid'],
  ];

  test.each(starts)('when a child %s at its first start', async (_, start, message) => {
    const { net, node, order, child } = family();
    const failing = { start: () => start(node) } as ChildSpec;
    const supervisor = node.processes.supervise([child('a'), failing, child('b')]);
    const reasons = watched(node, supervisor);
    await net.settle();
    expect(order).toEqual(['start a', 'end a shutdown']);
    expect(reasons).toEqual([
      expect.objectContaining({
        name: 'ChildNotStarted',
        message: `child 1 did not start: ${message}`,
        child: 1,
      }),
    ]);
    expect(net.logged).toContain('a supervisor gave up');
  });

  test('when a child is of another node, the supervisor itself or a child already', async () => {
    const { net, node } = family();
    const other = net.start('b@h', 1n);
    const foreign = other.processes.spawn(trapping);
    const twice = node.processes.spawn(trapping);
    let own: Pid | undefined;
    own = node.processes.supervise([{ start: () => own as Pid }]);
    const reasons = [
      watched(node, node.processes.supervise([{ start: () => foreign }])),
      watched(node, own),
      watched(node, node.processes.supervise([{ start: () => twice }, { start: () => twice }])),
    ];
    await net.settle(6_000);
    const wrong = (child: number): string =>
      `child ${child} did not start: \`start\` of a child gives`;
    expect(reasons.flat().map((reason) => (reason as { message: string }).message)).toEqual([
      `${wrong(0)} ${foreign}, which is no process of this node`,
      `${wrong(0)} the supervisor itself`,
      `${wrong(1)} ${twice}, which is a child already`,
    ]);
    expect(other.processes.isAlive(foreign)).toBe(true);
  });

  test('when a child ends too often; that one which ends at once lets others run', async () => {
    const { net, node } = family();
    let starts = 0;
    const dying = (): Pid => {
      starts += 1;
      return node.processes.spawn(() => {
        throw new Error('broken');
      });
    };
    const reasons = watched(
      node,
      node.processes.supervise([{ start: dying }], { restarts: 1_000 }),
    );
    await net.settle();
    expect(starts).toBe(1_001);
    expect(reasons).toMatchObject([{ name: 'RestartsExceeded', child: 0 }]);
  });

  test('when a start gives a process that has ended already, again and again', async () => {
    const { net, node } = family();
    const gone = node.processes.spawn(() => {});
    await net.settle();
    const reasons = watched(node, node.processes.supervise([{ start: () => gone }]));
    await net.settle();
    expect(reasons).toMatchObject([{ name: 'RestartsExceeded', reason: 'normal' }]);
  });

  test('not for a child that came to its normal end while its start went on', async () => {
    const { net, node } = family();
    const { processes } = node;
    const ended: ChildSpec['start'][] = [
      async () => processes.spawn(() => {}),
      async () => {
        const pid = processes.spawn((self) => self.exit('shutdown'));
        await new Promise<void>((resolve) => void net.time.after(20, resolve));
        return pid;
      },
    ];
    let starts = 0;
    const children = ended.map((end): ChildSpec => {
      const start = (): ReturnType<typeof end> => {
        starts += 1;
        return end();
      };
      return { start, restart: 'transient' };
    });
    const supervisor = processes.supervise(children);
    await net.settle(1_000);
    expect([starts, processes.isAlive(supervisor)]).toEqual([2, true]);
  });

  test('when a start gives one that failed meanwhile, with the reason of that', async () => {
    const { net, node } = family();
    const start = async (): Promise<Pid> => {
      const pid = node.processes.spawn(() => Promise.reject({ code: 7 }));
      await new Promise<void>((resolve) => void net.time.after(20, resolve));
      return pid;
    };
    const child: ChildSpec = { start, restart: 'transient' };
    const reasons = watched(node, node.processes.supervise([child], { restarts: 0 }));
    await net.settle(100);
    expect(reasons).toMatchObject([{ name: 'RestartsExceeded', reason: { code: 7 } }]);
  });

  test('not by `normal`, messages or calls', async () => {
    const { net, node, order, child } = family();
    const supervisor = node.processes.supervise([child('a')]);
    await net.settle();
    node.processes.exit(supervisor, 'normal');
    node.processes.send(supervisor, 'hello');
    const call = node.processes.call(supervisor, 'children');
    const failed = expect(call).rejects.toMatchObject({ remote: { code: 'ERR_NOT_FOUND' } });
    await net.settle();
    await failed;
    expect(node.processes.isAlive(supervisor)).toBe(true);
    expect(order).toEqual(['start a']);
  });
});

test('a node that closes ends its supervisors in order, and waits no longer than asked', async () => {
  const { net, node, order, child } = family();
  const { processes } = node;
  const tidy: ChildSpec = { start: () => processes.spawn(cleaning(net, order, 100)) };
  const inner: ChildSpec = { start: () => processes.supervise([child('b')]) };
  processes.supervise([child('a'), inner, tidy]);
  processes.supervise([child('c')]);
  await net.settle();
  order.splice(0);
  const stopped = processes.stopSupervisors(1_000).then(() => order.push('stopped'));
  await net.settle(200);
  await stopped;
  expect(order).toEqual([
    'end c shutdown',
    'told shutdown',
    'clean',
    'end b shutdown',
    'end a shutdown',
    'stopped',
  ]);
  processes.supervise([{ start: () => processes.spawn(trapping) }]);
  await net.settle();
  const inTime = processes.stopSupervisors(1_000).then(() => net.time.monotonicMs());
  await net.settle(2_000);
  expect(await inTime).toBe(240 + 1_000);
  processes.close();
  await net.settle();
});

test('options are checked', () => {
  const { node } = family();
  const start = (): Pid => node.processes.spawn(() => {});
  const wrong: (readonly [unknown, SuperviseOptions?])[] = [
    [{}],
    [[{}]],
    [[undefined]],
    [[{ start: 'x' }]],
    [[{ start, restart: 'always' }]],
    [[{ start, shutdownMs: -1 }]],
    [[{ start, shutdownMs: Number.NaN }]],
    [Array(1_001).fill({ start })],
    [[], { strategy: 'one-for-all' as never }],
    [[], { restarts: -1 }],
    [[], { restarts: 1.5 }],
    [[], { restarts: 1_001 }],
    [[], { withinMs: 0 }],
  ];
  for (const [children, options] of wrong) {
    expect(() => node.processes.supervise(children as ChildSpec[], options)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION' }),
    );
  }
});

interface Family {
  readonly net: LinkedNodes;
  readonly node: LinkedNode;
  readonly order: string[];
  /** Notes its start, and its end with the reason. */
  readonly child: (name: string) => ChildSpec;
}

function family(): Family {
  const net = new LinkedNodes();
  const node = net.start('a@h', 1n);
  const order: string[] = [];
  const child = (name: string): ChildSpec => ({
    start: () => {
      order.push(`start ${name}`);
      const pid = node.processes.spawn((self) => self.receive(), {
        ...(node.processes.whereis(name) === undefined ? { name } : {}),
      });
      node.processes.monitor(pid, ({ reason }) => order.push(`end ${name} ${String(reason)}`));
      return pid;
    },
  });
  return { net, node, order, child };
}

/** Reasons of the end of a process. */
function watched({ processes }: LinkedNode, pid: Pid): Value[] {
  const reasons: Value[] = [];
  processes.monitor(pid, ({ reason }) => reasons.push(reason));
  return reasons;
}

async function crashing(self: Self): Promise<void> {
  await self.receive();
  throw new Error('crashed');
}

/** Ends by a kill only. */
async function trapping(self: Self): Promise<void> {
  self.trapExit(true);
  for await (const _ of self);
}

/** Told to exit, it takes so long to put things in order. */
function cleaning(net: LinkedNodes, order: string[], ms: number): (self: Self) => Promise<void> {
  return async (self) => {
    self.trapExit(true);
    const exit = await self.receive({ match: (message) => message instanceof Exit });
    order.push(`told ${(exit as Exit).reason}`);
    await new Promise<void>((resolve) => void net.time.after(ms, resolve));
    order.push('clean');
  };
}
