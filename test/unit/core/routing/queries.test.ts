import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ABSENT_NAMES_MAX,
  QUERIES_MAX,
  QUERY_HOPS_MAX,
  QUERY_LINKS_MAX,
  QUERY_TIME_MS_MAX,
} from '../../../../src/limits.ts';
import {
  chain,
  type Links,
  nameOf,
  nodeTarget,
  RoutingNetwork,
  serviceTarget,
} from './routing-network.ts';

const MAIL = serviceTarget('mail');
const ABSENT = { kind: 'miss', why: 'absent' };
const INCOMPLETE = { kind: 'miss', why: 'incomplete' };
const VALUE = Uint8Array.of(1, 2, 3);

describe('a query', () => {
  test('finds the service of a node that is hops away, and says which start has it', () => {
    const net = new RoutingNetwork(5, chain(5));
    net.node(4).services.set('mail', VALUE);
    expect(net.ask(0, MAIL)).toEqual({
      kind: 'found',
      found: { node: nameOf(4), incarnation: 4n, value: VALUE },
    });
    // There and back.
    expect(net.nowMs).toBe(8);
  });

  test('takes the first of several answers', () => {
    const net = new RoutingNetwork(4, [
      [0, 1, 1],
      [0, 2, 5],
      [2, 3, 1],
    ]);
    for (const index of [1, 3]) net.node(index).services.set('mail', VALUE);
    expect(net.ask(0, MAIL)).toMatchObject({ found: { node: nameOf(1) } });
    net.run(100);
  });

  test('ends with absent as soon as everybody was asked, long before its time is over', () => {
    const net = new RoutingNetwork(6, [...chain(6), [0, 3], [1, 4]]);
    expect(net.ask(0, MAIL)).toEqual(ABSENT);
    expect(net.nowMs).toBeLessThan(20);
    expect(net.nodes.map(({ core }) => core.openQueries)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('of a node without links ends at once (W2)', () => {
    const net = new RoutingNetwork(1, []);
    expect(net.ask(0, MAIL)).toEqual(ABSENT);
    expect(net.nowMs).toBe(0);
  });

  test('of a node without neighbours goes over a few of its links', () => {
    const count = QUERY_LINKS_MAX + 4;
    const net = new RoutingNetwork(
      count,
      Array.from({ length: count - 1 }, (_, index) => [0, index + 1]),
    );
    net.node(0).hasNoNeighbors = true;
    net.node(2).services.set('mail', VALUE);
    expect(net.ask(0, MAIL)).toMatchObject({ kind: 'found' });
    expect(net.sent.filter(({ from }) => from === 0)).toHaveLength(QUERY_LINKS_MAX);
  });

  test('crosses no more links than it may, and then says that somebody was left out (V11)', () => {
    const net = new RoutingNetwork(QUERY_HOPS_MAX + 2, chain(QUERY_HOPS_MAX + 2));
    net.node(QUERY_HOPS_MAX + 1).services.set('far', VALUE);
    net.node(QUERY_HOPS_MAX).services.set('near', VALUE);
    expect(net.ask(0, serviceTarget('far'))).toEqual(INCOMPLETE);
    expect(net.ask(0, serviceTarget('near'))).toMatchObject({ kind: 'found' });
  });

  test('that a silent node holds up is answered within its time by everybody before it', () => {
    const net = new RoutingNetwork(5, chain(5));
    net.node(4).isSilent = true;
    expect(net.ask(0, MAIL)).toEqual(INCOMPLETE);
    expect(net.nowMs).toBeLessThanOrEqual(QUERY_TIME_MS_MAX);
    expect(net.node(3).count('expired')).toBe(1);
    expect(net.node(0).count('expired')).toBe(0);
  });

  test('has less time left at each hop, and ends where there is none', () => {
    const net = new RoutingNetwork(9, chain(9));
    expect(net.ask(0, MAIL, 300)).toEqual(INCOMPLETE);
    const left = net.sent.flatMap(({ message }) =>
      message.kind === 'query' ? [message.timeLeftMs] : [],
    );
    expect(left).toEqual([248, 196, 144, 92, 40]);
    expect(net.nowMs).toBeLessThanOrEqual(300);
  });

  test('goes on where a link is lost on the way', () => {
    const net = new RoutingNetwork(4, [
      [0, 1],
      [0, 2],
      [2, 3],
    ]);
    net.node(1).isSilent = true;
    net.node(3).services.set('mail', VALUE);
    const id = net.find(0, serviceTarget('nobody'));
    net.run(10);
    net.cutLink(0, 1);
    expect(net.node(0).answers.get(id)).toEqual(INCOMPLETE);
  });

  test('whose asker is gone is forgotten', () => {
    const net = new RoutingNetwork(3, chain(3));
    net.node(2).isSilent = true;
    net.find(0, MAIL);
    net.run(10);
    expect(net.node(1).core.openQueries).toBe(1);
    net.cutLink(0, 1);
    expect(net.node(1).core.openQueries).toBe(0);
  });
});

describe('a node', () => {
  test('remembers for a second that nobody has a name, and asks nobody meanwhile (W4)', () => {
    const net = new RoutingNetwork(2, chain(2));
    expect(net.ask(0, MAIL)).toEqual(ABSENT);
    const sent = net.sent.length;
    expect(net.ask(0, MAIL)).toEqual(ABSENT);
    expect(net.sent).toHaveLength(sent);
    expect(net.node(0).count('asked')).toBe(1);
    net.run(1_000);
    net.node(1).services.set('mail', VALUE);
    expect(net.ask(0, MAIL)).toMatchObject({ kind: 'found' });
  });

  test('asks anew where it is told to, and remembers what comes of it', () => {
    const net = new RoutingNetwork(2, chain(2));
    expect(net.ask(0, MAIL)).toEqual(ABSENT);
    net.run(500);
    expect(net.askAnew(0, MAIL)).toEqual(ABSENT);
    expect(net.node(0).count('asked')).toBe(2);
    net.run(700);
    expect(net.ask(0, MAIL)).toEqual(ABSENT);
    expect(net.node(0).count('asked')).toBe(2);
    net.node(1).services.set('mail', VALUE);
    expect(net.askAnew(0, MAIL)).toMatchObject({ kind: 'found' });
  });

  test('forgets the oldest of too many absent names', () => {
    const net = new RoutingNetwork(1, []);
    for (let index = 0; index <= ABSENT_NAMES_MAX; index += 1) {
      net.ask(0, serviceTarget(`name-${index}`));
    }
    const asked = net.node(0).count('asked');
    net.ask(0, serviceTarget('name-1'));
    expect(net.node(0).count('asked')).toBe(asked);
    net.ask(0, serviceTarget('name-0'));
    expect(net.node(0).count('asked')).toBe(asked + 1);
  });

  test('does not remember a name that somebody was not asked for', () => {
    const net = new RoutingNetwork(2, chain(2));
    net.node(1).isSilent = true;
    expect(net.ask(0, MAIL)).toEqual(INCOMPLETE);
    net.node(1).isSilent = false;
    net.node(1).services.set('mail', VALUE);
    expect(net.ask(0, MAIL)).toMatchObject({ kind: 'found' });
  });

  test('does not remember a name that somebody was too busy to look for', () => {
    const net = new RoutingNetwork(2, chain(2));
    net.node(1).isSilent = true;
    const id = net.find(0, MAIL);
    net.receive(0, 1, { kind: 'miss', id, why: 'overloaded' });
    expect(net.node(0).answers.get(id)).toEqual(INCOMPLETE);
    net.ask(0, MAIL);
    expect(net.node(0).count('asked')).toBe(2);
  });

  test('turns a query back that it has handled already', () => {
    const net = new RoutingNetwork(3, chain(3));
    net.receive(1, 0, query(5n));
    net.run(QUERY_TIME_MS_MAX);
    const sent = net.sent.length;
    net.receive(1, 2, query(5n));
    expect(net.sent.slice(sent)).toEqual([
      { from: 1, to: 2, message: { kind: 'miss', id: 5n, why: 'seen' } },
    ]);
    expect(net.node(1).count('handled')).toBe(1);
  });

  test('takes it for an answer that a neighbour has handled its query before', () => {
    const net = new RoutingNetwork(2, chain(2));
    net.node(1).isSilent = true;
    const id = net.find(0, MAIL);
    net.receive(0, 1, { kind: 'miss', id, why: 'seen' });
    expect(net.node(0).answers.get(id)).toEqual(ABSENT);
  });

  test('with as many open queries as it may have refuses further ones at once (W6)', () => {
    const net = new RoutingNetwork(3, chain(3));
    net.node(2).isSilent = true;
    for (let index = 0; index < QUERIES_MAX; index += 1) net.find(0, serviceTarget(`s-${index}`));
    expect(net.ask(0, MAIL)).toEqual({ kind: 'miss', why: 'overloaded' });
    net.run(2);
    expect(net.node(1).core.openQueries).toBe(QUERIES_MAX);
    net.receive(1, 2, query(900n));
    expect(net.sent.at(-1)).toMatchObject({ to: 2, message: { kind: 'miss', why: 'overloaded' } });
    expect(net.node(1).count('overloaded')).toBe(1);
    net.run(QUERY_TIME_MS_MAX);
    expect(net.nodes.map(({ core }) => core.openQueries)).toEqual([0, 0, 0]);
    expect(net.node(0).answers.size).toBe(QUERIES_MAX + 1);
  });

  test('bounds what one neighbour asks in a short time', () => {
    const net = new RoutingNetwork(2, chain(2));
    for (let id = 1n; id <= 300n; id += 1n) net.receive(1, 0, query(id));
    expect(net.node(1).count('handled')).toBe(256);
    expect(net.node(1).count('overloaded')).toBe(44);
  });

  test('ignores answers that it has not asked for', () => {
    const net = new RoutingNetwork(3, [...chain(3)]);
    net.receive(0, 1, { kind: 'miss', id: 7n, why: 'absent' });
    const found = { node: nameOf(2), incarnation: 1n, value: VALUE };
    net.receive(0, 1, { kind: 'found', id: 7n, found });
    const id = net.find(0, MAIL);
    net.receive(0, 2, { kind: 'found', id, found });
    expect(net.node(0).answers.size).toBe(0);
    net.runUntil(() => net.node(0).answers.has(id));
    expect(net.node(0).answers.get(id)).toEqual(ABSENT);
  });

  test('takes an answer of the wrong kind for a fault of its sender', () => {
    const net = new RoutingNetwork(2, chain(2));
    net.node(1).isSilent = true;
    const service = net.find(0, MAIL);
    net.receive(0, 1, { kind: 'reached', id: service });
    const node = net.find(0, nodeTarget(1));
    const found = { node: nameOf(1), incarnation: 1n, value: VALUE };
    net.receive(0, 1, { kind: 'found', id: node, found });
    expect(net.node(0).faults).toEqual(['n1@x reached no node', 'n1@x found no service']);
  });
});

describe('on any network', () => {
  test('each node handles a query once, and at most two messages cross a link (V12)', () => {
    fc.assert(
      fc.property(anyNetwork, ({ count, links }) => {
        const net = new RoutingNetwork(count, links);
        const result = net.ask(0, MAIL);
        net.run(QUERY_TIME_MS_MAX);
        expect(result).toEqual(ABSENT);
        for (const { count: counted, index } of net.nodes.map((node) => ({
          index: node.index,
          count: node.count('handled') + node.count('asked'),
        }))) {
          expect([index, counted]).toEqual([index, 1]);
        }
        expect(net.sent.length).toBeLessThanOrEqual(2 * links.length);
        expect(net.nodes.every(({ core }) => core.openQueries === 0)).toBe(true);
      }),
    );
  });

  test('a service is found wherever it is, and nothing stays open (W7)', () => {
    fc.assert(
      fc.property(anyNetwork, fc.nat(), ({ count, links }, place) => {
        const net = new RoutingNetwork(count, links);
        const holder = 1 + (place % (count - 1));
        net.node(holder).services.set('mail', VALUE);
        expect(net.ask(0, MAIL)).toMatchObject({ found: { node: nameOf(holder) } });
        net.run(QUERY_TIME_MS_MAX);
        expect(net.nodes.every(({ core }) => core.openQueries === 0)).toBe(true);
      }),
    );
  });

  test('with silent nodes and links that are lost, an answer comes within the time', () => {
    fc.assert(
      fc.property(anyNetwork, fc.array(fc.nat()), fc.array(fc.nat()), (drawn, silent, lost) => {
        const { count, links } = drawn;
        const net = new RoutingNetwork(count, links);
        for (const place of silent) net.node(1 + (place % (count - 1))).isSilent = true;
        const id = net.find(0, MAIL);
        for (const place of lost) {
          net.run(1);
          const [a, b] = links[place % links.length] ?? [0, 0];
          if (a !== b) net.cutLink(a, b);
        }
        net.run(QUERY_TIME_MS_MAX - lost.length);
        expect(net.node(0).answers.has(id)).toBe(true);
        net.run(QUERY_TIME_MS_MAX);
        expect(net.nodes.every((node) => node.isSilent || node.core.openQueries === 0)).toBe(true);
      }),
    );
  });
});

/** A random tree with further links, latencies from 1 to 20 ms; at most 12 hops from end to end. */
const anyNetwork = fc
  .integer({ min: 2, max: 12 })
  .chain((count) =>
    fc.record({
      count: fc.constant(count),
      parents: fc.array(fc.nat(), { minLength: count - 1, maxLength: count - 1 }),
      more: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 20 }),
      latencies: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 40, maxLength: 40 }),
    }),
  )
  .map(({ count, parents, more, latencies }) => ({
    count,
    links: linksOf(
      [...parents.map((parent, index) => [index + 1, parent % (index + 1)] as const), ...more],
      latencies,
    ),
  }));

function linksOf(pairs: readonly (readonly [number, number])[], latencies: number[]): Links {
  const known = new Map<string, readonly [number, number]>();
  for (const [a, b] of pairs) {
    if (a !== b) known.set(`${Math.min(a, b)} ${Math.max(a, b)}`, [a, b]);
  }
  return [...known.values()].map(([a, b], index) => [a, b, latencies[index] ?? 1]);
}

function query(id: bigint): Parameters<RoutingNetwork['receive']>[2] {
  return { kind: 'query', id, hopsLeft: 3, timeLeftMs: 500, target: serviceTarget(`of-${id}`) };
}
