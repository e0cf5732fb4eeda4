import { describe, expect, test } from 'vitest';
import { joinThrough } from '../../../src/cluster/joining.ts';
import { join, SimulatedClusters, type TestNode } from './simulated-cluster.ts';

const SECRET = 'a join secret of more than thirty-two characters';

describe('a cluster', () => {
  test('forms through one seed with every link mutual and every node known to all (I33)', async () => {
    const { clusters, nodes } = await formed(16);
    const names = nodes.map(({ cluster }) => cluster.self.node).sort();
    for (const { cluster } of nodes) {
      expect(
        cluster
          .alive()
          .map((entry) => entry.node)
          .sort(),
      ).toEqual(names);
      expect(cluster.activeView().length).toBeGreaterThanOrEqual(2);
    }
    expect(oneSidedLinks(nodes)).toEqual([]);
    await closeAll(clusters, nodes);
  });

  test('hears of a crash everywhere within six seconds', async () => {
    const { clusters, nodes } = await formed(8);
    const [victim, ...others] = nodes as [TestNode, ...TestNode[]];
    victim.crash();
    const gone = victim.cluster.self.node;
    await clusters.time.runUntil(
      () => others.every(({ cluster }) => !cluster.isMember(gone)),
      6_000,
    );
    await clusters.time.advance(20_000);
    for (const { memberEvents } of others) {
      const downs = memberEvents.filter((event) => event.node === gone).map(({ type }) => type);
      expect(downs).toEqual(['memberUp', 'memberDown']);
    }
    await closeAll(clusters, others);
  });

  test('drops the entries of a node that crashed and keeps all others', async () => {
    const { clusters, nodes } = await formed(6);
    const [victim, ...others] = nodes as [TestNode, ...TestNode[]];
    for (const node of nodes) node.cluster.table.put('service:x', Buffer.from('here'));
    const owners = new Map(others.map((node) => [node, new Set<string>()]));
    for (const node of others) {
      node.cluster.table.onChange(({ owner, value }) => {
        if (value === undefined) owners.get(node)?.add(owner.node);
      });
    }
    await clusters.time.advance(1_000);
    victim.crash();
    await clusters.time.advance(6_000);
    for (const removed of owners.values()) expect([...removed]).toEqual(['node-0@test']);
    await closeAll(clusters, others);
  });

  test('a graceful leave is known everywhere at once, and the node may come back', async () => {
    const { clusters, nodes } = await formed(5);
    const [leaver, contact, ...others] = nodes as [TestNode, TestNode, ...TestNode[]];
    await clusters.settled(leaver.cluster.leave());
    await clusters.time.advance(100);
    for (const { cluster, memberEvents } of [contact, ...others]) {
      expect(cluster.isMember('node-0@test')).toBe(false);
      expect(memberEvents.at(-1)).toMatchObject({ type: 'memberDown', reason: 'left' });
    }
    expect(leaver.cluster.activeView()).toEqual([]);
    await clusters.time.advance(30_000);
    expect(leaver.cluster.activeView()).toEqual([]);
    leaver.cluster.announce();
    await join(clusters, leaver, contact);
    await clusters.time.advance(1_000);
    for (const { cluster } of others) expect(cluster.isMember('node-0@test')).toBe(true);
    await closeAll(clusters, nodes);
  });

  test('a restart under its name within a second takes the place of the old start', async () => {
    const { clusters, nodes } = await formed(5);
    const [old, contact, ...others] = nodes as [TestNode, TestNode, ...TestNode[]];
    old.crash();
    await clusters.time.advance(200);
    const again = await clusters.start('node-0@test', {
      secret: SECRET,
      publicKey: old.publicKey,
      incarnation: 1_000n,
    });
    await join(clusters, again, contact);
    await clusters.time.advance(5_000);
    for (const { cluster } of others) expect(cluster.isAlive('node-0@test', 1_000n)).toBe(true);
    await closeAll(clusters, [again, contact, ...others]);
  });
});

