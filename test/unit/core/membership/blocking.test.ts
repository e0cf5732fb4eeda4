import { describe, expect, test } from 'vitest';
import { Driven, many, peer } from './driven.ts';

describe('a blocked node', () => {
  test('leaves both views, with the reason told', () => {
    const node = Driven.full(3);
    node.do({ kind: 'candidates', peers: [] });
    node.do({ kind: 'block', nodes: ['p0@t', 's@t'] });
    expect(node.core.activeView).toEqual(['p1@t', 'p2@t']);
    expect(node.events.at(-1)).toMatchObject({
      type: 'peerDown',
      node: 'p0@t',
      reason: 'blocked',
    });
    expect(node.released).toContain('p0@t');
    node.do({ kind: 'candidates', peers: [peer('p0'), peer('s'), peer('other')] });
    expect(node.core.peers.map((known) => known.node)).not.toContain('s@t');
    expect(node.core.peers.map((known) => known.node)).toContain('other@t');
  });

  test('is refused whatever it asks, and counts in no walk and no shuffle', () => {
    const node = Driven.full(2);
    node.do({ kind: 'block', nodes: ['x@t'] });
    const before = node.core.peers;
    node.receive('x', { kind: 'join', requestId: 1 });
    node.receive('x', { kind: 'neighbor', requestId: 2, priority: 'high' });
    node.receive('x', { kind: 'keepAlive' });
    node.receive('p0', { kind: 'forwardJoin', newcomer: peer('x'), hopsLeft: 0 });
    node.receive('p0', { kind: 'forwardJoin', newcomer: peer('x'), hopsLeft: 3 });
    node.receive('p0', {
      kind: 'shuffle',
      shuffleId: 1,
      origin: peer('x'),
      hopsLeft: 1,
      peers: [peer('x')],
    });
    expect(node.last('joinReply')?.message).toMatchObject({ outcome: 'refused' });
    expect(node.last('neighborReply')?.message).toMatchObject({ accepted: false });
    expect(node.last('disconnect')?.message).toMatchObject({ reason: 'mismatch' });
    expect(node.sends('shuffleReply')).toEqual([]);
    expect(node.core.peers).toEqual(before);
  });

  test('is not asked: neither by the user’s join, which is refused, nor by an invitation', () => {
    const node = Driven.full(2);
    node.link('x');
    node.do({ kind: 'block', nodes: ['x@t'] });
    node.do({ kind: 'join', peer: peer('x'), requestId: 4 });
    node.do({ kind: 'invite', peer: peer('x') });
    expect(node.replies).toMatchObject([{ requestId: 4, result: { kind: 'refused' } }]);
    expect(node.core.pendingNodes).toEqual([]);
  });

  test('that is being asked is asked no more, and its late answer makes no link', () => {
    const node = Driven.full(2);
    node.link('x');
    node.do({ kind: 'join', peer: peer('x'), requestId: 4 });
    node.do({ kind: 'block', nodes: ['x@t'] });
    expect(node.replies).toMatchObject([{ requestId: 4, result: { kind: 'refused' } }]);
    node.answerJoin('x', 'accepted');
    expect(node.core.activeView).toEqual(['p0@t', 'p1@t']);
  });

  test('is one of the last list only: an empty list lets all in again', () => {
    const node = Driven.full(2);
    node.do({ kind: 'block', nodes: ['x@t', 'y@t'] });
    node.do({ kind: 'block', nodes: ['y@t'] });
    node.receive('x', { kind: 'join', requestId: 1 });
    expect(node.core.activeView).toContain('x@t');
    node.do({ kind: 'block', nodes: [] });
    node.receive('y', { kind: 'join', requestId: 1 });
    expect(node.core.activeView).toContain('y@t');
    expect(node.core.blockedNodes).toEqual([]);
  });

  test('leaves a place that repair fills from the spares at once', () => {
    const node = Driven.full(5);
    node.do({ kind: 'candidates', peers: many(3) });
    node.do({ kind: 'block', nodes: ['p0@t'] });
    expect(node.core.pendingNodes).toHaveLength(1);
  });
});
