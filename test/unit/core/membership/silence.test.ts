/** A neighbour of which nothing is heard: its place is its own until the next one comes. */
import { describe, expect, test } from 'vitest';
import { Driven, many, peer } from './driven.ts';

function silence(node: Driven, ...names: readonly string[]): void {
  for (const name of names) node.do({ kind: 'silent', node: `${name}@t`, incarnation: 1n });
}

function lost(node: Driven): string[] {
  return node.events.flatMap((event) =>
    event.type === 'peerDown' ? [`${event.node} ${event.reason}`] : [],
  );
}

describe('a silent neighbour', () => {
  test('stays, and another is asked into its place at once', () => {
    const node = Driven.full(5);
    node.do({ kind: 'candidates', peers: many(1) });
    expect(node.connects).toEqual([]);
    silence(node, 'p2');
    expect(node.connects).toEqual(['m0@t']);
    expect(node.core.activeView).toContain('p2@t');
    expect(node.core.isAudible('p2@t')).toBe(false);
    expect(lost(node)).toEqual([]);
  });

  test('makes room for the next one, before any that is heard', () => {
    const node = Driven.full(5);
    silence(node, 'p3');
    node.receive('new', { kind: 'neighbor', requestId: 2, priority: 'low' });
    expect(lost(node)).toEqual(['p3@t failed']);
    expect(node.core.activeView).toContain('new@t');
    expect(node.core.activeView).toHaveLength(5);
    expect(node.core.passiveView).toEqual(['p3@t']);
  });

  test('keeps its place while the view has another that is free', () => {
    const node = Driven.full(3);
    silence(node, 'p0');
    node.receive('new', { kind: 'neighbor', requestId: 2, priority: 'low' });
    expect(lost(node)).toEqual([]);
    expect(node.core.activeView).toEqual(['p0@t', 'p1@t', 'p2@t', 'new@t']);
  });

  test.each([
    ['the failure detector hears it', (node: Driven) => node.do({ kind: 'heard', node: 'p0@t' })],
    ['it states its view', (node: Driven) => node.receive('p0', { kind: 'keepAlive' })],
  ])('has its place again once %s', (_when, hear) => {
    const node = Driven.full(5);
    silence(node, 'p0');
    hear(node);
    node.receive('new', { kind: 'neighbor', requestId: 2, priority: 'low' });
    expect(node.core.isAudible('p0@t')).toBe(true);
    expect(node.last('neighborReply')?.message).toMatchObject({ accepted: false });
    expect(lost(node)).toEqual([]);
  });

  test('leaves when the roster says that it is dead, and is no spare', () => {
    const node = Driven.full(5);
    silence(node, 'p0');
    node.do({ kind: 'gone', node: 'p0@t', incarnation: 1n });
    expect(lost(node)).toEqual(['p0@t failed']);
    expect(node.core.passiveView).toEqual([]);
  });

  test('stays when the word of a death is of an older start', () => {
    const node = Driven.full(5);
    silence(node, 'p0');
    node.do({ kind: 'gone', node: 'p0@t', incarnation: 0n });
    expect(lost(node)).toEqual([]);
  });

  test('one that is heard stays although the roster calls it dead', () => {
    const node = Driven.full(5);
    node.do({ kind: 'gone', node: 'p0@t', incarnation: 1n });
    expect(lost(node)).toEqual([]);
  });

  test('gets no walk and no shuffle', () => {
    const node = Driven.full(2);
    silence(node, 'p0');
    for (let walk = 0; walk < 8; walk += 1) {
      node.receive('p1', { kind: 'forwardJoin', newcomer: peer(`n${walk}`), hopsLeft: 4 });
    }
    node.pass(30_000);
    expect(node.sent('p0', 'forwardJoin')).toEqual([]);
    expect(node.sent('p0', 'shuffle')).toEqual([]);
    expect(node.sent('p1', 'shuffle').length).toBeGreaterThan(0);
  });

  test('is asked anew when this node joins through it', () => {
    const node = Driven.full(5);
    silence(node, 'p0');
    node.do({ kind: 'join', peer: peer('p0'), requestId: 77 });
    expect(node.replies).toEqual([]);
    expect(node.sent('p0', 'join')).toHaveLength(1);
    node.answerJoin('p0', 'accepted');
    expect(node.replies).toMatchObject([{ requestId: 77, result: { kind: 'accepted' } }]);
    expect(lost(node)).toEqual(['p0@t failed']);
  });

  test('counts as none for a node that is nearly alone', () => {
    const node = Driven.full(2);
    expect(node.core.isJoinedOrJoining).toBe(true);
    silence(node, 'p0', 'p1');
    expect(node.core.isJoinedOrJoining).toBe(false);
    node.do({ kind: 'candidates', peers: many(12) });
    expect(node.connects).toHaveLength(8);
  });
});