describe('links under stress', () => {
  test('a node that dials another twice at once keeps one link and loses nothing', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const clusters = new SimulatedClusters(seed);
      const a = await clusters.start('a@test');
      const b = await clusters.start('b@test');
      const { dialler, messages } = a.cluster;
      const dials = [1, 2, 3].map(() => dialler.toAddress(b.cluster.address));
      const links = await clusters.settled(Promise.all(dials));
      expect(new Set(links).size).toBe(1);
      messages.send('b@test', 0, Buffer.from('once'));
      await clusters.time.advance(3_000);
      expect(b.messages.frames.map(({ text }) => text)).toEqual(['once']);
      expect([a.messages.downs, b.messages.downs]).toEqual([[], []]);
      await closeAll(clusters, [a, b]);
    }
  });

  test('a name that is meant is checked where a link stands already, too (weakness W3)', async () => {
    const clusters = new SimulatedClusters();
    const a = await clusters.start('a@test');
    const b = await clusters.start('b@test');
    await join(clusters, b, a);
    const dial = clusters.settled(
      b.cluster.dialler.toNode('ghost@test', { hints: [a.cluster.address] }),
    );
    await expect(dial).rejects.toMatchObject({ code: 'ERR_REFUSED', reason: 'name' });
    expect(b.cluster.activeView()).toEqual(['a@test']);
    await closeAll(clusters, [a, b]);
  });

  test('leaving and joining again at once works, by address and by name', async () => {
    const { clusters, nodes } = await formed(4);
    const [contact, guest] = nodes as [TestNode, TestNode];
    for (const target of [contact.cluster.address, `node-0@test/${contact.cluster.address}`]) {
      await clusters.settled(guest.cluster.leave());
      const joined = joinThrough(guest.cluster, target);
      expect(await clusters.settled(joined)).toMatch(/^node-\d@test$/);
      await clusters.time.advance(2_000);
      expect(contact.cluster.isMember('node-1@test')).toBe(true);
      expect(guest.cluster.activeView().length).toBeGreaterThan(0);
    }
    await closeAll(clusters, nodes);
  });

  test('a refusal by a live node is not taken for its death', async () => {
    const { clusters, nodes } = await formed(3);
    const [a, b] = nodes as [TestNode, TestNode];
    a.trust.setMode('strict');
    await clusters.settled(a.trust.unpin('node-1@test'));
    await clusters.time.advance(3_000);
    for (const { memberEvents } of nodes) {
      expect(memberEvents.filter(({ type }) => type === 'memberDown')).toEqual([]);
    }
    expect(a.cluster.activeView()).not.toContain('node-1@test');
    expect(b.cluster.isMember('node-0@test')).toBe(true);
    await closeAll(clusters, nodes);
  });

  test('a neighbour that takes nothing loses its link, and nobody else notices', async () => {
    const { clusters, nodes } = await formed(4);
    const [busy, stalled, ...others] = nodes as [TestNode, TestNode, ...TestNode[]];
    for (const { cluster } of [busy, ...others]) {
      clusters.network.cut(cluster.address, stalled.cluster.address);
      clusters.network.cut(stalled.cluster.address, cluster.address);
    }
    for (let index = 0; index < 300; index += 1) {
      busy.cluster.table.put(`big:${index}`, Buffer.alloc(40_000));
    }
    await clusters.time.advance(10_000);
    expect(others.every(({ cluster }) => cluster.isMember('node-0@test'))).toBe(true);
    expect(busy.cluster.isMember('node-1@test')).toBe(false);
    clusters.network.heal();
    await closeAll(clusters, nodes);
  });

  test('a table far larger than the send queue reaches a newcomer whole', async () => {
    const { clusters, nodes } = await formed(3);
    const count = 100;
    for (const { cluster } of nodes) {
      for (let index = 0; index < count; index += 1) {
        cluster.table.put(`big:${index}`, Buffer.alloc(60_000, index));
      }
      await clusters.time.advance(2_000);
    }
    const newcomer = await clusters.start('late@test', { secret: SECRET });
    const seen = new Map<string, number>();
    newcomer.cluster.table.onChange(({ owner, key, value }) => {
      seen.set(`${owner.node} ${key}`, value?.[0] ?? -1);
    });
    await join(clusters, newcomer, nodes[0] as TestNode);
    await clusters.time.advance(20_000);
    expect(seen.size).toBe(nodes.length * count);
    expect(seen.get('node-2@test big:7')).toBe(7);
    expect(newcomer.messages.downs).toEqual([]);
    await closeAll(clusters, [...nodes, newcomer]);
  });
});

