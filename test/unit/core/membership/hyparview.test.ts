import { describe, expect, test } from 'vitest';
import type { MembershipMessage } from '../../../../src/core/membership/messages.ts';
import type { PeerDescriptor } from '../../../../src/core/membership/peer.ts';
import { Driven, many, peer } from './driven.ts';

describe('JOIN (section 4.2)', () => {
  test('is sent over the link that stands, and the contact becomes a neighbour on its answer', () => {
    const node = new Driven();
    node.link('c');
    node.do({ kind: 'join', peer: peer('c'), requestId: 7 });
    expect(node.sent('c', 'join')).toHaveLength(1);
    expect(node.core.activeView).toEqual([]);
    node.answerJoin('c', 'accepted');
    expect(node.core.activeView).toEqual(['c@t']);
    expect(node.replies).toEqual([
      { kind: 'reply', requestId: 7, result: { kind: 'accepted', contact: 'c@t' } },
    ]);
  });

  test('is accepted by a contact with a full view, which drops a random neighbour', () => {
    const node = Driven.full();
    node.receive('j', { kind: 'join', requestId: 1 });
    expect(node.core.activeView).toHaveLength(5);
    expect(node.core.activeView).toContain('j@t');
    expect(node.events.slice(-2).map(({ type }) => type)).toEqual(['peerDown', 'peerUp']);
    const [evicted] = node.core.passiveView;
    expect(node.last('disconnect')).toMatchObject({ to: evicted, message: { reason: 'evicted' } });
    expect(node.events.at(-2)).toMatchObject({ node: evicted, reason: 'evicted' });
    expect(node.released).toContain(evicted);
  });

  test('makes the contact start a walk of ARWL hops at every other neighbour', () => {
    const node = Driven.full(3);
    node.receive('j', { kind: 'join', requestId: 1 });
    const walks = node.sends('forwardJoin');
    expect(walks.map(({ to }) => to).sort()).toEqual(['p0@t', 'p1@t', 'p2@t']);
    for (const { message } of walks) {
      expect(message).toMatchObject({ hopsLeft: 6, newcomer: { node: 'j@t' } });
    }
  });

  test('of a neighbour changes nothing: no eviction, no event, no walk (N4)', () => {
    const node = Driven.full();
    const events = node.events.length;
    node.receive('p1', { kind: 'join', requestId: 3 });
    expect(node.last('joinReply')?.message).toMatchObject({ outcome: 'accepted', requestId: 3 });
    expect(node.events).toHaveLength(events);
    expect(node.sends('forwardJoin')).toEqual([]);
  });

  test('by the user of a neighbour is accepted at once', () => {
    const node = Driven.full(1);
    node.do({ kind: 'join', peer: peer('p0'), requestId: 9 });
    expect(node.replies.at(-1)).toMatchObject({ requestId: 9, result: { kind: 'accepted' } });
    expect(node.sends('join')).toEqual([]);
  });

  test('of the node itself is refused', () => {
    const node = new Driven();
    node.do({ kind: 'join', peer: peer('self'), requestId: 1 });
    expect(node.replies).toMatchObject([{ result: { kind: 'refused' } }]);
  });

  test('without an answer times out, and an answer that comes late still makes one link (H5, N8)', () => {
    const node = new Driven();
    node.link('c');
    node.do({ kind: 'join', peer: peer('c'), requestId: 1 });
    node.pass(2_000);
    expect(node.replies).toMatchObject([{ result: { kind: 'timedOut' } }]);
    node.answerJoin('c', 'accepted');
    expect(node.core.activeView).toEqual(['c@t']);
  });

  test('asks twice while one request is under way, and both are answered', () => {
    const node = new Driven();
    node.link('c');
    node.do({ kind: 'join', peer: peer('c'), requestId: 1 });
    node.do({ kind: 'join', peer: peer('c'), requestId: 2 });
    node.answerJoin('c', 'accepted');
    expect(node.replies.map(({ requestId }) => requestId)).toEqual([1, 2]);
  });

  test('above the rate is redirected to neighbours, and refused without any', () => {
    const node = new Driven({ joinBurst: 3, joinsPerSecond: 1 });
    for (const name of ['a', 'b', 'c']) node.receive(name, { kind: 'join', requestId: 1 });
    node.receive('d', { kind: 'join', requestId: 5 });
    const reply = node.last('joinReply')?.message;
    expect(reply).toMatchObject({ outcome: 'redirected', requestId: 5 });
    const named = reply?.kind === 'joinReply' ? reply.peers.map((p) => p.node).sort() : [];
    expect(named).toEqual(['a@t', 'b@t', 'c@t']);
    node.pass(1_000);
    node.receive('d', { kind: 'join', requestId: 6 });
    expect(node.core.activeView).toContain('d@t');
  });

  test('tells the user whom else to ask when it is redirected, and remembers them', () => {
    const node = new Driven();
    node.link('c');
    node.do({ kind: 'join', peer: peer('c'), requestId: 1 });
    node.answerJoin('c', 'redirected', [peer('x'), peer('self')]);
    expect(node.replies).toMatchObject([
      { result: { kind: 'redirected', peers: [{ node: 'x@t' }] } },
    ]);
    expect(node.core.peers.map((p) => p.node)).toContain('x@t');
  });
});

