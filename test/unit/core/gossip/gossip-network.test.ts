import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PlumtreeConfig } from '../../../../src/core/gossip/config.ts';
import { GossipNetwork, type GossipNode, randomOverlay } from './gossip-network.ts';

const seed = fc.integer({ min: 1, max: 1_000_000 });
const RUNS = { numRuns: 12 };

describe('on a network of cores', () => {
  test('every broadcast reaches every node exactly once', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 2, max: 30 }), (s, size) => {
        const { network, nodes } = overlay({ seed: s, size });
        const sent = chatter(network, nodes, 30);
        network.run(5_000);
        expectAll(nodes, sent);
      }),
      RUNS,
    );
  });

  test('so it does when a tenth of all frames come late (N10)', () => {
    fc.assert(
      fc.property(seed, (s) => {
        const { network, nodes } = overlay({ seed: s, size: 20, loss: 0.1 });
        const sent = chatter(network, nodes, 30);
        network.run(10_000);
        expectAll(nodes, sent);
        expect(nodes.every(({ effects }) => effects.length === 0)).toBe(true);
      }),
      RUNS,
    );
  });

  test('so it does while links are cut, with what they carry, and made anew (P8)', () => {
    fc.assert(
      fc.property(seed, (s) => {
        const { network, nodes } = overlay({ seed: s, size: 20, loss: 0.02 });
        const sent = [pick(network, nodes).broadcast()];
        network.run(3_000);
        for (let i = 0; i < 60; i++) {
          sent.push(pick(network, nodes).broadcast());
          churn(network, nodes);
          network.run(150 * network.random.float());
        }
        mend(network, nodes);
        network.run(20_000);
        expectAll(nodes, sent);
      }),
      RUNS,
    );
  });

  test('so it does when neighbours are congested now and then, whose backlog is bounded (N12)', () => {
    fc.assert(
      fc.property(seed, (s) => {
        const { network, nodes } = overlay({ seed: s, size: 12, config: { congestedIdsMax: 4 } });
        const sent = [];
        for (let i = 0; i < 60; i++) {
          sent.push(pick(network, nodes).broadcast());
          const from = pick(network, nodes);
          for (const [node] of from.links) {
            const kind = network.random.float() < 0.5 ? 'congested' : 'drained';
            from.do({ kind, node });
          }
          network.run(20);
        }
        for (const from of nodes) {
          for (const [node] of from.links) from.do({ kind: 'drained', node });
        }
        network.run(10_000);
        expectAll(nodes, sent);
      }),
      // A digest of what congestion held back once passed for the past of a newcomer.
      { ...RUNS, examples: [[90], [584]] },
    );
  });

  test('halves that were apart for 40 s tell each other what they missed once they are linked', () => {
    const { network, nodes } = overlay({ seed: 5, size: 16 });
    const sent = [...chatter(network, nodes, 5)];
    network.run(2_000);
    const half = new Set(nodes.slice(0, 8));
    for (const a of half) {
      for (const { peer } of [...a.links.values()]) if (!half.has(peer)) network.cut(a, peer);
    }
    mend(network, [...half]);
    mend(network, nodes.slice(8));
    sent.push(...chatter(network, nodes, 100));
    network.run(40_000);
    const [a] = half;
    if (a === undefined) throw new Error('no half');
    network.link(a, at(nodes, 12));
    network.run(3_000);
    expectAll(nodes, sent);
  });

  test('a node that was offline for 20 s gets what it missed by a digest (N11)', () => {
    const { network, nodes } = overlay({ seed: 6, size: 10 });
    const sent = [...chatter(network, nodes, 5)];
    network.run(2_000);
    const lone = at(nodes, 3);
    for (const { peer } of [...lone.links.values()]) network.cut(lone, peer);
    const rest = nodes.filter((node) => node !== lone);
    mend(network, rest);
    sent.push(...chatter(network, rest, 20));
    sent.push(lone.broadcast());
    network.run(20_000);
    network.link(lone, at(nodes, 0));
    network.run(2_000);
    expectAll(nodes, sent);
  });

  test('a newcomer gets what is sent from now on, and nothing old', () => {
    const { network, nodes } = overlay({ seed: 7, size: 10 });
    chatter(network, nodes, 10);
    network.run(2_000);
    const newcomer = network.add('new@sim');
    network.link(newcomer, at(nodes, 0));
    network.link(newcomer, at(nodes, 1));
    network.run(1_000);
    expect(newcomer.delivered).toEqual([]);
    const sent = chatter(network, [...nodes, newcomer], 10);
    network.run(3_000);
    expect(keys(newcomer)).toEqual(sent.map(keyOf).sort());
  });

  test('a node that starts anew numbers its broadcasts anew, and each still comes once (N15)', () => {
    const { network, nodes } = overlay({ seed: 8, size: 10 });
    const restarted = at(nodes, 2);
    const sent = [restarted.broadcast(), restarted.broadcast()];
    network.run(2_000);
    const peers = [...restarted.links.values()].map(({ peer }) => peer);
    for (const peer of peers) network.cut(restarted, peer);
    restarted.restart(2n);
    for (const peer of peers) network.link(restarted, peer);
    network.run(1_000);
    sent.push(restarted.broadcast(), at(nodes, 5).broadcast());
    network.run(3_000);
    expectAll(nodes, sent);
  });

  test('the same seed gives the same frames at the same times', () => {
    const run = (): readonly string[] => {
      const { network, nodes } = overlay({ seed: 9, size: 15, loss: 0.05 });
      network.trace = [];
      for (let i = 0; i < 20; i++) {
        pick(network, nodes).broadcast();
        churn(network, nodes);
        network.run(60);
      }
      mend(network, nodes);
      network.run(5_000);
      return network.trace;
    };
    const first = run();
    expect(first.length).toBeGreaterThan(500);
    expect(run()).toEqual(first);
  });

  test('while no tree is shaped few payloads come twice, and nothing is left to be asked for', () => {
    const config = { shapeBroadcasts: 1_000 };
    const { network, nodes } = overlay({ seed: 10, size: 60, config });
    for (let i = 0; i < 30; i++) {
      pick(network, nodes).broadcast();
      network.run(500);
    }
    const duplicates = (): number =>
      nodes.reduce((sum, { core }) => sum + core.counts.duplicates, 0);
    const before = duplicates();
    for (let i = 0; i < 20; i++) {
      pick(network, nodes).broadcast();
      network.run(500);
    }
    expect((duplicates() - before) / (20 * 59)).toBeLessThan(0.5);
    expect(nodes.map(({ core }) => core.missingCount).every((count) => count === 0)).toBe(true);
  });

  test('a busy origin soon reaches all on the shortest ways, without duplicates', () => {
    const { network, nodes } = overlay({ seed: 11, size: 60 });
    const busy = at(nodes, 7);
    for (let i = 0; i < 30; i++) {
      busy.broadcast();
      network.run(300);
    }
    const before = nodes.reduce((sum, { core }) => sum + core.counts.duplicates, 0);
    const startMs = network.nowMs;
    const arrivedMs = new Map<GossipNode, number>();
    network.onDeliver = (node) => arrivedMs.set(node, network.nowMs - startMs);
    busy.broadcast();
    network.run(300);
    const flood = floodMs(busy);
    for (const [node, ms] of arrivedMs) expect(ms).toBeCloseTo(flood.get(node) ?? -1, 6);
    expect(nodes.reduce((sum, { core }) => sum + core.counts.duplicates, 0)).toBe(before);
  });
});

