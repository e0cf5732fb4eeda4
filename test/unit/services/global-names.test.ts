/** Names that one node of a cluster holds, on whole simulated nodes. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../src/index.ts';
import { startServiceHolder, stopServiceHolder } from '../../../src/testing/index.ts';
import { type ClusterUnderTest, clusterOf } from '../leaders/clusters.ts';

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
});

async function cluster(...args: Parameters<typeof clusterOf>): Promise<ClusterUnderTest> {
  const under = await clusterOf(...args);
  open.push(under);
  return under;
}

/** Whom all of them name as the holder; undefined where they differ or name nobody. */
function holderOf(nodes: readonly BarrelNode[]): string | undefined {
  const names = new Set(nodes.map((node) => node.services.globalWhereis('orders')?.node));
  const [name] = names;
  return names.size === 1 ? name : undefined;
}

const ALREADY = { code: 'ERR_ALREADY_REGISTERED' };

describe('one node', () => {
  test('registers its own service globally, without a proxy (V6)', async () => {
    const { sim, nodes } = await cluster(1, 31);
    const node = nodes[0] as BarrelNode;
    const pid = await sim.settled(startServiceHolder(node, 'orders'));
    expect(await sim.settled(node.services.globalRegister('orders'))).toBe(pid);
    expect(node.services.globalWhereis('orders')).toBe(pid);
    expect(node.services.getProxy('orders')).toBeUndefined();
    await expect(node.services.globalRegister('orders')).rejects.toMatchObject(ALREADY);
  });

  test('finds nothing under an unknown name (V7)', async () => {
    const { sim, nodes } = await cluster(1, 32);
    const { services } = nodes[0] as BarrelNode;
    const registering = services.globalRegister('orders');
    registering.catch(() => {});
    await expect(sim.settled(registering)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
    expect(services.globalWhereis('orders')).toBeUndefined();
    expect(services.getProxy('orders')).toBeUndefined();
    await services.globalUnregister('orders');
  });

  test('refuses wrong names and options', async () => {
    const { sim, nodes } = await cluster(1, 33);
    const { services } = nodes[0] as BarrelNode;
    await sim.settled(startServiceHolder(nodes[0] as BarrelNode, 'orders'));
    const refused = { code: 'ERR_OPTION' };
    await expect(services.globalRegister('')).rejects.toMatchObject(refused);
    await expect(services.globalRegister('orders', { timeoutMs: -1 })).rejects.toMatchObject(
      refused,
    );
    expect(services.globalWhereis('orders')).toBeUndefined();
    await services.globalRegister('orders');
  });

  test('gives the name up when it unregisters it, and when its process ends', async () => {
    const { sim, nodes } = await cluster(1, 34);
    const node = nodes[0] as BarrelNode;
    const pid = await sim.settled(startServiceHolder(node, 'orders'));
    await sim.settled(node.services.globalRegister('orders'));
    await sim.settled(node.services.globalUnregister('orders'));
    expect(node.services.globalWhereis('orders')).toBeUndefined();
    expect(node.services.lookupLocal('orders')).toBe(pid);
    await sim.settled(node.services.globalRegister('orders'));
    await sim.settled(stopServiceHolder(node, pid));
    await sim.until(() => node.services.globalWhereis('orders') === undefined, 1_000);
    const next = await sim.settled(startServiceHolder(node, 'orders'));
    expect(await sim.settled(node.services.globalRegister('orders'))).toBe(next);
  });
});

describe('several nodes', () => {
  test('hold a name once: who comes second is refused, and has no claim left', async () => {
    const { sim, nodes } = await cluster(3, 35);
    const [a, b] = nodes as [BarrelNode, BarrelNode, BarrelNode];
    const pid = await sim.settled(startServiceHolder(b, 'orders'));
    await sim.settled(startServiceHolder(a, 'orders'));
    expect(await sim.settled(b.services.globalRegister('orders'))).toBe(pid);
    await sim.until(() => holderOf(nodes) === 'b@sim', 1_000);
    await expect(a.services.globalRegister('orders')).rejects.toMatchObject(ALREADY);
    await sim.settled(b.services.globalUnregister('orders'));
    await sim.advance(5_000);
    expect(nodes.map(({ services }) => services.globalWhereis('orders'))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('that register at once get one holder', async () => {
    const { sim, nodes } = await cluster(3, 36);
    for (const node of nodes) await sim.settled(startServiceHolder(node, 'orders'));
    const registering = nodes.map((node) => node.services.globalRegister('orders'));
    const outcomes = await sim.settled(Promise.allSettled(registering));
    const codes = outcomes.map((each) => (each.status === 'rejected' ? each.reason.code : 'held'));
    expect(codes.sort()).toEqual(['ERR_ALREADY_REGISTERED', 'ERR_ALREADY_REGISTERED', 'held']);
    await sim.until(() => holderOf(nodes) !== undefined, 1_000);
  });

  test('reach a service elsewhere through the proxy of the holder', async () => {
    const { sim, nodes } = await cluster(3, 37);
    const [a, b, c] = nodes as [BarrelNode, BarrelNode, BarrelNode];
    await sim.settled(b.services.register('orders', { total: () => 7 }));
    await sim.until(() => a.services.lookup('orders').length === 1, 1_000);
    const pid = await sim.settled(a.services.globalRegister('orders'));
    expect(pid).toBe(a.services.getProxy('orders'));
    await sim.until(() => holderOf(nodes) === 'a@sim', 1_000);
    const held = c.services.globalWhereis('orders');
    expect(await sim.settled(c.processes.call(held ?? pid, ['total', []]))).toBe(7);
    await sim.settled(b.services.unregister('orders'));
    await sim.until(() => c.services.globalWhereis('orders') === undefined, 2_000);
  });

  test('take the name over when its holder is gone, and not before', async () => {
    const { sim, nodes } = await cluster(3, 38);
    const [a, b, c] = nodes as [BarrelNode, BarrelNode, BarrelNode];
    await sim.settled(startServiceHolder(a, 'orders'));
    await sim.settled(startServiceHolder(b, 'orders'));
    await sim.settled(a.services.globalRegister('orders'));
    sim.crash('a@sim');
    await sim.until(() => b.services.globalWhereis('orders') === undefined, 6_000);
    await sim.settled(b.services.globalRegister('orders'));
    await sim.until(() => holderOf([b, c]) === 'b@sim', 1_000);
  });

  test('are given up waiting for after `timeoutMs`, and when `signal` aborts', async () => {
    const { sim, nodes } = await cluster(3, 39);
    const [a] = nodes as [BarrelNode, BarrelNode, BarrelNode];
    await sim.settled(startServiceHolder(a, 'orders'));
    const late = a.services.globalRegister('orders', { timeoutMs: 100 });
    await expect(sim.settled(late)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    const abort = new AbortController();
    const reason = new Error('enough');
    const aborted = a.services.globalRegister('orders', { signal: abort.signal });
    aborted.catch(() => {});
    await sim.advance(10);
    abort.abort(reason);
    await expect(sim.settled(aborted)).rejects.toBe(reason);
    await sim.advance(5_000);
    expect(holderOf(nodes)).toBeUndefined();
    const overtaken = a.services.globalRegister('orders');
    overtaken.catch(() => {});
    await sim.settled(a.services.globalUnregister('orders'));
    await expect(sim.settled(overtaken)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('a split', () => {
  test('has a holder on each side, and after the heal one of them stays', async () => {
    const { sim, nodes } = await cluster(6, 40);
    const [a, b, c, d] = nodes as [BarrelNode, BarrelNode, BarrelNode, BarrelNode];
    const sides = [nodes.slice(0, 3), nodes.slice(3)];
    await sim.settled(startServiceHolder(a, 'orders'));
    await sim.settled(startServiceHolder(d, 'orders'));
    sim.partition(...sides.map((side) => side.map(({ name }) => name)));
    await sim.until(() => b.members().length === 3 && d.members().length === 3, 30_000);
    await sim.settled(a.services.globalRegister('orders'));
    await sim.settled(d.services.globalRegister('orders'));
    await sim.until(() => holderOf([a, b, c]) === 'a@sim', 1_000);
    sim.heal();
    await sim.until(() => sim.faults().length === 0, 60_000);
    await sim.until(() => holderOf(nodes) !== undefined, 5_000);
    const stays = holderOf(nodes);
    const goes = stays === 'a@sim' ? d : a;
    // The registration is gone, the service is not.
    expect(goes.services.lookupLocal('orders')).toBeDefined();
    await sim.settled(sim.node(stays ?? '').services.globalUnregister('orders'));
    await sim.advance(5_000);
    expect(nodes.some((node) => node.services.globalWhereis('orders') !== undefined)).toBe(false);
  });

  test('of two nodes does not cost a holder its name when the other one crashes', async () => {
    const { sim, nodes } = await cluster(2, 41);
    const a = nodes[0] as BarrelNode;
    const pid = await sim.settled(startServiceHolder(a, 'orders'));
    await sim.settled(a.services.globalRegister('orders'));
    sim.crash('b@sim');
    await sim.advance(15_000);
    expect(a.services.globalWhereis('orders')).toBe(pid);
  });
});