describe('FORWARD_JOIN (section 4.2, steps i to iv)', () => {
  test('at the end of the walk makes the node ask the newcomer with high priority', () => {
    const node = Driven.full(3);
    node.receive('p0', { kind: 'forwardJoin', newcomer: peer('n'), hopsLeft: 0 });
    expect(node.connects).toEqual(['n@t']);
    node.link('n');
    expect(node.last('neighbor')).toMatchObject({ to: 'n@t', message: { priority: 'high' } });
    expect(node.core.activeView).not.toContain('n@t');
    node.answerNeighbor('n', true);
    expect(node.core.activeView).toContain('n@t');
  });

  test('ends at a node whose only neighbour is the sender', () => {
    const node = Driven.full(1);
    node.receive('p0', { kind: 'forwardJoin', newcomer: peer('n'), hopsLeft: 5 });
    expect(node.connects).toEqual(['n@t']);
  });

  test('leaves the newcomer in the passive view at PRWL hops, and goes on', () => {
    const node = Driven.full(3);
    node.receive('p0', { kind: 'forwardJoin', newcomer: peer('n'), hopsLeft: 3 });
    expect(node.core.passiveView).toEqual(['n@t']);
    expect(node.last('forwardJoin')?.message).toMatchObject({ hopsLeft: 2 });
    expect(['p1@t', 'p2@t']).toContain(node.last('forwardJoin')?.to);
  });

  test('goes to a neighbour that is neither sender nor newcomer, one hop shorter', () => {
    const node = Driven.full(3);
    node.receive('p0', { kind: 'forwardJoin', newcomer: peer('p1'), hopsLeft: 6 });
    expect(node.last('forwardJoin')).toMatchObject({ to: 'p2@t', message: { hopsLeft: 5 } });
  });

  test('makes room for the newcomer in a full view when it accepts', () => {
    const node = Driven.full(5);
    node.link('n');
    node.receive('p0', { kind: 'forwardJoin', newcomer: peer('n'), hopsLeft: 0 });
    node.answerNeighbor('n', true);
    expect(node.core.activeView).toHaveLength(5);
    expect(node.core.activeView).toContain('n@t');
  });

  test('about the node itself, or from a node that is no neighbour, is ignored', () => {
    const node = Driven.full(5);
    node.receive('p0', { kind: 'forwardJoin', newcomer: peer('self'), hopsLeft: 3 });
    node.receive('stranger', { kind: 'forwardJoin', newcomer: peer('n'), hopsLeft: 3 });
    expect(node.sends('forwardJoin')).toEqual([]);
    expect(node.core.passiveView).toEqual([]);
    expect(node.last('disconnect')).toMatchObject({
      to: 'stranger@t',
      message: { reason: 'mismatch' },
    });
  });
});

