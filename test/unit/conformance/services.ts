/** The scenarios of the registry, names, proxies and service events, on any transport. */
import { describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../src/barrel-node.ts';
import type { Pid } from '../../../src/core/pid.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import type { ServiceEvent, ServiceFilter } from '../../../src/services/services.ts';
import { startServiceHolder } from '../../../src/testing/service-holder.ts';
import { collect, holder, type OpenWorld, watch, worldOf } from './world.ts';

/** Registers the suite under that name. */
export function serviceConformance(name: string, open: OpenWorld): void {
  describe(name, () => {
    const world = worldOf(open);
    registryTests(world);
    whereisTests(world);
    nameTests(world);
    proxyTests(world);
    eventTests(world);
  });
}

function registryTests(world: ReturnType<typeof worldOf>): void {
  test('a process is registered with meta, found and listed, until it is withdrawn (R1, R4, R5, R6, R7)', async () => {
    const { a } = world();
    const pid = holder(a);
    await a.services.register('orders', pid, { meta: { load: 1 } });
    await a.services.register('prices', pid);
    expect(a.services.lookup('orders')).toEqual([
      { name: 'orders', node: a.name, pid, meta: { load: 1 } },
    ]);
    expect(a.services.lookupLocal('orders')).toBe(pid);
    expect(a.services.list()).toEqual(['orders', 'prices']);
    expect([a.services.lookup('none'), a.services.lookupLocal('none')]).toEqual([[], undefined]);
    await a.services.unregister('orders');
    expect([a.services.lookup('orders'), a.services.lookupLocal('orders')]).toEqual([
      [],
      undefined,
    ]);
  });

  test('a name is held once on a node, by whichever process (R3)', async () => {
    const { a } = world();
    const pid = holder(a);
    await a.services.register('orders', pid);
    for (const other of [pid, holder(a)]) {
      const again = a.services.register('orders', other);
      await expect(again).rejects.toMatchObject({ code: 'ERR_ALREADY_REGISTERED' });
    }
  });

  test('an entry is gone within 100 ms of the end of its process, however that ends (R2, R8)', async () => {
    const { a, b, advance, until } = world();
    const ends: readonly ((pid: Pid) => void)[] = [
      (pid) => void a.processes.send(pid, 'return'),
      (pid) => a.processes.exit(pid, 'broken'),
      (pid) => a.processes.exit(pid, 'kill'),
    ];
    for (const [index, end] of ends.entries()) {
      const [name, pid] = [`s${index}`, holder(a)];
      await a.services.register(name, pid);
      expect(a.services.lookupLocal(name)).toBe(pid);
      await until(() => b.services.lookup(name).length === 1);
      end(pid);
      await advance(100);
      expect([a.services.lookup(name), b.services.lookup(name)]).toEqual([[], []]);
    }
  });

  test('ten quick rounds of registering and ending leave nothing registered (R17)', async () => {
    const { a, b, advance } = world();
    for (let round = 0; round < 10; round += 1) {
      const pid = holder(a);
      await a.services.register('quick', pid);
      a.processes.exit(pid, 'kill');
    }
    await advance(100);
    expect([a.services.list(), b.services.list()]).toEqual([[], []]);
  });

  test('fifty registrations at once are all listed, on both nodes (R18)', async () => {
    const { a, b, until } = world();
    const pid = holder(a);
    const names = Array.from({ length: 50 }, (_, i) => `s${String(i).padStart(2, '0')}`);
    await Promise.all(names.map((name) => a.services.register(name, pid)));
    expect(a.services.list()).toEqual(names);
    await until(() => b.services.list().length === 50);
    expect(b.services.list()).toEqual(names);
  });

  test('five workers at random leave a registry that works, and nodes that agree (R19)', async () => {
    const { a, b, until } = world();
    const work = async (node: BarrelNode, worker: number): Promise<void> => {
      for (let i = 0; i < 20; i += 1) {
        const name = `w${(i * 7 + worker * 3) % 5}`;
        if (node.services.lookupLocal(name) === undefined) {
          await startServiceHolder(node, name).catch(() => {});
        } else await node.services.unregister(name);
        node.services.lookup(name);
      }
    };
    await Promise.all([a, b, a, b, a].map(work));
    await startServiceHolder(a, 'last');
    const listed = ({ services }: BarrelNode): string[] =>
      services.list().flatMap((name) => services.lookup(name).map(({ pid }) => `${name} ${pid}`));
    await until(() => listed(a).sort().join() === listed(b).sort().join());
    expect(b.services.lookup('last')).toHaveLength(1);
  });

  test('an instance of this node comes first among several of one name (R16)', async () => {
    const { a, b, until } = world();
    for (const node of [a, b]) await startServiceHolder(node, 'shared');
    for (const node of [a, b]) {
      await until(() => node.services.lookup('shared').length === 2);
      expect(node.services.lookup('shared')[0]).toMatchObject({ node: node.name });
      expect(await node.services.whereis('shared')).toMatchObject({ node: node.name });
    }
  });
}

function whereisTests(world: ReturnType<typeof worldOf>): void {
  test('a local service is found at once, whatever the retries (R9)', async () => {
    const at = world();
    const pid = await startServiceHolder(at.a, 'orders');
    const startedMs = at.nowMs;
    expect(await at.settled(at.a.services.whereis('orders', { retries: 5 }))).toMatchObject({
      pid,
    });
    expect(at.nowMs - startedMs).toBeLessThan(50);
  });

  test('that nobody has a name is known as soon as the retries allow (R10, R11)', async () => {
    const at = world();
    const tookMs: number[] = [];
    for (const retries of [0, 1, 2]) {
      const startedMs = at.nowMs;
      const search = at.a.services.whereis('none', { retries });
      expect(await at.settled(search)).toBeUndefined();
      tookMs.push(at.nowMs - startedMs);
    }
    const [none = 0, one = 0, two = 0] = tookMs;
    expect(none).toBeLessThan(50);
    expect(one).toBeGreaterThanOrEqual(100);
    expect(one).toBeLessThan(500);
    expect(two).toBeGreaterThan(Math.max(150, one));
    const startedMs = at.nowMs;
    expect(await at.settled(at.a.services.whereis('none'))).toBeUndefined();
    expect(at.nowMs - startedMs).toBeLessThan(8_000);
  });

  test('a holder on another node is found, and its proxy lives here (R20)', async () => {
    const { a, b, until, settled } = world();
    const pid = await startServiceHolder(b, 'far');
    await until(() => a.services.lookup('far').length === 1, 5_000);
    expect(await a.services.whereis('far')).toMatchObject({ node: b.name, pid });
    const proxy = await settled(a.services.proxy('far'));
    expect(proxy.node).toBe(a.name);
    expect(a.services.getProxy('far')).toBe(proxy);
  });
}

function nameTests(world: ReturnType<typeof worldOf>): void {
  test('a free name is given, a taken one is not, and one given back is free (V1, V2)', async () => {
    const { a, settled } = world();
    const pid = holder(a);
    expect(await settled(a.names.whereisName('clerk'))).toBeUndefined();
    expect(await a.names.registerName('clerk', pid)).toBe(true);
    expect(await a.names.registerName('clerk', pid)).toBe(false);
    expect(await a.names.whereisName('clerk')).toBe(pid);
    await a.names.unregisterName('clerk');
    expect(await settled(a.names.whereisName('clerk'))).toBeUndefined();
  });

  test('a message to a name reaches its holder; to none it is an error (V3, V4)', async () => {
    const { a, b, until, settled } = world();
    const { pid, messages } = collect(b);
    await b.names.registerName('clerk', pid);
    await until(() => a.services.lookup('clerk').length === 1);
    expect(await settled(a.names.send('clerk', 'hello'))).toBe(pid);
    await until(() => messages.length === 1, 1_000);
    const none = settled(a.names.send('none', 'hello'));
    await expect(none).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
  });

  test('an object served via a name is called by it, until it ends (V5)', async () => {
    const { a, b, until, settled } = world();
    const via = { registry: b.names, name: 'sums' };
    const pid = b.processes.serve({ add: (x: number, y: number) => x + y }, { via });
    await until(() => a.services.lookup('sums').length === 1);
    expect(await settled(a.processes.call({ service: 'sums' }, methodCall('add', [1, 2])))).toBe(3);
    b.processes.exit(pid, 'shutdown');
    await until(() => a.services.lookup('sums').length === 0);
    for (const { names } of [a, b]) {
      expect(await settled(names.whereisName('sums'))).toBeUndefined();
    }
  });
}

function proxyTests(world: ReturnType<typeof worldOf>): void {
  test('there is no proxy of a service that nobody has (V7)', async () => {
    const { a, settled } = world();
    expect(a.services.getProxy('none')).toBeUndefined();
    await expect(settled(a.services.proxy('none'))).rejects.toMatchObject({
      code: 'ERR_NOT_FOUND',
    });
  });

  test('a proxy ends within a second of its service, and of no other one (V8)', async () => {
    const { a, b, until, settled, advance } = world();
    const [pid, other] = [await startServiceHolder(b, 'far'), await startServiceHolder(b, 'other')];
    await until(() => a.services.list().length === 2);
    const proxy = await settled(a.services.proxy('far'));
    const downs = watch(a, proxy);
    b.processes.exit(other, 'kill');
    await advance(200);
    expect(downs).toEqual([]);
    b.processes.exit(pid, 'kill');
    await until(() => downs.length === 1, 1_000);
    expect(downs).toMatchObject([{ reason: 'noproc' }]);
    expect(a.services.getProxy('far')).toBeUndefined();
  });

  test('a proxy passes on calls and messages, and gives failures back as they are', async () => {
    const { a, b, until, settled } = world();
    const { pid, messages } = collect(b);
    await b.services.register('sink', pid);
    await b.services.register('sums', {
      add: (x: number, y: number) => x + y,
      fail: () => {
        throw new RangeError('no');
      },
    });
    await until(() => a.services.list().length === 2);
    const [sink, sums] = [
      await settled(a.services.proxy('sink')),
      await settled(a.services.proxy('sums')),
    ];
    for (let i = 0; i < 100; i += 1) a.processes.send(sink, i);
    await until(() => messages.length === 100);
    expect(messages).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(await settled(a.processes.call(sums, methodCall('add', [1, 2])))).toBe(3);
    const failed = settled(a.processes.call(sums, methodCall('fail', [])));
    const remote = { name: 'RangeError', message: 'no' };
    await expect(failed).rejects.toMatchObject({ code: 'ERR_REMOTE', remote });
  });
}

function eventTests(world: ReturnType<typeof worldOf>): void {
  test('both listeners of both nodes hear of a registration and its end (E1, E6)', async () => {
    const { a, b, until } = world();
    const heard = [a, a, b, b].map((node) => listen(node));
    const pid = await startServiceHolder(a, 'orders');
    await until(() => heard.every((events) => events.length === 1), 1_000);
    await a.services.unregister('orders');
    await until(() => heard.every((events) => events.length === 2), 1_000);
    const node = a.name;
    for (const events of heard) {
      expect(events).toEqual([
        { type: 'registered', name: 'orders', node, pid },
        { type: 'unregistered', name: 'orders', node },
      ]);
    }
  });

  test('a handle that is disposed hears nothing more (E2)', async () => {
    const { a, advance } = world();
    const events: ServiceEvent[] = [];
    const handle = a.services.on('registered', (event) => events.push(event));
    handle[Symbol.dispose]();
    await startServiceHolder(a, 'orders');
    await advance(200);
    expect(events).toEqual([]);
  });

  test('a filter lets through one name, or all that begin alike (E3, E4)', async () => {
    const { a, b, until } = world();
    const [byName, byPrefix] = [listen(b, { name: 'test_x' }), listen(b, { prefix: 'test_' })];
    for (const name of ['prod_x', 'test_y', 'test_x']) await startServiceHolder(a, name);
    await until(() => byPrefix.length === 2);
    expect(byName.map(({ name }) => name)).toEqual(['test_x']);
    expect(byPrefix.map(({ name }) => name)).toEqual(['test_y', 'test_x']);
  });

  test('the end of a registered process is told once, with its reason, on every node (E5)', async () => {
    const { a, b, until, advance } = world();
    const heard = [a, b].map((node) => listen(node));
    const pid = await startServiceHolder(a, 'orders');
    await until(() => heard.every((events) => events.length === 1));
    a.processes.exit(pid, 'tired');
    await until(() => heard.every((events) => events.length === 2), 1_000);
    await advance(200);
    const down = { type: 'down', name: 'orders', node: a.name, reason: 'tired' };
    for (const events of heard) expect(events.slice(1)).toEqual([down]);
  });

  test('a listener that throws takes nothing from the others (E7)', async () => {
    const { a, until } = world();
    a.services.on('registered', () => {
      throw new Error('broken');
    });
    const heard = listen(a);
    await startServiceHolder(a, 'orders');
    await startServiceHolder(a, 'prices');
    await until(() => heard.length === 2);
  });
}

/** All events, of those that the filter names. */
function listen({ services }: BarrelNode, filter?: ServiceFilter): ServiceEvent[] {
  const heard: ServiceEvent[] = [];
  for (const type of ['registered', 'updated', 'unregistered', 'down'] as const) {
    services.on(type, (event) => heard.push(event), filter);
  }
  return heard;
}
