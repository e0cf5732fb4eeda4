import { describe, expect, test } from 'vitest';
import { AddressBook } from '../../../src/cluster/address-book.ts';
import { Dialler, type Relaying } from '../../../src/cluster/dialler.ts';
import type { DialTarget, Link } from '../../../src/cluster/link.ts';
import { DiscoveryChain } from '../../../src/discovery/chain.ts';
import { BarrelError } from '../../../src/errors.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { join, SimulatedClusters, type TestNode } from './simulated-cluster.ts';

const HEAD_START_MS = 1_000;
const DIRECT = '10.0.0.1:7';
const TUNNEL = '[100::1:ab]:1';

describe('a node that does not answer at its addresses', () => {
  test('is linked through others after a second', async () => {
    const { clusters, a } = await apart();
    const startMs = clusters.time.monotonicMs();
    const link = await clusters.settled(a.cluster.dialler.toNode('c@test'));
    expect([link.node, link.isRelayed]).toEqual(['c@test', true]);
    const tookMs = clusters.time.monotonicMs() - startMs;
    expect(tookMs).toBeGreaterThan(HEAD_START_MS);
    expect(tookMs).toBeLessThan(HEAD_START_MS + 200);
  });

  test('is linked through others at once where that is wanted, or was so a moment ago', async () => {
    const { clusters, a } = await apart();
    const tookMs = async (relaying: Relaying): Promise<number> => {
      const startMs = clusters.time.monotonicMs();
      const link = await clusters.settled(a.cluster.dialler.toNode('c@test', { relaying }));
      link.connection.close('closed');
      const elapsedMs = clusters.time.monotonicMs() - startMs;
      await clusters.time.advance(3_000);
      return elapsedMs;
    };
    expect(await tookMs('atOnce')).toBeLessThan(200);
    expect(await tookMs('later')).toBeLessThan(200);
    await clusters.time.advance(60_000);
    expect(await tookMs('later')).toBeGreaterThan(HEAD_START_MS);
  });

  test('is not linked through others where that is not wanted', async () => {
    const { clusters, a } = await apart();
    const dialled = a.cluster.dialler.toNode('c@test', { relaying: 'never' });
    await expect(clusters.settled(dialled)).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
  });

  test('is not asked for where it is no member', async () => {
    const { clusters, a } = await apart();
    const dialled = a.cluster.dialler.toNode('ghost@test', { hints: ['127.0.0.1:9'] });
    await expect(clusters.settled(dialled)).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
    expect(asked(a)).toBe(0);
  });

  test('fails as it would alone when nobody has a way to it', async () => {
    const { clusters, a, b } = await apart();
    clusters.network.cut(b.cluster.address, a.cluster.address);
    const dialled = a.cluster.dialler.toNode('c@test');
    await expect(clusters.settled(dialled)).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
  });

  test('leaves no circuit behind when nobody waits for it any more', async () => {
    const { clusters, a, b } = await apart();
    const abort = new AbortController();
    const dialled = a.cluster.dialler.toNode('c@test', {
      relaying: 'atOnce',
      signal: abort.signal,
    });
    await clusters.time.runUntil(() => circuits(b) > 0, 1_000);
    abort.abort(new Error('not wanted any more'));
    await expect(clusters.settled(dialled)).rejects.toThrow('not wanted any more');
    await clusters.time.advance(5_000);
    expect([a, b].map(circuits)).toEqual([0, 0]);
  });
});

test('who is refused at an address does not look for another way', async () => {
  const refused = new BarrelError('ERR_REFUSED', 'not you', { reason: 'cluster' });
  const { dialler, dialled, time } = diallerOf(async () => {
    throw refused;
  });
  await expect(dialler.toNode('c@test')).rejects.toBe(refused);
  await time.advance(10_000);
  expect(dialled.map(({ address }) => address)).toEqual([DIRECT]);
});

test('through others that key is wanted which the node has told of', async () => {
  const { dialler, dialled } = diallerOf(async () => {
    throw new BarrelError('ERR_UNREACHABLE', 'nobody there');
  });
  await expect(dialler.toNode('c@test')).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
  expect(dialled.at(-1)).toEqual({ address: TUNNEL, node: 'c@test', fingerprint: 'SHA256:c' });
});