describe('NEIGHBOR (section 4.3)', () => {
  test('of high priority is always accepted, of low priority if there is room', () => {
    const node = Driven.full(5);
    node.receive('a', { kind: 'neighbor', requestId: 1, priority: 'low' });
    expect(node.last('neighborReply')?.message).toMatchObject({ accepted: false, requestId: 1 });
    expect(node.core.passiveView).toEqual(['a@t']);
    node.receive('a', { kind: 'neighbor', requestId: 2, priority: 'high' });
    expect(node.last('neighborReply')?.message).toMatchObject({ accepted: true, requestId: 2 });
    expect(node.core.activeView).toContain('a@t');
    expect(node.core.passiveView).not.toContain('a@t');
  });

  test('is sent to a random spare when a neighbour is lost, high when hardly any is left', () => {
    const node = Driven.full(2);
    node.do({ kind: 'candidates', peers: [] });
    node.do({ kind: 'disconnected', node: 'p0@t', reason: 'closed' });
    node.do({ kind: 'candidates', peers: [peer('s')] });
    expect(node.connects).toContain('s@t');
    node.link('s');
    expect(node.last('neighbor')).toMatchObject({ to: 's@t', message: { priority: 'high' } });
  });

  test('is asked with low priority while two neighbours stand', () => {
    const node = Driven.full(2);
    node.link('s');
    node.do({ kind: 'candidates', peers: [peer('s')] });
    expect(node.last('neighbor')?.message).toMatchObject({ priority: 'low' });
  });

  test('refused leaves the peer passive, cooling, and asked again later (N7)', () => {
    const node = Driven.full(2);
    for (const name of ['a', 'b']) node.link(name);
    node.do({ kind: 'candidates', peers: [peer('a'), peer('b')] });
    node.answerNeighbor('a', false);
    node.answerNeighbor('b', false);
    expect(node.core.passiveView.sort()).toEqual(['a@t', 'b@t']);
    node.pass(4_000);
    expect(node.sends('neighbor')).toHaveLength(2);
    node.pass(8_000);
    expect(node.sends('neighbor').length).toBeGreaterThanOrEqual(4);
  });

  test('to a dead spare fails, is tried again with growing pauses, and is given up in the end (C6)', () => {
    const node = Driven.full(1);
    node.do({ kind: 'candidates', peers: [peer('dead')] });
    let tries = 0;
    for (let i = 0; i < 120; i += 1) {
      if (node.core.pendingNodes.includes('dead@t')) {
        tries += 1;
        node.do({ kind: 'connectFailed', node: 'dead@t' });
      }
      node.pass(1_000);
    }
    expect(tries).toBe(5);
    expect(node.core.peers.map((p) => p.node)).toEqual(['p0@t']);
  });

  test('at both ends at once makes one link, with one event (N9)', () => {
    const node = Driven.full(2);
    node.link('a');
    node.do({ kind: 'candidates', peers: [peer('a')] });
    node.receive('a', { kind: 'neighbor', requestId: 40, priority: 'low' });
    node.answerNeighbor('a', true);
    expect(node.events.filter((event) => event.node === 'a@t')).toMatchObject([{ type: 'peerUp' }]);
    expect(node.core.pendingNodes).toEqual([]);
  });

  test('accepted when the place is taken by now is taken back', () => {
    const node = Driven.full(4);
    node.link('a');
    node.do({ kind: 'candidates', peers: [peer('a')] });
    node.receive('b', { kind: 'neighbor', requestId: 1, priority: 'low' });
    node.answerNeighbor('a', true);
    expect(node.core.activeView).not.toContain('a@t');
    expect(node.last('disconnect')).toMatchObject({ to: 'a@t', message: { reason: 'mismatch' } });
    expect(node.core.passiveView).toContain('a@t');
  });

  test('asks at most four spares at a time, and no more than there are places', () => {
    const node = Driven.full(2);
    node.do({ kind: 'candidates', peers: many(12) });
    expect(node.core.pendingNodes).toHaveLength(3);
  });
});