interface OverlayOptions {
  readonly seed: number;
  readonly size: number;
  readonly loss?: number;
  readonly config?: Partial<PlumtreeConfig>;
}

function overlay(options: OverlayOptions): { network: GossipNetwork; nodes: GossipNode[] } {
  const { size } = options;
  const network = new GossipNetwork(options);
  const nodes = Array.from({ length: size }, (_, i) => network.add(`n${i}@sim`));
  for (const [a, b] of randomOverlay({ seed: options.seed, size, degreeMax: 4 })) {
    network.link(at(nodes, a), at(nodes, b));
  }
  network.run(1_000);
  return { network, nodes };
}

type Sent = ReturnType<GossipNode['broadcast']>;

/** Broadcasts of random nodes, up to 100 ms apart. */
function chatter(network: GossipNetwork, nodes: readonly GossipNode[], count: number): Sent[] {
  return Array.from({ length: count }, () => {
    const sent = pick(network, nodes).broadcast();
    network.run(100 * network.random.float());
    return sent;
  });
}

/** Cuts a random link, and makes another. */
function churn(network: GossipNetwork, nodes: readonly GossipNode[]): void {
  const a = pick(network, nodes);
  const peers = [...a.links.values()].map(({ peer }) => peer);
  if (peers.length > 0) network.cut(a, pick(network, peers));
  network.link(pick(network, nodes), pick(network, nodes));
}

/** Connects all of these nodes, in a row. */
function mend(network: GossipNetwork, nodes: readonly GossipNode[]): void {
  for (let i = 1; i < nodes.length; i++) network.link(at(nodes, i - 1), at(nodes, i));
}

function pick<T>(network: GossipNetwork, items: readonly T[]): T {
  return at(items, Math.floor(network.random.float() * items.length));
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`no item ${index}`);
  return item;
}

function keyOf({ id }: Sent): string {
  return `${id.origin}/${id.incarnation}/${id.sequence}`;
}

function keys(node: GossipNode): string[] {
  return node.delivered.map(keyOf).sort();
}

function expectAll(nodes: readonly GossipNode[], sent: readonly Sent[]): void {
  const wanted = sent.map(keyOf).sort();
  for (const node of nodes) expect(keys(node), node.name).toEqual(wanted);
}

/** Shortest times from a node to all, by relaxing until nothing changes. */
function floodMs(from: GossipNode): Map<GossipNode, number> {
  const times = new Map([[from, 0]]);
  for (const [node, ms] of times) {
    for (const { peer, link } of node.links.values()) {
      const thereMs = ms + link.latencyMs;
      if (thereMs >= (times.get(peer) ?? Number.POSITIVE_INFINITY)) continue;
      times.delete(peer);
      times.set(peer, thereMs);
    }
  }
  return times;
}
