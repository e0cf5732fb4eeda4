import { describe, expect, test } from 'vitest';
import { Driven, many, peer } from './driven.ts';

describe('repair of a node that is nearly alone', () => {
  test('dials eight spares at once, asks as many as there are places, and keeps the others', () => {
    const node = new Driven();
    node.do({ kind: 'candidates', peers: many(12) });
    expect(node.core.pendingNodes).toHaveLength(8);
    for (const name of [...node.connects]) node.link(name.replace('@t', ''));
    const asked = node.sends('neighbor');
    expect(asked).toHaveLength(5);
    expect(node.core.pendingNodes).toHaveLength(5);
    expect(node.core.passiveView).toHaveLength(7);
    expect(node.released).toHaveLength(3);
  });

  test('asks one with high priority at a time, and chooses it when the link stands', () => {
    const node = new Driven();
    node.do({ kind: 'candidates', peers: many(8) });
    for (const name of node.connects.slice(4)) node.link(name.replace('@t', ''));
    const priorities = node.sends('neighbor').map(({ message }) => message);
    expect(priorities.map((m) => (m.kind === 'neighbor' ? m.priority : ''))).toEqual([
      'high',
      'low',
      'low',
      'low',
    ]);
  });

  test('asks the driver for candidates at once, and about every second', () => {
    const node = Driven.full(1);
    node.do({ kind: 'disconnected', node: 'p0@t', reason: 'lost' });
    expect(helps(node)).toBe(1);
    node.pass(20_000);
    expect(helps(node)).toBeGreaterThanOrEqual(9);
    expect(helps(node)).toBeLessThanOrEqual(21);
  });

  test('asks for candidates although dead spares keep it busy', () => {
    const node = new Driven();
    node.do({ kind: 'candidates', peers: many(8) });
    node.pass(3_000);
    expect(helps(node)).toBeGreaterThanOrEqual(1);
  });

  test('gives at most half of its dials to peers that failed before', () => {
    const node = new Driven();
    node.do({ kind: 'candidates', peers: many(20) });
    node.pass(20_000);
    expect(node.core.pendingNodes.length).toBeLessThanOrEqual(4);
    node.do({ kind: 'candidates', peers: [peer('f0'), peer('f1'), peer('f2'), peer('f3')] });
    expect(node.connects.slice(-4).sort()).toEqual(['f0@t', 'f1@t', 'f2@t', 'f3@t']);
  });
});

describe('repair of a view with a free place', () => {
  test('asks the driver for candidates ever more seldom', () => {
    const node = Driven.full(3);
    node.pass(60_000);
    expect(helps(node)).toBeGreaterThanOrEqual(4);
    expect(helps(node)).toBeLessThanOrEqual(8);
  });

  test('asks again at once when a neighbour is lost', () => {
    const node = Driven.full(4);
    node.pass(60_000);
    const before = helps(node);
    node.do({ kind: 'disconnected', node: 'p0@t', reason: 'lost' });
    expect(helps(node)).toBe(before + 1);
  });

  test('asks neither help nor spares when there is no place', () => {
    const node = Driven.full(5);
    node.do({ kind: 'candidates', peers: many(3) });
    node.pass(20_000);
    expect([helps(node), node.connects.length]).toEqual([0, 0]);
  });

  test('passes over a peer that backs off or cools, and asks nobody when all do (C15, C18)', () => {
    const node = Driven.full(4);
    node.do({ kind: 'candidates', peers: [peer('bad')] });
    node.do({ kind: 'connectFailed', node: 'bad@t' });
    expect(node.core.pendingNodes).toEqual([]);
    node.do({ kind: 'candidates', peers: [peer('fine')] });
    expect(node.core.pendingNodes).toEqual(['fine@t']);
  });
});

describe('a spare that fails again and again', () => {
  test('is none any more after the fifth time, and failing on harms nothing (C8, C10, C16)', () => {
    const node = Driven.full(2, { activeSize: 2 });
    node.do({ kind: 'candidates', peers: [peer('fine'), peer('bad'), peer('weak')] });
    for (let i = 1; i <= 10; i += 1) {
      fail(node, 'bad');
      if (i < 5) fail(node, 'weak');
      expect(node.core.passiveView.includes('bad@t')).toBe(i < 5);
    }
    expect(node.core.passiveView.sort()).toEqual(['fine@t', 'weak@t']);
    node.do({ kind: 'disconnected', node: 'p0@t', reason: 'closed' });
    expect(node.core.pendingNodes).toEqual(['fine@t']);
  });

  test('that is not known at all changes nothing (C7)', () => {
    const node = Driven.full(2);
    const before = [node.core.peers, node.effects.length];
    node.do({ kind: 'connectFailed', node: 'unknown@t' });
    expect([node.core.peers, node.effects.length]).toEqual(before);
  });
});

