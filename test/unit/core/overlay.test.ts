import { describe, expect, test } from 'vitest';
import { oneSidedLinks } from '../../../src/core/membership/invariants.ts';
import { componentOf, OverlayNetwork, type OverlayNode } from './overlay-network.ts';

describe('an overlay at rest', () => {
  for (const size of [2, 3, 5, 8, 12, 16, 30, 60]) {
    test(`of ${size} nodes that joined one contact is mutual, connected and well linked`, () => {
      for (const seed of size < 30 ? [1, 2, 3] : [1]) {
        const network = new OverlayNetwork({ seed });
        const nodes = network.cluster(size, 2_000);
        network.run(15_000);
        expectSound(nodes, `seed ${seed}`);
        for (const node of nodes) expect(node.aliveNames).toEqual(namesOf(nodes));
      }
    });
  }

  test('is as sound when all nodes join one contact in the same instant', () => {
    const network = new OverlayNetwork({ seed: 4 });
    const nodes = network.cluster(40, 0);
    network.run(15_000);
    expectSound(nodes, 'storm');
    expect(nodes.some((node) => node.results.some(({ kind }) => kind === 'redirected'))).toBe(true);
  });

  test('holds with one place in the active view and none in the passive one (N5)', () => {
    const config = { activeSize: 1, passiveSize: 0 };
    const network = new OverlayNetwork({ seed: 5, config });
    const nodes = network.cluster(4, 500);
    network.run(20_000);
    for (const { membership } of nodes) expect(membership.passiveView).toEqual([]);
  });

  test('never overfills a node that joins ten contacts (N6)', () => {
    const network = new OverlayNetwork({ seed: 6 });
    const contacts = Array.from({ length: 10 }, (_, i) => network.add(`c${i}@sim`));
    const node = network.add('joiner@sim');
    for (const contact of contacts) node.join(contact.self);
    network.run(10_000);
    expect(node.results.filter(({ kind }) => kind === 'accepted')).toHaveLength(10);
    expect(node.membership.activeView).toHaveLength(5);
    expectSound([node, ...contacts], 'ten contacts');
  });

  test('costs an idle node few messages a second', () => {
    const network = new OverlayNetwork({ seed: 7 });
    network.cluster(20, 1_000);
    network.run(20_000);
    const before = network.framesSent;
    network.run(20_000);
    expect((network.framesSent - before) / 20 / 20).toBeLessThan(20);
  });
});