describe('DISCONNECT', () => {
  test('moves the neighbour to the passive view, and it is not asked for ten seconds', () => {
    const node = Driven.full(2);
    node.receive('p0', { kind: 'disconnect', reason: 'evicted' });
    expect(node.events.at(-1)).toMatchObject({ type: 'peerDown', reason: 'disconnected' });
    expect(node.core.passiveView).toEqual(['p0@t']);
    node.pass(9_500);
    expect(node.sends('neighbor')).toEqual([]);
    node.pass(3_000);
    expect(node.sends('neighbor').length).toBeGreaterThanOrEqual(1);
  });

  test('of a leaver makes it unknown for a minute, whoever names it', () => {
    const node = Driven.full(3);
    node.receive('p0', { kind: 'disconnect', reason: 'left' });
    expect(node.events.at(-1)).toMatchObject({ type: 'peerDown', reason: 'left' });
    node.do({ kind: 'candidates', peers: [peer('p0')] });
    node.receive('p1', { kind: 'forwardJoin', newcomer: peer('p0'), hopsLeft: 3 });
    expect(node.core.peers.map((p) => p.node).sort()).toEqual(['p1@t', 'p2@t']);
    node.pass(60_001);
    node.do({ kind: 'candidates', peers: [peer('p0')] });
    expect(node.core.peers.map((p) => p.node)).toContain('p0@t');
  });

  test('of a leaver that comes back by itself counts no more', () => {
    const node = Driven.full(3);
    node.receive('p0', { kind: 'disconnect', reason: 'left' });
    node.receive('p0', { kind: 'join', requestId: 2 });
    expect(node.core.activeView).toContain('p0@t');
  });

  test('that crossed this node’s own request is not its answer', () => {
    const node = Driven.full(2);
    node.link('a');
    node.do({ kind: 'candidates', peers: [peer('a')] });
    node.receive('a', { kind: 'disconnect', reason: 'evicted' });
    node.answerNeighbor('a', true);
    expect(node.core.activeView).toContain('a@t');
  });
});

describe('SHUFFLE (section 4.4)', () => {
  test('carries the node itself, three neighbours and four spares to a random neighbour', () => {
    const node = Driven.full(5);
    node.do({ kind: 'candidates', peers: many(9) });
    node.pass(10_000);
    const shuffle = node.sends('shuffle')[0]?.message;
    if (shuffle?.kind !== 'shuffle') throw new Error('no shuffle was sent');
    expect(shuffle.origin.node).toBe('self@t');
    expect(shuffle.hopsLeft).toBe(6);
    const names = shuffle.peers.map((p) => p.node);
    expect(names.filter((name) => node.core.activeView.includes(name))).toHaveLength(3);
    expect(names.filter((name) => node.core.passiveView.includes(name))).toHaveLength(4);
  });

  test('is passed on one hop shorter while hops are left', () => {
    const node = Driven.full(3);
    node.receive('p0', shuffleOf('o', 4, [peer('x')]));
    expect(node.last('shuffle')?.message).toMatchObject({ hopsLeft: 3, origin: { node: 'o@t' } });
    expect(['p1@t', 'p2@t']).toContain(node.last('shuffle')?.to);
    expect(node.core.passiveView).toEqual([]);
  });

  test('at its end answers the origin straight, with as many spares, over a link of its own', () => {
    const node = Driven.full(5);
    node.do({ kind: 'candidates', peers: many(20) });
    node.receive('p0', shuffleOf('o', 1, [peer('x'), peer('y')]));
    expect(node.connects).toEqual(['o@t']);
    node.link('o');
    const reply = node.last('shuffleReply');
    expect(reply?.to).toBe('o@t');
    if (reply?.message.kind !== 'shuffleReply') throw new Error('no reply');
    expect(reply.message.shuffleId).toBe(77);
    expect(reply.message.peers).toHaveLength(3);
    for (const { node: name } of reply.message.peers) expect(name).toMatch(/^m/);
    expect(node.core.passiveView).toEqual(expect.arrayContaining(['o@t', 'x@t', 'y@t']));
    expect(node.released).toContain('o@t');
  });

  test('ends at a node with a single neighbour', () => {
    const node = Driven.full(1);
    node.link('o');
    node.receive('p0', shuffleOf('o', 6, [peer('x')]));
    expect(node.last('shuffleReply')?.to).toBe('o@t');
  });

  test('without room drops first what was just sent to the partner', () => {
    const node = Driven.full(5, { passiveSize: 4 });
    node.do({ kind: 'candidates', peers: [peer('a'), peer('b'), peer('c'), peer('d')] });
    node.link('o');
    node.receive('p0', shuffleOf('o', 1, [peer('x')]));
    const reply = node.last('shuffleReply')?.message;
    if (reply?.kind !== 'shuffleReply') throw new Error('no reply');
    const sent = reply.peers.map((p) => p.node);
    expect(sent).toHaveLength(2);
    const kept = node.core.passiveView;
    expect(kept.sort()).toEqual(
      ['a@t', 'b@t', 'c@t', 'd@t', 'o@t', 'x@t'].filter((name) => !sent.includes(name)),
    );
  });

  test('takes an answer once, and only to its last question', () => {
    const node = Driven.full(5);
    node.pass(10_000);
    const shuffle = node.sends('shuffle')[0]?.message;
    const shuffleId = shuffle?.kind === 'shuffle' ? shuffle.shuffleId : -1;
    node.receive('z', { kind: 'shuffleReply', shuffleId: shuffleId + 1000, peers: [peer('bad')] });
    node.receive('z', { kind: 'shuffleReply', shuffleId, peers: [peer('good'), peer('self')] });
    node.receive('z', { kind: 'shuffleReply', shuffleId, peers: [peer('late')] });
    expect(node.core.passiveView).toEqual(['good@t']);
  });

  test('neither tells nor keeps a peer that nobody heard for an hour', () => {
    const node = Driven.full(5);
    node.do({ kind: 'candidates', peers: [{ ...peer('old'), ageMs: 3_600_000 }] });
    expect(node.core.passiveView).toEqual([]);
  });
});