test('a direct link is looked for at all addresses of the node', async () => {
  const direct = { node: 'c@test', isRelayed: false } as Link;
  const standing = { node: 'c@test', isRelayed: true } as Link;
  const dials = [Promise.reject(new BarrelError('ERR_UNREACHABLE', 'nobody there'))];
  const { dialler, dialled } = diallerOf(() => dials.shift() ?? Promise.resolve(direct), {
    addresses: [DIRECT, '10.0.0.2:7'],
    standing,
  });
  expect(await dialler.replaceRelayed('c@test', () => true)).toBe(direct);
  expect(dialled.map(({ address }) => address)).toEqual([DIRECT, '10.0.0.2:7']);
});

test('who knows another address of the node is not sent along with who does not', async () => {
  const link = { node: 'c@test', isRelayed: false } as Link;
  const { dialler, dialled, time } = diallerOf(
    async () => {
      const { address } = dialled.at(-1) ?? {};
      await new Promise<void>((done) => time.after(1_000, done));
      if (address === '10.0.0.2:7') return link;
      throw new BarrelError('ERR_UNREACHABLE', 'nobody there');
    },
    { addresses: [] },
  );
  const first = dialler.toNode('c@test', { hints: ['10.0.0.1:7'] }).catch(() => undefined);
  const second = dialler.toNode('c@test', { hints: ['10.0.0.2:7'] });
  await time.advance(20_000);
  expect([await first, await second]).toEqual([undefined, link]);
});

test('a refusal through others is told, though the addresses were only silent', async () => {
  const { dialler, dialled, time } = diallerOf(async () => {
    if (dialled.at(-1)?.address === TUNNEL) {
      throw new BarrelError('ERR_REFUSED', 'no', { reason: 'key-mismatch' });
    }
    await new Promise<void>((done) => time.after(5_000, done));
    throw new BarrelError('ERR_UNREACHABLE', 'nobody there');
  });
  const outcome = dialler.toNode('c@test').catch((error: unknown) => error);
  await time.advance(20_000);
  expect(await outcome).toMatchObject({ code: 'ERR_REFUSED', reason: 'key-mismatch' });
});

test('the address of a tunnel that somebody tells of is not dialled', async () => {
  const book = new AddressBook({
    announced: () => ['[100::1:ab]:7', '10.0.0.1:7'],
    discovery: new DiscoveryChain([], { logger: silentLogger, timers: new VirtualTime() }),
  });
  expect(await book.find('c@test', ['[100::1:cd]:9'])).toEqual(['10.0.0.1:7']);
});