describe('an overlay that loses nodes', () => {
  test('is whole and full again 10 s after 30 % died at once, the contact among them (N2)', () => {
    for (const seed of [12, 13]) {
      const network = new OverlayNetwork({ seed });
      const nodes = network.cluster(40, 2_000);
      network.run(15_000);
      const dead = nodes.slice(0, 12);
      const living = nodes.slice(12);
      for (const node of dead) network.crash(node);
      network.run(10_000);
      expectSound(living, `seed ${seed}`);
      const deadNames = new Set(namesOf(dead));
      for (const { membership, aliveNames } of living) {
        expect(membership.activeView.length).toBeGreaterThanOrEqual(3);
        const known = membership.peers.map((peer) => peer.node);
        expect(known.filter((name) => deadNames.has(name))).toEqual([]);
        expect(aliveNames).toEqual(namesOf(living));
      }
    }
  });

  test('knows a death everywhere within 5 s, and says so once', () => {
    const network = new OverlayNetwork({ seed: 14 });
    const nodes = network.cluster(16, 1_000);
    network.run(10_000);
    const [, victim, ...others] = nodes;
    if (victim === undefined) throw new Error('no victim');
    network.crash(victim);
    network.run(5_000);
    for (const node of [...others, nodes[0]]) {
      const events = node?.memberEvents.filter((event) => event.node === victim.name);
      expect(events?.map((event) => event.type)).toEqual(['memberUp', 'memberDown']);
    }
  });

  test('replaces a node that restarts within a second, without lost or double events (N15)', () => {
    for (const seed of [15, 16, 17]) {
      const network = new OverlayNetwork({ seed });
      const nodes = network.cluster(12, 1_000);
      network.run(10_000);
      const [contact, victim, ...rest] = nodes;
      if (contact === undefined || victim === undefined) throw new Error('too few');
      victim.put('service', 'old');
      network.run(1_000);
      network.crash(victim);
      network.run(400);
      const again = network.add(victim.name, 2n);
      again.join(contact.self);
      again.put('service', 'new');
      network.run(8_000);
      for (const node of [contact, ...rest]) {
        const events = node.memberEvents.filter((event) => event.node === victim.name);
        expect(events.map((event) => `${event.type} ${event.incarnation}`)).toEqual([
          'memberUp 1',
          'memberDown 1',
          'memberUp 2',
        ]);
        expect(node.tableText).toEqual([`${victim.name}/service=new`]);
        const peer = node.membership.peers.find(({ node: name }) => name === victim.name);
        expect(peer?.incarnation ?? 2n).toBe(2n);
      }
      expectSound([contact, again, ...rest], `seed ${seed}`);
    }
  });

  test('joins again when two halves that forgot each other meet through a contact (N14)', () => {
    const network = new OverlayNetwork({ seed: 18 });
    const nodes = network.cluster(10, 1_000);
    network.run(10_000);
    const isLow = (name: string): boolean => Number(name.slice(1, 2)) < 5;
    network.isCut = (a, b) => isLow(a) !== isLow(b);
    network.run(60_000);
    expect(componentOf(nodes).size).toBe(5);
    network.isCut = () => false;
    const [first] = nodes;
    if (first !== undefined) nodes[7]?.join(first.self);
    network.run(15_000);
    expectSound(nodes, 'healed');
    for (const node of nodes) expect(node.aliveNames).toEqual(namesOf(nodes));
  });
});

describe('a node that leaves', () => {
  test('is forgotten, is not joined by others, and can come back (N3)', () => {
    const network = new OverlayNetwork({ seed: 21 });
    const [a, b] = network.cluster(2, 100) as [OverlayNode, OverlayNode];
    network.run(5_000);
    b.put('k', 'v');
    network.run(500);
    b.leave();
    network.run(30_000);
    expect(a.membership.peers).toEqual([]);
    expect(b.membership.peers).toEqual([]);
    expect(a.tableText).toEqual([]);
    expect(a.memberEvents.at(-1)).toMatchObject({ type: 'memberDown', reason: 'left' });
    b.join(a.self);
    network.run(3_000);
    expect(a.membership.activeView).toEqual([b.name]);
    expect(b.membership.activeView).toEqual([a.name]);
    expect(a.aliveNames).toEqual([a.name, b.name]);
    expect(a.tableText).toEqual([`${b.name}/k=v`]);
  });

  test('is known as left everywhere, never as failed', () => {
    const network = new OverlayNetwork({ seed: 22 });
    const nodes = network.cluster(16, 1_000);
    network.run(10_000);
    const leaver = nodes[3] as OverlayNode;
    leaver.leave();
    network.run(2_000);
    const others = nodes.filter((node) => node !== leaver);
    for (const node of others) {
      const downs = node.memberEvents.filter((event) => event.type === 'memberDown');
      expect(downs).toEqual([
        { type: 'memberDown', node: leaver.name, incarnation: 1n, reason: 'left' },
      ]);
    }
    network.run(20_000);
    expectSound(others, 'after leave');
    for (const { membership } of others) {
      expect(membership.peers.map((peer) => peer.node)).not.toContain(leaver.name);
    }
  });
});

describe('nodes that leave all at once, so that nobody passes it on', () => {
  test('tell it to the one that stays as soon as that asks them for a place', () => {
    const network = new OverlayNetwork({ seed: 23, config: { activeSize: 2, passiveSize: 8 } });
    const [stays, ...others] = network.cluster(10, 1_000) as [OverlayNode, ...OverlayNode[]];
    network.run(15_000);
    for (const node of others) node.leave();
    network.run(30_000);
    expect(stays.aliveNames).toEqual([stays.name]);
    expect(stays.membership.peers).toEqual([]);
    const downs = stays.memberEvents.filter((event) => event.type === 'memberDown');
    expect(downs.map((event) => event.reason)).toEqual(others.map(() => 'left'));
  });
});

