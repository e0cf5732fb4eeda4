/** Names over the service registry, and processes that are served under a name of a registry. */
import { describe, expect, test } from 'vitest';
import type { Pid } from '../../../src/core/pid.ts';
import { ServiceNames } from '../../../src/names/service-names.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import type { NameRegistry } from '../../../src/processes/name-registry.ts';
import type { Self, Value } from '../../../src/processes/processes.ts';
import type { ServiceEvent } from '../../../src/services/services.ts';
import { type NodeUnderTest, threeNodes } from '../services/node-under-test.ts';

describe('a name', () => {
  test('is held by one process of a node, until it is given back or that ends', async () => {
    const { a, time, within } = await threeNodes();
    const names = namesOf(a);
    const [first, second] = [a.processes.spawn(idle), a.processes.spawn(idle)];
    expect(await names.registerName('clerk', first)).toBe(true);
    expect(await names.registerName('clerk', second)).toBe(false);
    expect(await names.whereisName('clerk')).toBe(first);
    await names.unregisterName('clerk');
    await names.unregisterName('clerk');
    expect(await within(names.whereisName('clerk'))).toBeUndefined();
    expect(await names.registerName('clerk', second)).toBe(true);
    a.processes.exit(second, 'kill');
    await time.advance(1);
    expect(await within(names.whereisName('clerk'))).toBeUndefined();
  });

  test('is known on every node, and its holder of this node comes first', async () => {
    const { a, b, time } = await threeNodes();
    const far = b.processes.spawn(idle);
    await namesOf(b).registerName('clerk', far);
    await time.advance(10);
    expect(await namesOf(a).whereisName('clerk')).toBe(far);
    const near = a.processes.spawn(idle);
    expect(await namesOf(a).registerName('clerk', near)).toBe(true);
    expect(await namesOf(a).whereisName('clerk')).toBe(near);
  });

  test('that nobody has is known at once', async () => {
    const { a, time, within } = await threeNodes();
    const names = namesOf(a);
    const startedMs = time.monotonicMs();
    expect(await within(names.whereisName('none'))).toBeUndefined();
    const sent = within(names.send('none', 'hello'));
    await expect(sent).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
    expect(time.monotonicMs() - startedMs).toBeLessThan(50);
  });

  test('takes messages for its holder, wherever that is', async () => {
    const { a, b, time } = await threeNodes();
    const seen: Value[] = [];
    const clerk = b.processes.spawn(async (self) => {
      for await (const message of self) seen.push(message);
    });
    await namesOf(b).registerName('clerk', clerk);
    await time.advance(10);
    expect(await namesOf(a).send('clerk', 'hello')).toBe(clerk);
    await time.advance(10);
    expect(seen).toEqual(['hello']);
  });

  test('must be one, and its holder a process of this node that runs', async () => {
    const { a, b, time } = await threeNodes();
    const names = namesOf(a);
    const ended = a.processes.spawn(() => {});
    await time.advance(1);
    const wrong: (readonly [string, Pid, string])[] = [
      ['', a.processes.spawn(idle), 'ERR_OPTION'],
      ['clerk', b.processes.spawn(idle), 'ERR_OPTION'],
      ['clerk', ended, 'ERR_NO_PROCESS'],
    ];
    for (const [name, pid, code] of wrong) {
      await expect(names.registerName(name, pid)).rejects.toMatchObject({ code });
    }
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(names.whereisName('clerk', { signal: aborted })).rejects.toThrow('enough');
  });
});