describe('two nodes that dial each other at once', () => {
  test('end with one link and lose no message, whatever the delays', async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const clusters = new SimulatedClusters(seed);
      const a = await clusters.start('a@test');
      const b = await clusters.start('b@test');
      clusters.network.link({ latencyMs: [1, 1 + (seed % 20)] });
      const dials = [
        a.cluster.dialler.toAddress(b.cluster.address),
        b.cluster.dialler.toAddress(a.cluster.address),
      ];
      const [toB, toA] = await clusters.settled(Promise.all(dials));
      expect([toB?.node, toA?.node]).toEqual(['b@test', 'a@test']);
      for (let count = 0; count < 50; count += 1) {
        a.cluster.messages.send('b@test', 0, Buffer.from(`a${count}`));
        b.cluster.messages.send('a@test', 0, Buffer.from(`b${count}`));
      }
      await clusters.time.advance(5_000);
      expect(a.messages.frames.map(({ text }) => text)).toEqual(numbered('b', 50));
      expect(b.messages.frames.map(({ text }) => text)).toEqual(numbered('a', 50));
      expect([a.messages.downs, b.messages.downs]).toEqual([[], []]);
      await closeAll(clusters, [a, b]);
    }
  });

  test('lose nothing that was sent while both dials were under way', async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const clusters = new SimulatedClusters(seed);
      const a = await clusters.start('a@test');
      const b = await clusters.start('b@test');
      const c = await clusters.start('c@test');
      await join(clusters, a, c);
      await join(clusters, b, c);
      await clusters.time.advance(1_000);
      clusters.network.link({ latencyMs: [1, 30] });
      for (let count = 0; count < 20; count += 1) {
        a.cluster.messages.send('b@test', 0, Buffer.from(`a${count}`));
        b.cluster.messages.send('a@test', 0, Buffer.from(`b${count}`));
        await clusters.time.advance(seed % 7);
      }
      await clusters.time.advance(5_000);
      expect(a.messages.frames.map(({ text }) => text)).toEqual(numbered('b', 20));
      expect(b.messages.frames.map(({ text }) => text)).toEqual(numbered('a', 20));
      await closeAll(clusters, [a, b, c]);
    }
  });
});

describe('admission', () => {
  test('refuses another cluster with the reason on both ends', async () => {
    await refusedBy({ cluster: 'other' }, {}, 'cluster');
  });

  test('refuses another join secret, none, and one that is not expected', async () => {
    await refusedBy({ secret: `${SECRET}!` }, { secret: SECRET }, 'secret');
    await refusedBy({}, { secret: SECRET }, 'secret');
    await refusedBy({ secret: SECRET }, {}, 'secret');
  });

  test('admits a clock that is half a minute off (I20)', async () => {
    for (const wallOffsetMs of [-30_000, 30_000]) {
      const clusters = new SimulatedClusters();
      const host = await clusters.start('host@test');
      const guest = await clusters.start('guest@test', { wallOffsetMs });
      await join(clusters, guest, host);
      expect(host.cluster.activeView()).toEqual(['guest@test']);
      await closeAll(clusters, [host, guest]);
    }
  });

  test('refuses a clock that is more than a minute off (I21)', async () => {
    await refusedBy({ wallOffsetMs: 61_000 }, {}, 'clock');
    await refusedBy({ wallOffsetMs: -61_000 }, {}, 'clock');
  });

  test('refuses a start of a time that has not come', async () => {
    await refusedBy({ incarnation: 2n ** 63n - 1n }, {}, 'clock');
  });

  test('refuses another heartbeat period', async () => {
    await refusedBy({ heartbeatMs: 1_000 }, {}, 'parameters');
  });

  test('refuses an unknown name in strict mode, at whichever end (I31)', async () => {
    await refusedBy({ ephemeral: false }, { trust: 'strict' }, 'not-trusted');
    await refusedBy({ trust: 'strict' }, { ephemeral: false }, 'not-trusted');
  });

  test('refuses another key under a pinned name, and keeps the pin (I34)', async () => {
    const clusters = new SimulatedClusters();
    const host = await clusters.start('host@test');
    const first = await clusters.start('guest@test', { ephemeral: false });
    await join(clusters, first, host);
    first.crash();
    const thief = await clusters.start('guest@test', { ephemeral: false });
    const dial = clusters.settled(thief.cluster.dialler.toAddress(host.cluster.address));
    await expect(dial).rejects.toMatchObject({ code: 'ERR_REFUSED', reason: 'key-mismatch' });
    expect(host.trust.lookup('guest@test')).toEqual(first.publicKey);
    await closeAll(clusters, [host, thief]);
  });

  test('refuses an older start of a node than one that was seen', async () => {
    const clusters = new SimulatedClusters();
    const host = await clusters.start('host@test');
    const late = await clusters.start('guest@test', { incarnation: 50n, ephemeral: false });
    await join(clusters, late, host);
    await clusters.time.advance(1_000);
    late.crash();
    const early = await clusters.start('guest@test', {
      incarnation: 49n,
      publicKey: late.publicKey,
      ephemeral: false,
    });
    const dial = clusters.settled(early.cluster.dialler.toAddress(host.cluster.address));
    await expect(dial).rejects.toMatchObject({ code: 'ERR_REFUSED', reason: 'stale-incarnation' });
    expect(early.stale).toEqual([50n]);
    await closeAll(clusters, [host, early]);
  });

  test('refuses its own name with another key, and notices itself', async () => {
    const clusters = new SimulatedClusters();
    const one = await clusters.start('same@test');
    const two = await clusters.start('same@test');
    const dial = clusters.settled(two.cluster.dialler.toAddress(one.cluster.address));
    await expect(dial).rejects.toMatchObject({ code: 'ERR_REFUSED', reason: 'name-taken' });
    const self = clusters.settled(one.cluster.dialler.toAddress(one.cluster.address));
    await expect(self).rejects.toMatchObject({ code: 'ERR_SELF' });
    await closeAll(clusters, [one, two]);
  });

  test('says no HELLO to another key than the one pinned for the name dialled', async () => {
    const clusters = new SimulatedClusters();
    const host = await clusters.start('host@test');
    const guest = await clusters.start('guest@test');
    await guest.trust.pin('host@test', new Uint8Array(32).fill(7));
    const dial = clusters.settled(
      guest.cluster.dialler.toNode('host@test', { hints: [host.cluster.address] }),
    );
    await expect(dial).rejects.toMatchObject({ code: 'ERR_REFUSED', reason: 'key-mismatch' });
    await clusters.time.advance(1_000);
    // The host hears why the connection ended, and nothing else of the guest.
    const counted = Object.keys(host.meter.snapshot()).filter(isRefusal);
    expect(counted).toEqual([expect.stringContaining('by="peer",role="acceptor"')]);
    expect(host.trust.list()).toEqual([]);
    await closeAll(clusters, [host, guest]);
  });
});