describe('an overlay that loses messages', () => {
  test('has mutual links again soon after a fifth of all messages was lost (N8)', () => {
    for (const seed of [31, 32, 33]) {
      const network = new OverlayNetwork({ seed });
      network.options.loss = 0.2;
      const nodes = network.cluster(16, 2_000);
      network.run(20_000);
      network.options.loss = 0;
      network.run(20_000);
      expectSound(nodes, `seed ${seed}`);
    }
  });

  test('declares nobody dead for good: a victim of silence refutes', () => {
    const network = new OverlayNetwork({ seed: 34 });
    const nodes = network.cluster(6, 500);
    network.run(5_000);
    const victim = nodes[2] as OverlayNode;
    victim.put('k', 'v');
    network.run(500);
    const deaf = nodes[4] as OverlayNode;
    // One link is cut for a while: one neighbour takes the other for dead, the rest know better.
    network.isCut = (a, b) =>
      (a === victim.name && b === deaf.name) || (b === victim.name && a === deaf.name);
    network.run(6_000);
    network.isCut = () => false;
    network.run(10_000);
    for (const node of nodes) {
      expect(node.aliveNames).toEqual(namesOf(nodes));
      expect(node.tableText).toEqual([`${victim.name}/k=v`]);
    }
    expect(victim.roster.get(victim.name)?.refutation).toBeGreaterThan(0);
    expectSound(nodes, 'refuted');
  });
});

describe('the table on the overlay', () => {
  test('is the same everywhere within a second of a write, removals included', () => {
    const network = new OverlayNetwork({ seed: 41 });
    const nodes = network.cluster(16, 1_000);
    network.run(10_000);
    for (const node of nodes) {
      node.put('a', node.name);
      node.put('b', '1');
      node.remove('b');
      node.put('a', `${node.name}!`);
    }
    network.run(1_000);
    const expected = nodes.map(({ name }) => `${name}/a=${name}!`).sort();
    for (const node of nodes) expect(node.tableText).toEqual(expected);
  });

  test('loses the entries of a node that died within 6 s, and newcomers never get them', () => {
    const network = new OverlayNetwork({ seed: 42 });
    const nodes = network.cluster(10, 1_000);
    network.run(8_000);
    const victim = nodes[5] as OverlayNode;
    victim.put('k', 'v');
    network.run(1_000);
    network.crash(victim);
    network.run(6_000);
    const newcomer = network.add('late@sim');
    newcomer.join((nodes[0] as OverlayNode).self);
    network.run(3_000);
    for (const node of [newcomer, ...nodes])
      if (node !== victim) expect(node.tableText).toEqual([]);
  });
});

test('the same seed gives the same run', () => {
  const trace = (): string => {
    const network = new OverlayNetwork({ seed: 51, loss: 0.05 });
    const nodes = network.cluster(12, 1_000);
    network.run(8_000);
    network.crash(nodes[1] as OverlayNode);
    network.run(8_000);
    const views = nodes.map(({ membership }) => membership.activeView.join(' '));
    return `${network.framesSent} ${views.join('|')}`;
  };
  expect(trace()).toBe(trace());
});

function namesOf(nodes: readonly OverlayNode[]): string[] {
  return nodes.map((node) => node.name).sort();
}

function expectSound(nodes: readonly OverlayNode[], context: string): void {
  expect(oneSidedLinks(nodes.map((node) => node.membership)), context).toEqual([]);
  expect(componentOf(nodes).size, context).toBe(nodes.length);
  const degreeMin = Math.min(nodes.length - 1, 2);
  for (const { membership, name, faults } of nodes) {
    const text = `${context}: ${name} has ${membership.activeView.join(' ')}`;
    expect(membership.activeView.length, text).toBeGreaterThanOrEqual(degreeMin);
    expect(faults, text).toEqual([]);
  }
}