describe('a link through others', () => {
  test('gives way to a direct one when the node can be dialled and nobody needs it', async () => {
    const { clusters, a, c } = await apart();
    await clusters.settled(a.cluster.dialler.toNode('c@test'));
    clusters.network.heal();
    await clusters.time.advance(70_000);
    expect(a.messages.downs.at(-1)).toMatchObject({ reason: 'replaced' });
    expect(a.messages.ups.at(-1)?.node).toBe('c@test');
    const link = await clusters.settled(a.cluster.dialler.toNode('c@test'));
    expect(link.isRelayed).toBe(false);
    await clusters.time.advance(5_000);
    expect([a, c].map(circuits)).toEqual([0, 0]);
  });

  test('stays while something needs it', async () => {
    const { clusters, a } = await apart();
    const link = await clusters.settled(a.cluster.dialler.toNode('c@test'));
    const hold = a.cluster.messages.hold('c@test');
    clusters.network.heal();
    await clusters.time.advance(130_000);
    expect(await clusters.settled(a.cluster.dialler.toNode('c@test'))).toBe(link);
    hold[Symbol.dispose]();
    await clusters.time.advance(70_000);
    expect(await clusters.settled(a.cluster.dialler.toNode('c@test'))).not.toBe(link);
  });

  test('gives way in a gap between messages, and none is lost', async () => {
    const { clusters, a, c } = await apart();
    await clusters.settled(a.cluster.dialler.toNode('c@test'));
    await clusters.time.advance(100);
    expect([a, c].map(relayed)).toEqual([1, 1]);
    clusters.network.heal();
    for (let second = 0; second < 70; second += 1) {
      c.cluster.messages.send('a@test', 0, Buffer.from(`${second}`));
      await clusters.time.advance(1_000);
    }
    expect(a.messages.frames.map(({ text }) => text)).toHaveLength(70);
    expect(a.messages.downs).toMatchObject([{ reason: 'replaced' }]);
    expect([a, c].map(relayed)).toEqual([0, 0]);
  });

  test('stays while there is no gap between messages, which the metrics show', async () => {
    const { clusters, a, c } = await apart();
    await clusters.settled(a.cluster.dialler.toNode('c@test'));
    clusters.network.heal();
    const count = 700;
    for (let sent = 0; sent < count; sent += 1) {
      c.cluster.messages.send('a@test', 0, Buffer.from(`${sent}`));
      await clusters.time.advance(100);
    }
    expect(a.messages.frames).toHaveLength(count);
    expect(a.messages.downs).toEqual([]);
    expect([a, c].map(relayed)).toEqual([1, 1]);
    await clusters.time.advance(1_000);
    expect([a, c].map(relayed)).toEqual([0, 0]);
  });

  test('stays when something needs it by the time that a direct one could take over', async () => {
    const { clusters, a } = await apart();
    const link = await clusters.settled(a.cluster.dialler.toNode('c@test'));
    clusters.network.heal();
    const isWanted: boolean[] = [];
    const replaced = a.cluster.dialler.replaceRelayed('c@test', () => {
      isWanted.push(false);
      return false;
    });
    const since = clusters.time.monotonicMs();
    await expect(clusters.settled(replaced)).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
    expect(clusters.time.monotonicMs() - since).toBeLessThan(500);
    expect(isWanted).toEqual([false]);
    await clusters.time.advance(1_000);
    expect(await clusters.settled(a.cluster.dialler.toNode('c@test'))).toBe(link);
    expect(a.messages.downs).toEqual([]);
  });

  test('stays while the node cannot be dialled', async () => {
    const { clusters, a } = await apart();
    const link = await clusters.settled(a.cluster.dialler.toNode('c@test'));
    await clusters.time.advance(200_000);
    expect(await clusters.settled(a.cluster.dialler.toNode('c@test'))).toBe(link);
  });
});

/** a - b - c; a and c have no path to each other. */
async function apart(): Promise<{
  readonly clusters: SimulatedClusters;
  readonly a: TestNode;
  readonly b: TestNode;
  readonly c: TestNode;
}> {
  const clusters = new SimulatedClusters();
  const b = await clusters.start('b@test');
  const a = await clusters.start('a@test');
  const c = await clusters.start('c@test');
  clusters.network.cut(a.cluster.address, c.cluster.address);
  clusters.network.cut(c.cluster.address, a.cluster.address);
  for (const node of [a, c]) await join(clusters, node, b);
  await clusters.time.runUntil(
    () => a.cluster.isMember('c@test') && c.cluster.isMember('a@test'),
    10_000,
  );
  await clusters.time.advance(5_000);
  return { clusters, a, b, c };
}

/** A dialler whose dials do as they are told, and a circuit to any node. */
function diallerOf(
  dial: () => Promise<Link>,
  known: { readonly addresses?: readonly string[]; readonly standing?: Link } = {},
): {
  readonly dialler: Dialler;
  readonly dialled: DialTarget[];
  readonly time: VirtualTime;
} {
  const time = new VirtualTime();
  const dialled: DialTarget[] = [];
  const dialler = new Dialler({
    host: { clock: time, timers: time },
    links: {
      get: () => known.standing,
      parted: () => undefined,
      dial: (target) => {
        dialled.push(target);
        return dial();
      },
    },
    book: new AddressBook({
      announced: () => known.addresses ?? [DIRECT],
      discovery: new DiscoveryChain([], { logger: silentLogger, timers: time }),
    }),
    relayed: {
      open: async () => TUNNEL,
      release: () => {},
      fingerprint: () => 'SHA256:c',
    },
  });
  return { dialler, dialled, time };
}

function asked(node: TestNode): number {
  return node.meter.snapshot()['barrel_routing_total{what="asked"}'] ?? 0;
}

function circuits(node: TestNode): number {
  return node.meter.snapshot()['barrel_routing_circuits'] ?? 0;
}

function relayed(node: TestNode): number {
  return node.meter.snapshot()['barrel_links_relayed'] ?? Number.NaN;
}
