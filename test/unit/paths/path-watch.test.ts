/** Links that move by themselves, between overlays on the simulated network. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { silentLogger } from '../../../src/host/logger.ts';
import { NodePaths } from '../../../src/paths/node-paths.ts';
import { WATCH_MS } from '../../../src/paths/path-watch-limits.ts';
import { join, SimulatedClusters, type TestNode } from '../cluster/simulated-cluster.ts';

/** A machine whose addresses the test changes. */
class Machine {
  addresses: readonly string[];
  readonly node: TestNode;
  readonly paths: NodePaths;

  constructor(clusters: SimulatedClusters, node: TestNode, listenHost: string) {
    this.addresses = [listenHost];
    this.node = node;
    const host = {
      clock: clusters.time,
      timers: clusters.time,
      meter: node.meter,
      logger: silentLogger,
      externalAddresses: () => this.addresses,
    };
    const { links } = node.cluster;
    this.paths = new NodePaths({ host, links, auto: true, listenHost });
  }

  get moves(): number {
    const name = 'barrel_migrations_total{cause="automatic",result="ok"}';
    return this.node.meter.snapshot()[name] ?? 0;
  }

  sentTo(peer: Machine): string[] {
    return peer.node.messages.frames.map(({ text }) => text);
  }
}

let clusters: SimulatedClusters;
let a: Machine;
let b: Machine;

beforeEach(async () => {
  clusters = new SimulatedClusters(1);
  a = await machine('a@test', '10.0.0.1');
  b = await machine('b@test', '10.0.0.2');
  // `b` dials.
  await join(clusters, b.node, a.node);
  await clusters.time.advance(2_000);
});

describe('an address that is gone', () => {
  test('takes the links that were dialled from it to one that is there', async () => {
    b.addresses = ['10.0.0.3'];
    await clusters.time.advance(WATCH_MS + 100);
    expect(b.node.cluster.address).toMatch(/^10\.0\.0\.3:/);
    expect(a.paths.stats('b@test')?.remoteAddress).toMatch(/^10\.0\.0\.3:/);
    await talk();
  });

  test('makes the dialers of its links follow', async () => {
    a.addresses = ['10.0.0.9'];
    await clusters.time.advance(WATCH_MS + 100);
    expect(b.paths.stats('a@test')?.remoteAddress).toBe(a.node.cluster.address);
    expect(a.node.cluster.address).toMatch(/^10\.0\.0\.9:/);
    await talk();
  });

  test('is announced no more: others dial the new one', async () => {
    a.addresses = ['10.0.0.9'];
    await clusters.time.advance(5_000);
    const known = b.node.cluster.alive().find(({ node }) => node === 'a@test');
    expect(known?.record.addresses).toEqual([a.node.cluster.address]);
    const c = await machine('c@test', '10.0.0.4');
    await join(clusters, c.node, b.node);
    await clusters.time.advance(1_000);
    await clusters.settled(c.node.cluster.dialler.toNode('a@test'));
    expect(c.paths.stats('a@test')?.remoteAddress).toBe(a.node.cluster.address);
  });

  test('is listened on again when it is back', async () => {
    a.addresses = ['10.0.0.9'];
    await clusters.time.advance(2_000);
    a.addresses = ['10.0.0.9', '10.0.0.1'];
    await clusters.time.advance(2_000);
    expect(a.node.cluster.address).toMatch(/^10\.0\.0\.1:/);
    expect(b.paths.stats('a@test')?.remoteAddress).toBe(a.node.cluster.address);
    await talk();
  });

  test('stays where it was while there is no other', async () => {
    const { address } = b.node.cluster;
    b.addresses = [];
    await clusters.time.advance(1_000);
    expect(b.node.cluster.address).toBe(address);
    b.addresses = ['10.0.0.2'];
    await clusters.time.advance(2_000);
    expect(b.node.cluster.address).toBe(address);
    await talk();
  });
});

describe('a link that is not answered', () => {
  test('goes another way as soon as one is open', async () => {
    const before = b.paths.stats('a@test')?.localAddress ?? '';
    const { address } = a.node.cluster;
    clusters.network.cut(before, address);
    clusters.network.cut(address, before);
    await clusters.time.advance(2_500);
    clusters.network.heal();
    await clusters.time.advance(300);
    expect(b.moves).toBe(1);
    expect(b.paths.stats('a@test')?.localAddress).not.toBe(before);
    await exchange();
    expect([...a.node.messages.downs, ...b.node.messages.downs]).toEqual([]);
  });

  test('shares one spare socket with all the others that an outage stops', async () => {
    const peers = [a];
    for (const [index, name] of ['c@test', 'd@test', 'e@test'].entries()) {
      const peer = await machine(name, `10.0.1.${index + 1}`);
      await join(clusters, b.node, peer.node);
      peers.push(peer);
    }
    await clusters.time.advance(2_000);
    const roles = [...b.node.cluster.links.all()].map(({ connection }) => connection.role);
    expect(roles).toEqual(peers.map(() => 'dialer'));
    const bind = vi.spyOn(b.node.cluster.links.sockets, 'bind');
    for (const { node } of peers)
      clusters.network.cut(b.node.cluster.address, node.cluster.address);
    await clusters.time.advance(2_500);
    expect(bind).toHaveBeenCalledTimes(1);
  });

  test('stays where it is while all goes well', async () => {
    const before = b.paths.stats('a@test')?.localAddress;
    await clusters.time.advance(120_000);
    expect([a.moves, b.moves]).toEqual([0, 0]);
    expect(b.paths.stats('a@test')?.localAddress).toBe(before);
  });
});

test('a node on loopback looks at nothing', async () => {
  let looks = 0;
  const c = await machine('c@test', '127.0.0.9');
  Object.defineProperty(c, 'addresses', {
    get: () => {
      looks += 1;
      return [];
    },
  });
  looks = 0;
  await join(clusters, c.node, a.node);
  await clusters.time.advance(10_000);
  expect(looks).toBe(0);
});

async function machine(name: string, listenHost: string): Promise<Machine> {
  return new Machine(clusters, await clusters.start(name, { listenHost, port: 4433 }), listenHost);
}

/** Something is said each way and arrives, and nobody has lost its neighbour. */
async function talk(): Promise<void> {
  await exchange();
  for (const { node } of [a, b]) {
    expect(node.neighborEvents.filter(({ type }) => type === 'peerDown')).toEqual([]);
    expect(node.messages.downs).toEqual([]);
  }
}

async function exchange(): Promise<void> {
  a.node.cluster.messages.send('b@test', 0, new TextEncoder().encode('from a'));
  b.node.cluster.messages.send('a@test', 0, new TextEncoder().encode('from b'));
  await clusters.time.advance(1_000);
  expect([a.sentTo(b), b.sentTo(a)]).toEqual([['from a'], ['from b']]);
}