describe('mutual links', () => {
  test('are stated to every neighbour about every four seconds', () => {
    const node = Driven.full(3);
    node.pass(20_000);
    expect(node.sends('keepAlive').length).toBeGreaterThanOrEqual(12);
    expect(node.sends('keepAlive').length).toBeLessThanOrEqual(21);
  });

  test('are mended when a peer counts this node and is not counted: taken while there is room', () => {
    const node = Driven.full(4);
    node.receive('a', { kind: 'keepAlive' });
    expect(node.core.activeView).toContain('a@t');
    node.receive('b', { kind: 'keepAlive' });
    expect(node.core.activeView).not.toContain('b@t');
    expect(node.last('disconnect')).toMatchObject({ to: 'b@t', message: { reason: 'mismatch' } });
  });
});

describe('requests under way', () => {
  test('are settled by their answer alone, not by the peer’s statement', () => {
    const node = Driven.full(2);
    node.link('a');
    node.do({ kind: 'candidates', peers: [peer('a')] });
    node.receive('a', { kind: 'keepAlive' });
    expect(node.core.pendingNodes).toEqual(['a@t']);
    expect(node.core.activeView).not.toContain('a@t');
  });

  test('are not ended by the late answer to an earlier one', () => {
    const node = Driven.full(2);
    node.link('a');
    node.do({ kind: 'candidates', peers: [peer('a')] });
    const [first] = node.sends('neighbor');
    const requestId = first?.message.kind === 'neighbor' ? first.message.requestId : -1;
    while (node.sends('neighbor').length < 2) node.pass(100);
    expect(node.core.pendingNodes).toEqual(['a@t']);
    node.receive('a', { kind: 'neighborReply', requestId, accepted: false });
    expect(node.core.pendingNodes).toEqual(['a@t']);
  });

  test('are not ended by the timer of the dial that came before', () => {
    const node = Driven.full(2);
    node.do({ kind: 'candidates', peers: [peer('a')] });
    node.pass(450);
    node.link('a');
    node.pass(200);
    expect(node.core.pendingNodes).toEqual(['a@t']);
  });

  test('of a peer that has this node in its view already are accepted again', () => {
    const node = Driven.full(5);
    const events = node.events.length;
    node.receive('p3', { kind: 'neighbor', requestId: 8, priority: 'low' });
    expect(node.last('neighborReply')?.message).toMatchObject({ accepted: true, requestId: 8 });
    expect(node.events).toHaveLength(events);
  });

  test('for a join make a full node take that contact’s own low request', () => {
    const node = Driven.full(5);
    node.link('c');
    node.do({ kind: 'join', peer: peer('c'), requestId: 1 });
    node.receive('c', { kind: 'neighbor', requestId: 2, priority: 'low' });
    expect(node.core.activeView).toContain('c@t');
    expect(node.replies).toMatchObject([{ requestId: 1, result: { kind: 'accepted' } }]);
  });
});