describe('candidates', () => {
  test('take the place of spares that failed, in an even sample', () => {
    const node = Driven.full(4, { passiveSize: 10 });
    node.do({ kind: 'candidates', peers: many(10) });
    node.pass(30_000);
    const list = Array.from({ length: 200 }, (_, i) => peer(`c${i}`));
    node.do({ kind: 'candidates', peers: list });
    const fresh = node.core.peers.filter(({ node: name }) => name.startsWith('c'));
    expect(fresh).toHaveLength(10);
    const numbers = fresh.map(({ node: name }) => Number(name.slice(1, -2)));
    expect(Math.min(...numbers)).toBeLessThan(100);
    expect(Math.max(...numbers)).toBeGreaterThan(100);
  });

  test('from the disk are tried at the start, and keep their age', () => {
    const node = new Driven();
    node.do({ kind: 'candidates', peers: many(20).map((old) => ({ ...old, ageMs: 600_000 })) });
    expect(node.connects).toHaveLength(8);
    const spares = node.core.peers.filter(({ node: n }) => !node.connects.includes(n));
    expect(spares).toHaveLength(12);
    for (const { ageMs } of spares) expect(ageMs).toBe(600_000);
    node.link(node.connects[0]?.replace('@t', '') ?? '');
    expect(node.sends('neighbor')).toHaveLength(1);
  });
});

describe('candidates that are presumed dead', () => {
  test('are tried although the roster gave them up a moment ago', () => {
    const node = Driven.full(4);
    node.do({ kind: 'gone', node: 'lost@t', incarnation: 1n });
    node.do({ kind: 'candidates', peers: [peer('lost')] });
    expect(node.core.pendingNodes).toEqual([]);
    node.do({ kind: 'candidates', peers: [peer('lost')], arePresumedDead: true });
    expect(node.core.pendingNodes).toEqual(['lost@t']);
  });
});

describe('a dial', () => {
  test('is given up after half a second, and after twice as long at each failure', () => {
    const node = Driven.full(4);
    node.do({ kind: 'candidates', peers: [peer('dead')] });
    const waits: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      while (!node.core.pendingNodes.includes('dead@t')) node.pass(10);
      const beganMs = node.nowMs;
      while (node.core.pendingNodes.includes('dead@t')) node.pass(10);
      waits.push(node.nowMs - beganMs);
    }
    for (const [i, wait] of waits.entries()) {
      expect(Math.abs(wait - 500 * 2 ** i)).toBeLessThanOrEqual(20);
    }
  });

  test('to a newcomer or a stray may take as long as an answer', () => {
    const node = Driven.full(5);
    node.receive('p0', { kind: 'forwardJoin', newcomer: peer('n'), hopsLeft: 0 });
    node.pass(1_990);
    expect(node.core.pendingNodes).toEqual(['n@t']);
    node.pass(20);
    expect(node.core.pendingNodes).toEqual([]);
  });

  test('may take three of the longest round trips to a neighbour', () => {
    const links = {
      rttMs: (name: string): number | undefined => (name === 'p1@t' ? 400 : undefined),
      lastHeardMs: (): undefined => undefined,
    };
    const node = Driven.full(3, { links });
    node.do({ kind: 'candidates', peers: [peer('far')] });
    node.pass(1_190);
    expect(node.core.pendingNodes).toEqual(['far@t']);
    node.pass(20);
    expect(node.core.pendingNodes).toEqual([]);
  });

  test('never takes longer than the backstop', () => {
    const links = { rttMs: () => 60_000, lastHeardMs: () => undefined };
    const node = Driven.full(3, { links });
    node.do({ kind: 'candidates', peers: [peer('far')] });
    node.pass(15_000);
    expect(node.core.pendingNodes).toEqual([]);
  });

  test('that succeeds after its time proves that the peer lives: it is asked at once', () => {
    const node = Driven.full(4);
    node.do({ kind: 'candidates', peers: [peer('slow')] });
    node.pass(600);
    expect(node.core.passiveView).toEqual(['slow@t']);
    node.link('slow');
    expect(node.last('neighbor')?.to).toBe('slow@t');
  });
});

function helps(node: Driven): number {
  return node.effects.filter(({ kind }) => kind === 'needCandidates').length;
}

/** The user asks for it, and it cannot be had. */
function fail(node: Driven, name: string): void {
  node.do({ kind: 'join', peer: peer(name), requestId: 1 });
  node.do({ kind: 'connectFailed', node: `${name}@t` });
}
