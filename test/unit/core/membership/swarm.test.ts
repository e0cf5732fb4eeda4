import { describe, expect, test } from 'vitest';
import { oneSidedLinks } from '../../../../src/core/membership/invariants.ts';
import { seeded } from '../overlay-network.ts';
import { shapeOf } from './overlay-shape.ts';
import { Swarm, type SwarmNode } from './swarm.ts';

describe('an overlay that joined one contact', () => {
  for (const [how, pauseMs] of [
    ['one by one', 20],
    ['all at once', 0],
  ] as const) {
    test(`${how} is as random as it can be, and all its links are mutual (E1, N1)`, () => {
      const swarm = new Swarm(3);
      const nodes = swarm.cluster(200, pauseMs);
      swarm.run(200 * pauseMs + 60_000);
      const shape = shapeOf(coresOf(nodes));
      expect(oneSidedLinks(coresOf(nodes))).toEqual([]);
      expect(shape.reached).toBe(200);
      expect(shape.degreeMean).toBeGreaterThanOrEqual(4.8);
      expect(shape.degreeMin).toBeGreaterThanOrEqual(2);
      // A random graph of degree 5 has 4/200 = 0.02, 3.7 and 5.
      expect(shape.clustering).toBeLessThan(0.05);
      expect(shape.pathMean).toBeLessThan(4);
      expect(shape.diameter).toBeLessThanOrEqual(6);
    });
  }
});

describe('an overlay of which most nodes crash at once (E2)', () => {
  for (const [share, withinMs] of [
    [0.5, 5_000],
    [0.8, 5_000],
    [0.9, 10_000],
    [0.95, 30_000],
  ] as const) {
    test(`is whole again ${withinMs / 1_000} s after ${share * 100} % of it died`, () => {
      const swarm = new Swarm(2);
      swarm.hasMemberList = true;
      const nodes = swarm.cluster(200, 10);
      swarm.run(15_000);
      swarm.crash(someOf(nodes, share, 3));
      swarm.run(withinMs);
      const shape = shapeOf(coresOf(swarm.living));
      expect(shape.reached).toBe(swarm.living.length);
      expect(shape.degreeMin).toBeGreaterThanOrEqual(1);
    });
  }
});

describe('blocked halves of an overlay', () => {
  test('do not see each other, and are one again when they are let and join (S1, S3)', () => {
    const swarm = new Swarm(5);
    const nodes = swarm.cluster(4, 100) as [SwarmNode, SwarmNode, SwarmNode, SwarmNode];
    const [a, b, c, d] = nodes;
    swarm.run(10_000);
    block(swarm, [a, b], [c, d]);
    block(swarm, [c, d], [a, b]);
    for (const waitMs of [0, 5_000, 10_000, 60_000]) {
      swarm.run(waitMs);
      expect(known(a, b)).toEqual([a.self.node, b.self.node]);
      expect(known(c, d)).toEqual([c.self.node, d.self.node]);
    }
    block(swarm, nodes, []);
    swarm.join(c, a);
    swarm.join(b, c);
    swarm.join(d, a);
    swarm.run(20_000);
    expect(shapeOf(coresOf(nodes))).toMatchObject({ reached: 4, degreeMin: 3 });
  });
});

describe('a node that starts again', () => {
  test('finds its place by the peers that it saved, without a contact', () => {
    const swarm = new Swarm(6);
    const nodes = swarm.cluster(40, 50);
    swarm.run(20_000);
    const old = nodes[7] as SwarmNode;
    const peers = old.core.peers.map((peer) => ({ ...peer, ageMs: peer.ageMs + 1_000 }));
    swarm.crash([old]);
    swarm.run(3_000);
    const again = swarm.add(old.self.node, 2n);
    swarm.tell(again, { kind: 'candidates', peers });
    swarm.run(3_000);
    expect(again.core.activeView.length).toBeGreaterThanOrEqual(2);
    swarm.run(10_000);
    expect(shapeOf(coresOf(swarm.living)).reached).toBe(40);
  });

  test('after a leave finds those of before, though its contact is alone', () => {
    const swarm = new Swarm(7);
    const nodes = swarm.cluster(20, 50);
    swarm.run(20_000);
    const leaver = nodes[7] as SwarmNode;
    swarm.tell(leaver, { kind: 'leave', requestId: 9 });
    for (const other of nodes) {
      swarm.tell(other, { kind: 'gone', node: leaver.self.node, incarnation: 1n });
    }
    swarm.run(30_000);
    expect(nodes.some(({ core }) => core.peers.some(({ node }) => node === 'n7@s'))).toBe(false);
    expect(leaver.core.peers).toEqual([]);
    expect(leaver.core.formerPeers.length).toBeGreaterThan(5);
    swarm.join(leaver, swarm.add());
    swarm.run(10_000);
    expect(leaver.core.formerPeers).toEqual([]);
    expect(shapeOf(coresOf(swarm.living)).reached).toBe(21);
  });
});

function coresOf(nodes: readonly SwarmNode[]): SwarmNode['core'][] {
  return nodes.map(({ core }) => core);
}

function someOf(nodes: readonly SwarmNode[], share: number, seed: number): SwarmNode[] {
  const random = seeded(seed + 1_000);
  const drawn = nodes.map((node) => ({ node, place: random.float() }));
  drawn.sort((a, b) => a.place - b.place);
  return drawn.slice(0, Math.round(share * nodes.length)).map(({ node }) => node);
}

function block(swarm: Swarm, nodes: readonly SwarmNode[], others: readonly SwarmNode[]): void {
  const names = others.map(({ self }) => self.node);
  for (const node of nodes) swarm.tell(node, { kind: 'block', nodes: names });
}

/** Everybody in the views of these nodes, sorted. */
function known(...nodes: readonly SwarmNode[]): string[] {
  const names = nodes.flatMap(({ core }) => [...core.activeView, ...core.passiveView]);
  return [...new Set(names)].sort();
}
