import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RoutingMessage } from '../../../../src/core/routing/messages.ts';
import {
  CIRCUIT_IDLE_MS,
  CIRCUITS_MAX,
  CIRCUITS_PER_NEIGHBOR_MAX,
} from '../../../../src/limits.ts';
import { chain, nodeTarget, RoutingNetwork } from './routing-network.ts';

describe('a query for a node', () => {
  test('sets up a circuit on which datagrams go both ways, in order', () => {
    const net = new RoutingNetwork(5, chain(5));
    const circuit = net.connect(0, 4);
    expect(net.node(4).opened).toEqual([circuit]);
    expect(net.nodes.map(({ core }) => core.openCircuits)).toEqual([1, 1, 1, 1, 1]);
    for (const text of ['one', 'two', 'three']) carry(net, 0, circuit, text);
    carry(net, 4, circuit, 'back');
    net.run(10);
    expect(net.node(4).delivered).toEqual(['one', 'two', 'three']);
    expect(net.node(0).delivered).toEqual(['back']);
  });

  test('goes straight to a node with a link to it, and nowhere else (W1)', () => {
    const net = new RoutingNetwork(5, [
      [0, 1],
      [1, 2],
      [1, 3],
      [1, 4],
    ]);
    net.connect(0, 3);
    expect(net.sent.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 3],
      [3, 1],
      [1, 0],
    ]);
  });

  test('takes the way that the roster knows (F14, W3)', () => {
    const net = new RoutingNetwork(4, [
      [0, 1],
      [0, 2],
      [2, 3],
    ]);
    net.node(0).nextHops.set(3, 2);
    net.connect(0, 3);
    expect(net.sent.map(({ to }) => to)).not.toContain(1);
  });

  test('asks all neighbours where that way has come to an end', () => {
    const net = new RoutingNetwork(4, [
      [0, 1],
      [0, 2],
      [2, 3],
    ]);
    net.node(0).nextHops.set(3, 1);
    net.connect(0, 3);
    expect(net.sent.map(({ to }) => to)).toEqual([1, 0, 2, 3, 2, 0]);
  });

  test('does not ask the others where that way is silent: the node itself may be dead', () => {
    const net = new RoutingNetwork(4, [
      [0, 1],
      [0, 2],
      [2, 3],
    ]);
    net.node(0).nextHops.set(3, 1);
    net.node(1).isSilent = true;
    expect(net.ask(0, nodeTarget(3))).toEqual({ kind: 'miss', why: 'incomplete' });
    expect(net.sent).toHaveLength(1);
  });

  test('never goes over a link that leads through other nodes', () => {
    const net = new RoutingNetwork(3, [[1, 2]]);
    net.node(0).relayed.add(1);
    net.node(1).relayed.add(0);
    expect(net.ask(0, nodeTarget(2))).toEqual({ kind: 'miss', why: 'absent' });
    expect(net.sent).toEqual([]);
  });

  test('that came over such a link is not looked into, which is no fault: ends may differ', () => {
    const net = new RoutingNetwork(3, [[1, 2]]);
    net.node(1).relayed.add(0);
    net.receive(1, 0, query(5n, 2));
    expect(net.sent).toEqual([
      { from: 1, to: 0, message: { kind: 'miss', id: 5n, why: 'incomplete' } },
    ]);
    expect(net.node(1).faults).toEqual([]);
    expect(net.node(1).count('handled')).toBe(0);
  });

  test('that two ask each other ends, though one of them takes the link for a circuit', () => {
    const net = new RoutingNetwork(2, chain(2));
    const id = net.find(1, nodeTarget(7));
    net.node(1).links.delete(0);
    net.node(1).relayed.add(0);
    net.receive(1, 0, query(id, 7));
    expect(net.node(1).answers.get(id)).toMatchObject({ kind: 'miss' });
  });

  test('may ask for a service over such a link', () => {
    const net = new RoutingNetwork(2, []);
    net.node(0).relayed.add(1);
    net.node(1).relayed.add(0);
    net.node(1).services.set('mail', Uint8Array.of(1));
    expect(net.ask(0, { kind: 'service', name: 'mail' })).toMatchObject({ kind: 'found' });
  });

  test('whose answer comes too late leaves no circuit behind', () => {
    const net = new RoutingNetwork(3, chain(3));
    const id = net.find(0, nodeTarget(2));
    net.run(2);
    expect(net.node(2).core.openCircuits).toBe(1);
    net.tell(1, { kind: 'timerFired', timer: { kind: 'query', id } });
    net.run(10);
    expect(net.nodes.map(({ core }) => core.openCircuits)).toEqual([0, 0, 0]);
    expect(net.node(2).closed).toEqual([id]);
  });
});