async function refusedBy(
  guestSettings: Parameters<SimulatedClusters['start']>[1],
  hostSettings: Parameters<SimulatedClusters['start']>[1],
  reason: string,
): Promise<void> {
  const clusters = new SimulatedClusters();
  const host = await clusters.start('host@test', hostSettings);
  const guest = await clusters.start('guest@test', guestSettings);
  const dial = clusters.settled(guest.cluster.dialler.toAddress(host.cluster.address));
  await expect(dial).rejects.toMatchObject({ code: 'ERR_REFUSED', reason });
  await clusters.time.advance(2_000);
  for (const node of [host, guest]) {
    const counted = Object.keys(node.meter.snapshot()).filter(isRefusal);
    expect(counted).toEqual([expect.stringContaining(`reason="${reason}"`)]);
  }
  expect(host.trust.list()).toEqual([]);
  await closeAll(clusters, [host, guest]);
}

async function formed(
  count: number,
): Promise<{ readonly clusters: SimulatedClusters; readonly nodes: TestNode[] }> {
  const clusters = new SimulatedClusters(count);
  const nodes: TestNode[] = [];
  for (let index = 0; index < count; index += 1) {
    const node = await clusters.start(`node-${index}@test`, { secret: SECRET });
    const [seed] = nodes;
    if (seed !== undefined) await join(clusters, node, seed);
    nodes.push(node);
  }
  await clusters.time.advance(10_000);
  return { clusters, nodes };
}

function oneSidedLinks(nodes: readonly TestNode[]): string[] {
  const views = new Map(nodes.map(({ cluster }) => [cluster.self.node, cluster.activeView()]));
  return [...views].flatMap(([node, view]) =>
    view
      .filter((peer) => views.get(peer)?.includes(node) !== true)
      .map((peer) => `${node} > ${peer}`),
  );
}

function isRefusal(sample: string): boolean {
  return sample.startsWith('barrel_admission_refused_total');
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

async function closeEach(nodes: readonly TestNode[]): Promise<void> {
  await Promise.all(nodes.map(({ cluster }) => cluster.close()));
}

async function closeAll(clusters: SimulatedClusters, nodes: readonly TestNode[]): Promise<void> {
  await clusters.settled(closeEach(nodes));
}
