import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pidOf } from '../../../src/core/pid.ts';
import { SERVICE_DOWNS_KEPT_MAX, SMALL_VALUE_BYTES_MAX } from '../../../src/limits.ts';
import { keyOfService } from '../../../src/services/service-name.ts';
import type { Registration, ServiceEvent } from '../../../src/services/services.ts';
import { type NodeUnderTest, startNode } from './node-under-test.ts';
import { SmallCluster } from './small-cluster.ts';

describe('registering on one node', () => {
  test('a process is found under its name until it ends (F12)', async () => {
    const { a, time } = await oneNode();
    const pid = holder(a);
    const registration = await a.services.register('orders', pid, { meta: { version: 1 } });
    expect([registration.name, registration.pid]).toEqual(['orders', pid]);
    expect(a.services.lookupLocal('orders')).toBe(pid);
    expect(a.services.lookup('orders')).toEqual([
      { name: 'orders', node: 'a@h', pid, meta: { version: 1 } },
    ]);
    a.processes.exit(pid, 'kill');
    await time.advance(100);
    expect([a.services.lookupLocal('orders'), a.services.list()]).toEqual([undefined, []]);
  });

  test('what is not registered is not found', async () => {
    const { a } = await oneNode();
    expect(a.services.lookup('none')).toEqual([]);
    expect(a.services.lookupLocal('none')).toBeUndefined();
    await a.services.unregister('none');
  });

  test('a name is taken once on a node, whoever asks (F17)', async () => {
    const { a } = await oneNode();
    const pid = holder(a);
    await a.services.register('orders', pid);
    for (const target of [pid, holder(a), { method: () => 1 }]) {
      await expect(a.services.register('orders', target)).rejects.toMatchObject({
        code: 'ERR_ALREADY_REGISTERED',
      });
    }
    await a.services.unregister('orders');
    expect(a.services.lookupLocal('orders')).toBeUndefined();
    await a.services.register('orders', pid);
  });

  test('a process may hold several names, all listed in order', async () => {
    const { a } = await oneNode();
    const pid = holder(a);
    await a.services.register('beta', pid);
    await a.services.register('alpha', pid);
    expect(a.services.list()).toEqual(['alpha', 'beta']);
  });

  test('names, targets and meta are checked', async () => {
    const { a } = await oneNode();
    const pid = holder(a);
    const meta = { text: 'x'.repeat(SMALL_VALUE_BYTES_MAX) };
    const refused = [
      [a.services.register('', pid), 'ERR_OPTION'],
      [a.services.register('a\nb', pid), 'ERR_OPTION'],
      [a.services.register('s', pidOf('b@h', 1n, 1)), 'ERR_OPTION'],
      [a.services.register('s', pidOf('a@h', a.self.incarnation, 999)), 'ERR_NO_PROCESS'],
      [a.services.register('s', pid, { meta }), 'ERR_VALUE'],
      [a.services.register('s', { m: () => 1 }, { meta }), 'ERR_VALUE'],
      [a.services.register('s', { m: () => 1 }, { only: ['other'] }), 'ERR_OPTION'],
    ] as const;
    for (const [promise, code] of refused) await expect(promise).rejects.toMatchObject({ code });
    expect(a.services.list()).toEqual([]);
  });

  test('ten quick rounds of registering and ending leave nothing behind (F15)', async () => {
    const { a, time } = await oneNode();
    for (let round = 0; round < 10; round += 1) {
      const pid = holder(a);
      await a.services.register('quick', pid);
      a.processes.exit(pid, 'kill');
      await time.advance(10);
    }
    expect(a.services.lookup('quick')).toEqual([]);
  });

  test('fifty registrations at once are all listed (F16)', async () => {
    const { a } = await oneNode();
    const names = Array.from({ length: 50 }, (_, index) => `service ${index}`);
    await Promise.all(names.map((name) => a.services.register(name, holder(a))));
    expect(a.services.list()).toEqual([...names].sort());
  });

  test('a registration outlives neither its disposal nor its replacement', async () => {
    const { a, time } = await oneNode();
    const registration = await a.services.register('orders', holder(a));
    await registration.update({ load: 2 });
    expect(a.services.lookup('orders')[0]?.meta).toEqual({ load: 2 });
    await registration[Symbol.asyncDispose]();
    const next = await a.services.register('orders', holder(a));
    await expect(registration.update({})).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
    await registration[Symbol.asyncDispose]();
    await time.advance(10);
    expect(a.services.lookupLocal('orders')).toBe(next.pid);
  });

  test('a stale registration neither changes nor ends a newer one of the same process', async () => {
    const { a } = await oneNode();
    const pid = holder(a);
    const stale = await a.services.register('orders', pid);
    await a.services.unregister('orders');
    await a.services.register('orders', pid, { meta: { newer: true } });
    await expect(stale.update({})).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
    await stale[Symbol.asyncDispose]();
    expect(a.services.lookup('orders')).toMatchObject([{ pid, meta: { newer: true } }]);
  });

  test('retries, select and time-outs are checked', async () => {
    const { a } = await oneNode();
    const wrong = [
      { retries: -1 },
      { retries: 1.5 },
      { retries: 101 },
      { retries: Number.NaN },
      { select: 'near' as never },
    ];
    const bad = expect.objectContaining({ code: 'ERR_OPTION' });
    for (const options of wrong) {
      await expect(a.services.whereis('orders', options)).rejects.toEqual(bad);
      expect(() => a.services.client('orders', options)).toThrow(bad);
    }
    expect(() => a.services.client('orders', { timeoutMs: Number.NaN })).toThrow(bad);
    expect(await a.services.whereis('orders', { retries: 0, select: () => undefined })).toBe(
      undefined,
    );
  });

  test('once everything is withdrawn nothing is registered any more', async () => {
    const { a } = await oneNode();
    const pid = holder(a);
    a.services.withdrawAll();
    await expect(a.services.register('late', pid)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await expect(a.services.register('late', {})).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(await a.services.whereis('late', { retries: 0 })).toBeUndefined();
  });

  test('meta is cut off from the object it was given as', async () => {
    const { a } = await oneNode();
    const meta = { tags: ['a'] };
    await a.services.register('orders', holder(a), { meta });
    meta.tags.push('b');
    expect(a.services.lookup('orders')[0]?.meta).toEqual({ tags: ['a'] });
  });

  test('a served object ends with its registration', async () => {
    const { a, time } = await oneNode();
    const { pid } = await a.services.register('echo', { say: (text: string) => text });
    const own = holder(a);
    await a.services.register('own', own);
    await a.services.unregister('echo');
    await a.services.unregister('own');
    await time.advance(10);
    expect([a.processes.isAlive(pid), a.processes.isAlive(own)]).toEqual([false, true]);
  });

  test('each change is one event', async () => {
    const { a, time } = await oneNode();
    const events = record(a);
    const pid = holder(a);
    const registration = await a.services.register('orders', pid);
    await registration.update({ load: 1 });
    await a.services.unregister('orders');
    await a.services.register('orders', pid);
    a.processes.exit(pid, 'broken');
    await time.advance(100);
    expect(events).toEqual([
      { type: 'registered', name: 'orders', node: 'a@h', pid },
      { type: 'updated', name: 'orders', node: 'a@h', pid },
      { type: 'unregistered', name: 'orders', node: 'a@h' },
      { type: 'registered', name: 'orders', node: 'a@h', pid },
      { type: 'down', name: 'orders', node: 'a@h', reason: 'broken' },
    ]);
  });

  test('a name is free for whoever sees its holder end', async () => {
    const { a, time } = await oneNode();
    const events = record(a);
    const [first, second] = [holder(a), holder(a)];
    const taken: Promise<unknown>[] = [];
    a.processes.monitor(first, () => taken.push(a.services.register('orders', second)));
    await a.services.register('orders', first);
    a.processes.exit(first, 'broken');
    await time.advance(1);
    await Promise.all(taken);
    expect(a.services.lookupLocal('orders')).toBe(second);
    expect(events.map(({ type }) => type)).toEqual(['registered', 'down', 'registered']);
  });

  test('closing withdraws everything and fails what waits', async () => {
    const { a, time } = await oneNode();
    const { pid } = await a.services.register('echo', { say: () => 1 });
    const waiting = a.services.whereis('none', { retries: 10 });
    const failed = expect(waiting).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    a.services.close();
    a.services.close();
    await time.advance(10);
    await failed;
    expect(a.services.list()).toEqual([]);
    expect(a.processes.isAlive(pid)).toBe(true);
    await expect(a.services.register('s', pid)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('whereis', () => {
  test('a local service is found at once (F2)', async () => {
    const { a } = await oneNode();
    const pid = holder(a);
    await a.services.register('orders', pid);
    expect(await a.services.whereis('orders', { retries: 5 })).toMatchObject({ pid });
  });

  test('an unknown name takes as long as its retries (F1, F3, F4, F5)', async () => {
    for (const [retries, leastMs, mostMs] of [
      [0, 0, 50],
      [1, 100, 500],
      [2, 300, 500],
      [undefined, 700, 1_051],
    ] as const) {
      const { a, time } = await oneNode();
      let foundAtMs: number | undefined;
      void a.services.whereis('none', { retries }).then((entry) => {
        expect(entry).toBeUndefined();
        foundAtMs = time.monotonicMs();
      });
      await time.runUntil(() => foundAtMs !== undefined, 8_000);
      expect(foundAtMs).toBeGreaterThanOrEqual(leastMs);
      expect(foundAtMs).toBeLessThan(mostMs);
    }
  });

  test('a service that appears meanwhile is found', async () => {
    const { a, b, time } = await twoNodes();
    const found = a.services.whereis('late');
    await time.advance(50);
    const { pid } = await b.services.register('late', holder(b));
    await time.advance(200);
    expect(await found).toMatchObject({ node: 'b@h', pid });
  });

  test('an abort rejects with its reason', async () => {
    const { a } = await oneNode();
    const controller = new AbortController();
    const waiting = a.services.whereis('none', { signal: controller.signal });
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  test('select decides among the instances', async () => {
    const { a, b, time } = await twoNodes();
    await a.services.register('s', holder(a));
    await b.services.register('s', holder(b));
    await time.advance(10);
    expect(await a.services.whereis('s')).toMatchObject({ node: 'a@h' });
    expect(await b.services.whereis('s')).toMatchObject({ node: 'b@h' });
    const last = await a.services.whereis('s', { select: (entries) => entries.at(-1) });
    expect(last).toMatchObject({ node: 'b@h' });
  });
});

describe('between nodes', () => {
  test('every node knows every service, a late one too (F10)', async () => {
    const { a, b, cluster, time } = await twoNodes();
    const { pid } = await a.services.register('orders', holder(a), { meta: { zone: 1 } });
    await b.services.register('ledger', holder(b));
    await time.advance(10);
    const c = startNode(cluster, 'c@h');
    await time.advance(10);
    for (const node of [a, b, c]) expect(node.services.list()).toEqual(['ledger', 'orders']);
    expect(c.services.lookup('orders')).toEqual([
      { name: 'orders', node: 'a@h', pid, meta: { zone: 1 } },
    ]);
    expect(c.services.lookupLocal('orders')).toBeUndefined();
  });

  test('a look-up lists the own instance once and first', async () => {
    const { a, b, time } = await twoNodes();
    await b.services.register('s', holder(b));
    await a.services.register('s', holder(a));
    await time.advance(10);
    expect(a.services.lookup('s').map(({ node }) => node)).toEqual(['a@h', 'b@h']);
    expect(b.services.lookup('s').map(({ node }) => node)).toEqual(['b@h', 'a@h']);
  });

  test('other nodes get each event once, with the reason of the end', async () => {
    const { a, b, time } = await twoNodes();
    const events = record(a);
    const pid = holder(b);
    const registration = await b.services.register('orders', pid);
    await time.advance(10);
    await registration.update({ load: 1 });
    await time.advance(10);
    b.processes.exit(pid, { code: 7 });
    await time.advance(120_000);
    expect(events).toEqual([
      { type: 'registered', name: 'orders', node: 'b@h', pid },
      { type: 'updated', name: 'orders', node: 'b@h', pid },
      { type: 'down', name: 'orders', node: 'b@h', reason: { code: 7 } },
    ]);
    expect(a.services.lookup('orders')).toEqual([]);
  });

  test('other nodes see what is unregistered as unregistered', async () => {
    const { a, b, time } = await twoNodes();
    const events = record(a);
    await b.services.register('orders', { list: () => [] });
    await time.advance(10);
    await b.services.unregister('orders');
    await time.advance(10);
    expect(events.map(({ type }) => type)).toEqual(['registered', 'unregistered']);
  });

  test('a name taken anew after an end is one event more', async () => {
    const { a, b, time } = await twoNodes();
    const events = record(a);
    const first = holder(b);
    await b.services.register('orders', first);
    await time.advance(10);
    b.processes.exit(first, 'kill');
    await time.advance(10);
    const { pid } = await b.services.register('orders', holder(b));
    await time.advance(120_000);
    expect(events.map(({ type }) => type)).toEqual(['registered', 'down', 'registered']);
    expect(a.services.lookup('orders')).toMatchObject([{ pid }]);
  });

  test('a node that is gone takes its services along (F13, R15)', async () => {
    const { a, b, cluster, time } = await twoNodes();
    await b.services.register('orders', holder(b));
    await b.services.register('ledger', holder(b));
    await time.advance(10);
    const events = record(a);
    cluster.crash(b.member);
    expect(a.services.list()).toEqual([]);
    const down = { type: 'down', node: 'b@h', reason: 'noconnection' };
    expect(events).toEqual([
      { ...down, name: 'orders' },
      { ...down, name: 'ledger' },
    ]);
  });

  test('entries of a node that is not alive are hidden', async () => {
    const { a, time } = await twoNodes();
    const stranger = { node: 'x@h', incarnation: 1n };
    a.member.table.receive(stranger, keyOfService('s'), new Uint8Array([1, 5, 0x80]));
    await time.advance(10);
    expect([a.services.lookup('s'), a.services.list()]).toEqual([[], []]);
  });

  test('entries that make no sense are counted and change nothing else (R14)', async () => {
    const { a, b, time } = await twoNodes();
    const events = record(a);
    const bad = [[], [9], [1], [1, 0, 0x80], [1, 5, 0x90], [2, 5], [1, 5, 0x80, 0]];
    for (const [index, bytes] of bad.entries()) {
      a.member.table.receive(b.self, keyOfService(`s${index}`), new Uint8Array(bytes));
    }
    expect(a.services.list()).toEqual([]);
    expect(events).toEqual([]);
    const sample = 'barrel_services_invalid_entries_total';
    expect(a.member.meter.snapshot()[sample]).toBe(bad.length);
    await a.services.register('works', holder(a));
    await time.advance(1);
    expect(a.services.list()).toEqual(['works']);
  });

  test('the ends that the table tells of are bounded', async () => {
    const { a, b, time } = await twoNodes();
    const count = SERVICE_DOWNS_KEPT_MAX + 10;
    for (let index = 0; index < count; index += 1) {
      const pid = holder(b);
      await b.services.register(`s${index}`, pid);
      b.processes.exit(pid, 'kill');
      await time.advance(1);
    }
    await time.advance(10);
    expect(b.member.table.standing).toBe(SERVICE_DOWNS_KEPT_MAX);
    await time.advance(60_000);
    expect(b.member.table.standing).toBe(0);
    expect(a.services.list()).toEqual([]);
  });

  test('a restarted node replaces what its former start had', async () => {
    const { a, b, cluster, time } = await twoNodes();
    await b.services.register('orders', holder(b));
    await time.advance(10);
    const events = record(a);
    cluster.crash(b.member);
    const again = startNode(cluster, 'b@h');
    const { pid } = await again.services.register('orders', holder(again));
    await time.advance(10);
    expect(events.map(({ type }) => type)).toEqual(['down', 'registered']);
    expect(a.services.lookup('orders')).toMatchObject([{ node: 'b@h', pid }]);
  });
});

describe('any course of registering, updating, unregistering and ending', () => {
  test('leaves all nodes with the same services, and events that add up to them (F18)', async () => {
    const action = fc.record({
      node: fc.constantFrom('a@h', 'b@h', 'c@h'),
      name: fc.constantFrom('s', 't'),
      kind: fc.constantFrom('register', 'update', 'unregister', 'end', 'crash'),
      pauseMs: fc.integer({ min: 0, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        const world = new World();
        for (const { node, name, kind, pauseMs } of actions) {
          await world.act(node, name, kind);
          await world.cluster.time.advance(pauseMs);
        }
        await world.cluster.time.advance(10);
        expect(world.faults).toEqual([]);
        for (const node of world.nodes.values()) {
          for (const name of ['s', 't']) {
            const pids = node.services.lookup(name).map(({ pid }) => pid.toString());
            expect(pids.sort()).toEqual(world.expected(name));
          }
          expect(world.told(node)).toEqual([...world.expected('s'), ...world.expected('t')]);
        }
      }),
      { numRuns: 60 },
    );
  });
});

/** Three nodes, what they should know, and what their events add up to. */
class World {
  readonly cluster = new SmallCluster();
  readonly nodes = new Map<string, NodeUnderTest>();
  /** Events that do not fit those before them. */
  readonly faults: unknown[] = [];
  readonly #told = new Map<NodeUnderTest, Map<string, string>>();
  readonly #held = new Map<string, Registration>();

  constructor() {
    for (const name of ['a@h', 'b@h', 'c@h']) this.#start(name);
  }

  async act(nodeName: string, name: string, kind: string): Promise<void> {
    const node = this.nodes.get(nodeName);
    const key = `${name} ${nodeName}`;
    const held = this.#held.get(key);
    if (node === undefined) return;
    if (kind === 'crash') {
      for (const other of ['s', 't']) this.#held.delete(`${other} ${nodeName}`);
      this.cluster.crash(node.member);
      this.#start(nodeName);
    } else if (kind === 'register' && held === undefined) {
      this.#held.set(key, await node.services.register(name, holder(node)));
    } else if (kind === 'update') {
      await held?.update({ count: this.cluster.time.monotonicMs() });
    } else if (held !== undefined && kind !== 'register') {
      this.#held.delete(key);
      if (kind === 'unregister') await node.services.unregister(name);
      else node.processes.exit(held.pid, 'kill');
      await this.cluster.time.advance(0);
    }
  }

  expected(name: string): readonly string[] {
    const held = [...this.#held.values()].filter((registration) => registration.name === name);
    return held.map(({ pid }) => pid.toString()).sort();
  }

  told(node: NodeUnderTest): readonly string[] {
    const entries = [...(this.#told.get(node) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    return entries.map(([, pid]) => pid);
  }

  #start(name: string): void {
    const node = startNode(this.cluster, name);
    const told = new Map<string, string>();
    const gone = (event: { readonly name: string; readonly node: string }): void => {
      if (!told.delete(`${event.name} ${event.node}`)) this.faults.push(event);
    };
    node.services.on('registered', (event) => {
      const key = `${event.name} ${event.node}`;
      if (told.has(key)) this.faults.push(event);
      told.set(key, event.pid.toString());
    });
    node.services.on('updated', (event) => {
      const known = told.get(`${event.name} ${event.node}`);
      if (known !== event.pid.toString()) this.faults.push(event);
    });
    node.services.on('unregistered', gone);
    node.services.on('down', gone);
    this.nodes.set(name, node);
    this.#told.set(node, told);
  }
}

/** A process that lives until it is told to end. */
function holder(node: NodeUnderTest): ReturnType<NodeUnderTest['processes']['spawn']> {
  return node.processes.spawn((self) => self.receive());
}

function record(node: NodeUnderTest): readonly ServiceEvent[] {
  const events: ServiceEvent[] = [];
  for (const type of ['registered', 'updated', 'unregistered', 'down'] as const) {
    node.services.on(type, (event) => events.push(event));
  }
  return events;
}

async function oneNode(): Promise<{
  readonly a: NodeUnderTest;
  readonly time: SmallCluster['time'];
}> {
  const cluster = new SmallCluster();
  return { a: startNode(cluster, 'a@h'), time: cluster.time };
}

async function twoNodes(): Promise<{
  readonly a: NodeUnderTest;
  readonly b: NodeUnderTest;
  readonly cluster: SmallCluster;
  readonly time: SmallCluster['time'];
}> {
  const cluster = new SmallCluster();
  const a = startNode(cluster, 'a@h');
  const b = startNode(cluster, 'b@h');
  await cluster.time.advance(10);
  return { a, b, cluster, time: cluster.time };
}