describe('a circuit', () => {
  test('that its user closes is gone on every node', () => {
    const net = new RoutingNetwork(4, chain(4));
    const circuit = net.connect(0, 3);
    net.tell(0, { kind: 'close', circuit });
    net.run(10);
    expect(net.nodes.map(({ core }) => core.openCircuits)).toEqual([0, 0, 0, 0]);
    expect([net.node(0).closed, net.node(3).closed]).toEqual([[], [circuit]]);
  });

  test('that loses a link is cut on both sides of it (W5)', () => {
    const net = new RoutingNetwork(5, chain(5));
    const circuit = net.connect(0, 4);
    net.cutLink(1, 2);
    net.run(10);
    expect(net.nodes.map(({ core }) => core.openCircuits)).toEqual([0, 0, 0, 0, 0]);
    expect([net.node(0).closed, net.node(4).closed]).toEqual([[circuit], [circuit]]);
  });

  test('that a relay forgot in a restart is cut by the first datagram', () => {
    const net = new RoutingNetwork(3, chain(3));
    net.receive(0, 1, { kind: 'carry', circuit: 77n, datagram: Buffer.from('lost') });
    net.run(10);
    expect(net.sent).toEqual([{ from: 0, to: 1, message: { kind: 'cut', circuit: 77n } }]);
  });

  test('that is gone is not mentioned for each datagram of a flood', () => {
    const net = new RoutingNetwork(2, chain(2));
    for (let count = 0; count < 1_000; count += 1) {
      net.receive(0, 1, { kind: 'carry', circuit: 77n, datagram: Buffer.from('lost') });
    }
    expect(net.sent).toHaveLength(64);
  });

  test('takes nothing from a node that it does not lead through', () => {
    const net = new RoutingNetwork(4, [...chain(3), [1, 3]]);
    const circuit = net.connect(0, 2);
    net.receive(1, 3, { kind: 'carry', circuit, datagram: Buffer.from('forged') });
    net.receive(1, 3, { kind: 'cut', circuit });
    net.run(10);
    expect(net.node(0).delivered).toEqual([]);
    expect(net.node(2).delivered).toEqual([]);
    carry(net, 0, circuit, 'mine');
    net.run(10);
    expect(net.node(2).delivered).toEqual(['mine']);
  });

  test('that carries nothing for a minute is cut, one in use is not (W8)', () => {
    const net = new RoutingNetwork(3, chain(3));
    const idle = net.connect(0, 2);
    const used = net.connect(0, 2);
    for (let second = 0; second < 100; second += 10) {
      carry(net, 2, used, 'still here');
      net.run(10_000);
    }
    expect(net.nodes.map(({ core }) => core.openCircuits)).toEqual([1, 1, 1]);
    expect([net.node(0).closed, net.node(2).closed]).toEqual([[idle], [idle]]);
    net.run(2 * CIRCUIT_IDLE_MS);
    expect(net.nodes.map(({ core }) => core.openCircuits)).toEqual([0, 0, 0]);
  });

  test('finds no room where one neighbour has as many as it may', () => {
    const net = new RoutingNetwork(4, [...chain(3), [1, 3]]);
    for (let count = 0; count < CIRCUITS_PER_NEIGHBOR_MAX; count += 1) {
      net.connect(0, 2);
      net.run(50);
    }
    expect(net.ask(0, nodeTarget(2))).toMatchObject({ kind: 'miss' });
    expect(net.node(1).count('full') + net.node(2).count('full')).toBe(1);
    net.run(10);
    expect(net.node(2).core.openCircuits).toBe(CIRCUITS_PER_NEIGHBOR_MAX);
    expect(net.node(1).core.openCircuits).toBe(CIRCUITS_PER_NEIGHBOR_MAX);
  });

  test('finds no room on a node that has as many as it may', () => {
    const spokes = 6;
    const hub = 0;
    const last = spokes + 1;
    const net = new RoutingNetwork(
      spokes + 2,
      Array.from({ length: spokes + 1 }, (_, index) => [hub, index + 1]),
    );
    let opened = 0;
    for (let index = 1; index <= spokes; index += 1) {
      for (let count = 0; count < CIRCUITS_PER_NEIGHBOR_MAX; count += 1) {
        net.run(20);
        const id = net.find(index, nodeTarget(((index + count) % spokes) + 1));
        net.runUntil(() => net.node(index).answers.has(id));
        if (net.node(index).answers.get(id)?.kind === 'reached') opened += 1;
      }
    }
    expect(opened).toBeGreaterThan(CIRCUITS_MAX / 2);
    expect(net.node(hub).core.openCircuits).toBeLessThanOrEqual(CIRCUITS_MAX);
    expect(net.ask(hub, nodeTarget(last))).toBeDefined();
  });
});

test('whatever peers send, nothing throws and nothing is carried to a stranger', () => {
  const someone = fc.constantFrom(0, 2);
  const id = fc.constantFrom(1n, 2n, 3n);
  const message = fc.oneof<fc.Arbitrary<RoutingMessage>[]>(
    fc.record({
      kind: fc.constant('query' as const),
      id,
      hopsLeft: fc.nat(3),
      timeLeftMs: fc.nat(200),
      target: fc.constantFrom(nodeTarget(1), nodeTarget(2), nodeTarget(3)),
    }),
    fc.record({
      kind: fc.constant('miss' as const),
      id,
      why: fc.constantFrom('absent' as const, 'seen' as const, 'incomplete' as const),
    }),
    fc.record({ kind: fc.constant('reached' as const), id }),
    fc.record({
      kind: fc.constant('carry' as const),
      circuit: id,
      datagram: fc.constant(Uint8Array.of(1)),
    }),
    fc.record({ kind: fc.constant('cut' as const), circuit: id }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(someone, message), { maxLength: 40 }), (received) => {
      const net = new RoutingNetwork(4, [...chain(3), [1, 3]]);
      for (const node of [0, 2, 3]) net.node(node).isSilent = true;
      for (const [from, what] of received) {
        net.receive(1, from, what);
        net.run(1);
      }
      for (const { from, to, message: sent } of net.sent) {
        expect(from).toBe(1);
        // Nobody has ever asked or answered through node 3 but node 1 itself.
        if (sent.kind === 'carry') expect([0, 2]).toContain(to);
      }
      net.run(2 * CIRCUIT_IDLE_MS);
      expect([net.node(1).core.openQueries, net.node(1).core.openCircuits]).toEqual([0, 0]);
    }),
  );
});

function carry(net: RoutingNetwork, from: number, circuit: bigint, text: string): void {
  net.tell(from, { kind: 'carry', circuit, datagram: Buffer.from(text) });
}

function query(id: bigint, target: number): RoutingMessage {
  return { kind: 'query', id, hopsLeft: 3, timeLeftMs: 500, target: nodeTarget(target) };
}