describe('incarnations', () => {
  test('of a neighbour that started anew end the old link first', () => {
    const node = Driven.full(2);
    node.do({ kind: 'connected', peer: { ...peer('p0'), incarnation: 9n } });
    expect(node.core.activeView).toEqual(['p1@t']);
    expect(node.events.at(-1)).toMatchObject({
      type: 'peerDown',
      incarnation: 1n,
      reason: 'failed',
    });
    node.receive('p0', { kind: 'neighbor', requestId: 1, priority: 'high' });
    expect(node.events.at(-1)).toMatchObject({ type: 'peerUp', incarnation: 9n });
  });

  test('older than the one that is linked are ignored', () => {
    const node = Driven.full(1);
    node.do({ kind: 'connected', peer: { ...peer('p0'), incarnation: 0n } });
    expect(node.core.activeView).toEqual(['p0@t']);
  });

  test('heard of replace an older spare, and an older one replaces nothing', () => {
    const node = Driven.full(5);
    node.do({ kind: 'candidates', peers: [peer('a')] });
    node.do({ kind: 'candidates', peers: [{ ...peer('a'), incarnation: 5n }] });
    node.do({ kind: 'candidates', peers: [{ ...peer('a'), incarnation: 3n }] });
    expect(node.core.peers.find((p) => p.node === 'a@t')?.incarnation).toBe(5n);
  });

  test('heard of never end a live link', () => {
    const node = Driven.full(5);
    node.do({ kind: 'candidates', peers: [{ ...peer('p0'), incarnation: 99n }] });
    expect(node.core.activeView).toContain('p0@t');
    node.do({ kind: 'gone', node: 'p0@t', incarnation: 99n });
    expect(node.core.activeView).toContain('p0@t');
  });

  test('that the roster gave up leave the passive view and do not come back for a minute', () => {
    const node = Driven.full(5);
    node.do({ kind: 'candidates', peers: [peer('a')] });
    node.do({ kind: 'gone', node: 'a@t', incarnation: 1n });
    node.do({ kind: 'candidates', peers: [peer('a')] });
    expect(node.core.passiveView).toEqual([]);
    node.do({ kind: 'candidates', peers: [{ ...peer('a'), incarnation: 2n }] });
    expect(node.core.passiveView).toEqual(['a@t']);
  });
});

describe('leave', () => {
  test('tells all neighbours, empties the views and answers waiting joins', () => {
    const node = Driven.full(2);
    node.link('c');
    node.do({ kind: 'join', peer: peer('c'), requestId: 1 });
    node.do({ kind: 'leave', requestId: 2 });
    expect(node.sends('disconnect').map(({ to }) => to)).toEqual(['p0@t', 'p1@t']);
    expect(node.core.activeView).toEqual([]);
    expect(node.core.peers).toEqual([]);
    expect(node.replies).toEqual([
      { kind: 'reply', requestId: 1, result: { kind: 'left' } },
      { kind: 'reply', requestId: 2, result: { kind: 'left' } },
    ]);
    expect(node.events.slice(-2).map(({ type }) => type)).toEqual(['peerDown', 'peerDown']);
  });

  test('refuses everything afterwards, and lets no timer act', () => {
    const node = Driven.full(2);
    node.do({ kind: 'leave', requestId: 2 });
    const before = node.effects.length;
    node.receive('a', { kind: 'join', requestId: 1 });
    node.receive('b', { kind: 'neighbor', requestId: 1, priority: 'high' });
    node.receive('p0', { kind: 'forwardJoin', newcomer: peer('n'), hopsLeft: 0 });
    node.receive('p1', { kind: 'keepAlive' });
    node.do({ kind: 'candidates', peers: [peer('x')] });
    node.pass(60_000);
    const sent = node.effects.slice(before).filter(({ kind }) => kind !== 'release');
    expect(sent).toMatchObject([
      { kind: 'send', to: 'a@t', message: { kind: 'joinReply', outcome: 'refused' } },
      { kind: 'send', to: 'b@t', message: { kind: 'neighborReply', accepted: false } },
      { kind: 'send', to: 'p0@t', message: { kind: 'disconnect', reason: 'left' } },
      { kind: 'send', to: 'p1@t', message: { kind: 'disconnect', reason: 'left' } },
    ]);
    expect(node.core.peers).toEqual([]);
  });

  test('ends with the next join', () => {
    const node = Driven.full(2);
    node.do({ kind: 'leave', requestId: 2 });
    node.do({ kind: 'join', peer: peer('p0'), requestId: 3 });
    node.answerJoin('p0', 'accepted');
    expect(node.core.activeView).toEqual(['p0@t']);
    expect(node.core.hasLeft).toBe(false);
  });
});

