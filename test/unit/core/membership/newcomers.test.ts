import { describe, expect, test } from 'vitest';
import { Driven, many, peer } from './driven.ts';

describe('a storm of newcomers', () => {
  test('is spread evenly over all that came in it, early and late', () => {
    const node = storm(400);
    const named = namesOf(node.sends('joinReply').slice(200));
    const early = named.filter((name) => numberOf(name) < 100).length;
    const late = named.filter((name) => numberOf(name) >= 100).length;
    expect(early).toBeGreaterThan(named.length / 10);
    expect(late).toBeGreaterThan(named.length / 10);
    const last = namesOf(node.sends('joinReply').slice(-50));
    expect(new Set(last).size).toBeGreaterThan(25);
  });

  test('is forgotten ten seconds after its last redirect', () => {
    const node = storm(50);
    node.pass(10_001);
    node.receive('late', { kind: 'join', requestId: 1 });
    const known = [...node.core.activeView, ...node.core.passiveView];
    const named = namesOf(node.sends('joinReply').slice(-1));
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });

  test('names nobody to himself', () => {
    const node = storm(40);
    for (const { to, message } of node.sends('joinReply')) {
      if (message.kind === 'joinReply') {
        expect(message.peers.map((named) => named.node)).not.toContain(to);
      }
    }
  });
});

describe('a newcomer that is taken in', () => {
  test('hears of others in the answer, and they become its spares', () => {
    const contact = Driven.full(5);
    contact.do({ kind: 'candidates', peers: many(10) });
    contact.receive('j', { kind: 'join', requestId: 1 });
    const answer = contact.last('joinReply')?.message;
    if (answer?.kind !== 'joinReply') throw new Error('no answer');
    expect(answer.peers).toHaveLength(8);
    const newcomer = new Driven();
    newcomer.link('c');
    newcomer.do({ kind: 'join', peer: peer('c'), requestId: 1 });
    newcomer.answerJoin('c', 'accepted', answer.peers);
    expect(newcomer.core.peers).toHaveLength(9);
  });
});

describe('a node that was placed in a storm', () => {
  test('introduces itself again by four walks, and by no more', () => {
    const node = new Driven();
    redirect(node);
    for (const name of ['a', 'b']) node.receive(name, neighborRequest());
    node.pass(120_000);
    const walks = node.sends('forwardJoin');
    expect(walks).toHaveLength(4);
    for (const { message } of walks) {
      expect(message).toMatchObject({ hopsLeft: 6, newcomer: { node: 'self@t' } });
    }
  });

  test('keeps its walks until it has a neighbour', () => {
    const node = new Driven();
    redirect(node);
    node.pass(60_000);
    node.receive('a', neighborRequest());
    node.pass(120_000);
    expect(node.sends('forwardJoin')).toHaveLength(4);
  });

  test('is one that redirects others as well', () => {
    const node = storm(20);
    const before = node.sends('forwardJoin').length;
    node.pass(120_000);
    expect(node.sends('forwardJoin').length - before).toBe(4);
  });

  test('is none that was taken in at once', () => {
    const node = new Driven();
    node.link('c');
    node.do({ kind: 'join', peer: peer('c'), requestId: 1 });
    node.answerJoin('c', 'accepted');
    node.pass(120_000);
    expect(node.sends('forwardJoin')).toEqual([]);
  });
});

describe('an invitation', () => {
  test('asks that peer with high priority, even when the view is full', () => {
    const node = Driven.full(5);
    node.do({ kind: 'invite', peer: peer('stray') });
    expect(node.connects).toEqual(['stray@t']);
    node.link('stray');
    expect(node.last('neighbor')?.message).toMatchObject({ priority: 'high' });
    node.answerNeighbor('stray', true);
    expect(node.core.activeView).toContain('stray@t');
    expect(node.core.activeView).toHaveLength(5);
  });

  test('of a peer that is being dialled makes its request urgent', () => {
    const node = Driven.full(2);
    node.do({ kind: 'candidates', peers: [peer('stray')] });
    node.do({ kind: 'invite', peer: peer('stray') });
    node.link('stray');
    expect(node.sends('neighbor').map(({ message }) => message)).toMatchObject([
      { priority: 'high' },
    ]);
  });

  test('of a peer that the roster gave up takes it back', () => {
    const node = Driven.full(5);
    node.do({ kind: 'gone', node: 'stray@t', incarnation: 1n });
    node.do({ kind: 'invite', peer: peer('stray') });
    expect(node.core.pendingNodes).toEqual(['stray@t']);
  });

  test('of a neighbour, of the node itself, or after leave, does nothing', () => {
    const node = Driven.full(2);
    node.do({ kind: 'invite', peer: peer('p0') });
    node.do({ kind: 'invite', peer: peer('self') });
    node.do({ kind: 'leave', requestId: 1 });
    node.do({ kind: 'invite', peer: peer('stray') });
    expect(node.connects).toEqual([]);
    expect(node.core.pendingNodes).toEqual([]);
  });

  test('above the bound on requests makes the peer a spare', () => {
    const node = Driven.full(5, { attemptsMax: 2 });
    for (const stray of many(3)) node.do({ kind: 'invite', peer: stray });
    expect(node.core.pendingNodes).toEqual(['m0@t', 'm1@t']);
    expect(node.core.passiveView).toEqual(['m2@t']);
  });
});

/** A contact to which that many newcomers came at once: 16 are taken, the others are redirected. */
function storm(newcomers: number): Driven {
  const node = new Driven();
  for (let i = 0; i < newcomers; i += 1) node.receive(`j${i}`, { kind: 'join', requestId: 1 });
  return node;
}

function redirect(node: Driven): void {
  node.link('c');
  node.do({ kind: 'join', peer: peer('c'), requestId: 1 });
  node.answerJoin('c', 'redirected', [peer('x')]);
}

function neighborRequest(): { kind: 'neighbor'; requestId: number; priority: 'high' } {
  return { kind: 'neighbor', requestId: 1, priority: 'high' };
}

function namesOf(replies: ReturnType<Driven['sends']>): string[] {
  return replies.flatMap(({ message }) =>
    message.kind === 'joinReply' ? message.peers.map((named) => named.node) : [],
  );
}

function numberOf(name: string): number {
  return Number(name.slice(1, name.indexOf('@')));
}
