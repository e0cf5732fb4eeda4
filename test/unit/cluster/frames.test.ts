import { describe, expect, test } from 'vitest';
import { encodeMembership } from '../../../src/core/membership/messages.ts';
import type { PeerDescriptor } from '../../../src/core/membership/peer.ts';
import { Writer } from '../../../src/core/wire/writer.ts';
import { CONTROL } from '../../../src/transport/transport.ts';
import { join, SimulatedClusters, type TestNode } from './simulated-cluster.ts';

describe('a frame of membership', () => {
  test('reaches the other core under the name that its link proved (M2, M3)', async () => {
    const { clusters, nodes } = await linked();
    const [a, b] = nodes;
    await send(clusters, b, encodeMembership({ kind: 'neighbor', requestId: 1, priority: 'high' }));
    expect(a.cluster.activeView()).toEqual(['c@test', 'b@test']);
    expect(a.neighborEvents).toMatchObject([{ type: 'peerUp', node: 'b@test' }]);
    await closeAll(clusters, nodes);
  });

  test('that speaks of others does nothing in their name (N13)', async () => {
    const { clusters, nodes } = await linked();
    const [a, b] = nodes;
    const third: PeerDescriptor = { node: 'c@test', incarnation: 99n, addresses: [], ageMs: 0 };
    const frames = [
      encodeMembership({ kind: 'disconnect', reason: 'left' }),
      encodeMembership({ kind: 'forwardJoin', newcomer: third, hopsLeft: 0 }),
      encodeMembership({ kind: 'shuffle', shuffleId: 1, origin: third, hopsLeft: 0, peers: [] }),
    ];
    for (const frame of frames) await send(clusters, b, frame);
    expect(a.cluster.activeView()).toContain('c@test');
    expect(a.neighborEvents.filter(({ node }) => node === 'c@test')).toEqual([]);
    const known = a.cluster.peers().find(({ node }) => node === 'c@test');
    expect(known?.incarnation).toBeLessThan(99n);
    await closeAll(clusters, nodes);
  });
});

describe('a frame that is none', () => {
  const tooFar = new Writer().uint(18).take();
  const manyPeers = new Writer().uint(23).uint(1).uint(100_000).take();
  test.each([
    ['of no protocol (M4)', Uint8Array.of(127, 1, 2, 3)],
    ['with nothing in it (M4)', new Uint8Array(0)],
    ['of garbage (N13)', Uint8Array.from({ length: 500 }, (_, i) => (i * 37) & 0xff)],
    ['that ends too early (N13)', tooFar],
    ['of 10^5 peers (N13)', manyPeers],
    ['with a walk of 10^9 hops (N13)', walkOf(1_000_000_000)],
    ['with a walk of 17 hops (N13)', walkOf(17)],
    ['of 60 kB of zeros in a broadcast (N13)', Uint8Array.of(56, ...new Uint8Array(60_000))],
  ])('%s ends its link, and changes nothing else', async (_, frame) => {
    const { clusters, nodes } = await linked();
    const [a, b, c] = nodes;
    await send(clusters, b, frame);
    expect(a.messages.downs).toMatchObject([{ peer: { node: 'b@test' }, reason: 'protocol' }]);
    expect(a.meter.snapshot()['barrel_links_ended_total{reason="protocol"}']).toBe(1);
    expect(a.cluster.activeView()).toEqual(['c@test']);
    expect(c.cluster.activeView()).toEqual(['a@test']);
    expect([a.neighborEvents, c.neighborEvents]).toEqual([[], []]);
    await closeAll(clusters, nodes);
  });
});

type Three = readonly [a: TestNode, b: TestNode, c: TestNode];

/** A and c are neighbours; b has a link to a and no place in the overlay. */
async function linked(): Promise<{
  readonly clusters: SimulatedClusters;
  readonly nodes: Three;
}> {
  const clusters = new SimulatedClusters(3);
  const a = await clusters.start('a@test');
  const b = await clusters.start('b@test');
  const c = await clusters.start('c@test');
  await join(clusters, c, a);
  await clusters.settled(b.cluster.dialler.toAddress(a.cluster.address));
  await clusters.time.advance(100);
  for (const { neighborEvents } of [a, b, c]) neighborEvents.length = 0;
  return { clusters, nodes: [a, b, c] };
}

/** Says it to a, whatever it is. */
async function send(clusters: SimulatedClusters, from: TestNode, frame: Uint8Array): Promise<void> {
  const link = await clusters.settled(from.cluster.dialler.toNode('a@test'));
  link.send(CONTROL, frame);
  await clusters.time.advance(100);
}

function walkOf(hopsLeft: number): Uint8Array {
  const newcomer: PeerDescriptor = {
    node: 'x@test',
    incarnation: 1n,
    addresses: ['10.0.0.1:1'],
    ageMs: 0,
  };
  return encodeMembership({ kind: 'forwardJoin', newcomer, hopsLeft });
}

async function closeAll(clusters: SimulatedClusters, nodes: readonly TestNode[]): Promise<void> {
  await clusters.settled(Promise.all(nodes.map(({ cluster }) => cluster.close())));
}