describe('spares that nobody heard for an hour', () => {
  const hour = 3_600_000;

  test('are forgotten by a node that has neighbours, and kept by one that is alone (C17)', () => {
    const nodes = [Driven.full(5, { failuresMax: 99 }), new Driven({ failuresMax: 99 })];
    const counts = nodes.map((node) => {
      node.do({ kind: 'candidates', peers: [{ ...peer('old'), ageMs: hour - 5_000 }] });
      node.pass(6_500);
      return node.core.peers.filter(({ node: name }) => name === 'old@t').length;
    });
    expect(counts).toEqual([0, 1]);
  });
});

describe('timers of before a leave', () => {
  test('do nothing after the next join', () => {
    const node = Driven.full(1);
    node.do({ kind: 'leave', requestId: 2 });
    node.do({ kind: 'join', peer: peer('p0'), requestId: 3 });
    node.answerJoin('p0', 'accepted');
    node.pass(20_000);
    expect(node.sends('keepAlive').length).toBeLessThanOrEqual(7);
  });
});

describe('hostile peers (N13)', () => {
  test('that send walks or lists above the bounds are to be closed, and change nothing', () => {
    const node = Driven.full(3);
    const before = node.core.peers;
    node.receive('p0', { kind: 'forwardJoin', newcomer: peer('n'), hopsLeft: 17 });
    node.receive('p0', { kind: 'forwardJoin', newcomer: peer('n'), hopsLeft: -1 });
    node.receive('p0', { kind: 'shuffleReply', shuffleId: 1, peers: many(33) });
    expect(node.effects.filter(({ kind }) => kind === 'protocolError')).toHaveLength(3);
    expect(node.core.peers).toEqual(before);
  });

  test('that flood are cut to a rate, each by itself', () => {
    const node = Driven.full(2, { messageBurst: 10, messagesPerSecond: 1 });
    for (let i = 0; i < 50; i += 1) node.receive('p0', { kind: 'keepAlive' });
    expect(node.effects.filter(({ kind }) => kind === 'dropped').length).toBeGreaterThan(38);
    node.receive('p0', { kind: 'disconnect', reason: 'evicted' });
    expect(node.core.activeView).toEqual(['p1@t']);
    node.receive('p1', { kind: 'neighbor', requestId: 5, priority: 'low' });
    expect(node.last('neighborReply')?.to).toBe('p1@t');
  });

  test('without a link are not heard', () => {
    const node = new Driven();
    node.do({ kind: 'messageReceived', from: 'x@t', message: { kind: 'join', requestId: 1 } });
    expect(node.core.activeView).toEqual([]);
    expect(node.sends('joinReply')).toEqual([]);
  });

  test('cannot make more requests be under way than the bound', () => {
    const node = Driven.full(1, { attemptsMax: 3, messageBurst: 100 });
    for (let i = 0; i < 20; i += 1) {
      node.receive('p0', { kind: 'forwardJoin', newcomer: peer(`n${i}`), hopsLeft: 0 });
    }
    expect(node.core.pendingNodes).toHaveLength(3);
  });
});

function shuffleOf(
  origin: string,
  hopsLeft: number,
  peers: readonly PeerDescriptor[],
): MembershipMessage {
  return { kind: 'shuffle', shuffleId: 77, origin: peer(origin), hopsLeft, peers };
}