describe('a process served via a registry', () => {
  test('has its name while it runs; all nodes hear why it lost it', async () => {
    const { a, b, time, within } = await threeNodes();
    const registry = namesOf(a);
    const events: ServiceEvent[] = [];
    for (const type of ['down', 'unregistered'] as const) {
      for (const { services } of [a, b]) services.on(type, (event) => events.push(event));
    }
    const pid = a.processes.serve({ add }, { via: { registry, name: 'sums' } });
    expect(await registry.whereisName('sums')).toBe(pid);
    await time.advance(10);
    const call = b.processes.call({ service: 'sums' }, methodCall('add', [1, 2]));
    expect(await within(call)).toBe(3);
    a.processes.exit(pid, 'tired');
    await time.advance(10);
    expect(await within(registry.whereisName('sums'))).toBeUndefined();
    const down = { type: 'down', name: 'sums', node: 'a@h', reason: 'tired' };
    expect(events).toEqual([down, down]);
  });

  test('ends when the name is taken, with a reason that says so', async () => {
    const { a, time } = await threeNodes();
    const via = { registry: namesOf(a), name: 'sums' };
    const first = a.processes.serve({ add }, { via });
    const reasons: Value[] = [];
    const second = a.processes.serve({ add }, { via });
    a.processes.monitor(second, ({ reason }) => reasons.push(reason));
    await time.advance(1);
    expect(reasons).toMatchObject([
      { message: 'name "sums" is taken', code: 'ERR_ALREADY_REGISTERED' },
    ]);
    expect(await via.registry.whereisName('sums')).toBe(first);
    expect(a.processes.isAlive(first)).toBe(true);
  });

  test('ends when the registry fails, with its error', async () => {
    const { a, time } = await threeNodes();
    const broken = slowRegistry(a);
    broken.registerName = () => Promise.reject(new RangeError('no such shelf'));
    const pid = a.processes.serve({ add }, { via: { registry: broken, name: 'sums' } });
    const reasons: Value[] = [];
    a.processes.monitor(pid, ({ reason }) => reasons.push(reason));
    await time.advance(1);
    expect(reasons).toMatchObject([{ name: 'RangeError', message: 'no such shelf' }]);
  });

  test('is given back by a registry of the user, slow as that may be', async () => {
    const { a, time } = await threeNodes();
    const registry = slowRegistry(a);
    const serve = (): Pid => a.processes.serve({ add }, { via: { registry, name: 'sums' } });
    const pid = serve();
    await time.advance(100);
    expect([...registry.holders]).toEqual([['sums', pid]]);
    a.processes.exit(pid, 'shutdown');
    await time.advance(100);
    expect([...registry.holders]).toEqual([]);
    // One that ends before it has the name gives it back, too.
    a.processes.exit(serve(), 'shutdown');
    await time.advance(100);
    expect([...registry.holders]).toEqual([]);
  });

  test('does not give back what another process has taken over', async () => {
    const { a, time } = await threeNodes();
    const registry = slowRegistry(a);
    const pid = a.processes.serve({ add }, { via: { registry, name: 'sums' } });
    await time.advance(100);
    const other = a.processes.spawn(idle);
    registry.holders.set('sums', other);
    a.processes.exit(pid, 'shutdown');
    await time.advance(100);
    expect([...registry.holders]).toEqual([['sums', other]]);
  });

  test('has its name again when a supervisor starts it again', async () => {
    const { a, b, time } = await threeNodes();
    const registry = namesOf(a);
    const start = (): Pid => a.processes.serve({ add }, { via: { registry, name: 'sums' } });
    a.processes.supervise([{ start }]);
    await time.advance(10);
    const first = (await registry.whereisName('sums')) as Pid;
    a.processes.exit(first, 'kill');
    await time.advance(10);
    const second = await registry.whereisName('sums');
    expect(second).toBeDefined();
    expect(second).not.toBe(first);
    expect(await namesOf(b).whereisName('sums')).toBe(second);
  });

  test('needs a registry and a name', async () => {
    const { a } = await threeNodes();
    const registry = namesOf(a);
    for (const via of [{}, { registry }, { registry: {}, name: 'x' }, { registry, name: 7 }, 7]) {
      expect(() => a.processes.serve({ add }, { via: via as never })).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION' }),
      );
    }
  });
});

function namesOf({ services, processes }: NodeUnderTest): NameRegistry {
  return new ServiceNames(services, processes);
}

/** A user's own registry, which takes 10 ms for everything. */
function slowRegistry({ member }: NodeUnderTest): NameRegistry & { holders: Map<string, Pid> } {
  const holders = new Map<string, Pid>();
  const later = (): Promise<void> =>
    new Promise((resolve) => void member.cluster.time.after(10, resolve));
  return {
    holders,
    registerName: async (name, pid) => {
      await later();
      if (holders.has(name)) return false;
      holders.set(name, pid);
      return true;
    },
    unregisterName: async (name) => {
      await later();
      holders.delete(name);
    },
    whereisName: async (name) => {
      await later();
      return holders.get(name);
    },
    send: () => Promise.reject(new Error('not asked for')),
  };
}

function add(x: number, y: number): number {
  return x + y;
}

async function idle(self: Self): Promise<void> {
  await self.receive();
}
