import { describe, expect, test } from 'vitest';
import { copyOf, Driven, markOf, node } from './driven.ts';

/** k = 1, as in the paper. */
const ONE = { duplicatesMax: 1, trunkDuplicatesMax: 1, pruneIntervalMs: 0 };

describe('a broadcast', () => {
  test('is delivered to its own node first, then pushed to eager neighbours (P1)', () => {
    const x = new Driven(['a', 'b']);
    const effects = x.do({ kind: 'broadcast', tag: 7, payload: Uint8Array.of(1) });
    expect(effects[0]).toMatchObject({
      kind: 'deliver',
      broadcast: { id: { origin: 'x@t', incarnation: 5n, sequence: 1 }, tag: 7, hops: 0 },
    });
    expect(x.sentTo('gossip')).toEqual(['a', 'b']);
    expect(x.messages('gossip')[0]?.broadcast.hops).toBe(1);
  });

  test('is numbered from 1 without gaps', () => {
    const x = new Driven();
    expect([x.broadcast(), x.broadcast()].map((b) => b?.id.sequence)).toEqual([1, 2]);
  });

  test('is delivered once, however often it comes (P3)', () => {
    const x = new Driven(['a', 'b']);
    for (const from of ['a', 'b', 'a', 'b']) x.gossip(from, 1);
    expect(x.delivered).toEqual([1]);
    expect(x.core.counts).toMatchObject({ delivered: 1, duplicates: 3 });
  });

  test('goes on to eager neighbours but the sender, and is announced to lazy ones', () => {
    const x = new Driven(['a', 'b', 'c']);
    x.receive('c', { kind: 'prune' });
    x.gossip('a', 1, { hops: 4 });
    expect(x.sentTo('gossip')).toEqual(['b']);
    expect(x.messages('gossip')[0]?.broadcast.hops).toBe(5);
    expect(x.sentTo('ihave')).toEqual([]);
    x.wait(5);
    expect(x.sentTo('ihave')).toEqual(['c']);
    expect(x.messages('ihave')).toMatchObject([{ groups: [{ sequences: [1], hops: [5] }] }]);
  });

  test('goes neither way to a neighbour that announced it', () => {
    const x = new Driven(['a', 'b', 'c']);
    x.ihave('b', 1);
    x.gossip('a', 1);
    x.wait(50);
    expect(x.sentTo('gossip')).toEqual(['c']);
    expect(x.sentTo('ihave')).toEqual([]);
  });

  test('with its tag reaches whoever asks for that tag (P5)', () => {
    const x = new Driven();
    for (const tag of [1, 2]) x.do({ kind: 'broadcast', tag, payload: new Uint8Array(0) });
    expect(x.of('deliver').map(({ broadcast }) => broadcast.tag)).toEqual([1, 2]);
  });

  test('toAll is pushed to lazy and congested neighbours too', () => {
    const x = new Driven(['a', 'b']);
    x.receive('a', { kind: 'prune' });
    x.do({ kind: 'congested', node: node('b') });
    x.broadcast(true);
    expect(x.sentTo('gossip')).toEqual(['a', 'b']);
  });

  test('that comes back to its origin is dropped, and so is one forged in its name', () => {
    const x = new Driven(['a', 'b']);
    x.broadcast();
    x.clear();
    x.gossip('a', 1, { origin: 'x', incarnation: 5n });
    x.gossip('a', 9, { origin: 'x', incarnation: 5n });
    x.gossip('a', 1, { origin: 'x', incarnation: 4n });
    expect(x.delivered).toEqual([]);
    expect(x.sentTo('gossip')).toEqual([]);
    expect(x.core.counts).toMatchObject({ duplicates: 1, stale: 2 });
  });

  test('that is not accepted is neither delivered nor passed on, and its sender is at fault', () => {
    const x = new Driven(['a', 'b']);
    x.accepts = () => false;
    x.gossip('a', 1);
    expect(x.effects).toEqual([
      { kind: 'protocolError', node: 'a@t', detail: 'broadcast refused' },
    ]);
    x.accepts = () => true;
    x.gossip('b', 1);
    expect(x.delivered).toEqual([1]);
  });

  test('too long or with a tag out of range throws and takes no number', () => {
    const x = new Driven();
    const payload = new Uint8Array(65_537);
    expect(() => x.do({ kind: 'broadcast', tag: 1, payload })).toThrow('too long');
    expect(() => x.do({ kind: 'broadcast', tag: 256, payload: new Uint8Array() })).toThrow('tag');
    expect(x.broadcast()?.id.sequence).toBe(1);
  });
});

describe('the starts of an origin', () => {
  test('replace each other: what comes of an earlier one is ignored', () => {
    const x = new Driven(['a']);
    x.gossip('a', 8, { incarnation: 1n });
    x.gossip('a', 1, { incarnation: 2n });
    x.gossip('a', 9, { incarnation: 1n });
    expect(x.delivered).toEqual([8, 1]);
    expect(x.core.counts.stale).toBe(1);
  });

  test('are not replaced by an announcement: nobody silences a node by word alone', () => {
    const x = new Driven(['a']);
    x.gossip('a', 1);
    x.ihave('a', 1, { incarnation: 99n });
    x.digest('a', [markOf(1, 5, { incarnation: 98n })]);
    x.gossip('a', 2);
    expect(x.delivered).toEqual([1, 2]);
  });

  test('that are replaced count as lost what was missing of them', () => {
    const x = new Driven(['a']);
    x.gossip('a', 1);
    x.ihave('a', 2);
    x.gossip('a', 1, { incarnation: 2n });
    expect(x.lost).toBe(1);
    expect([x.core.missingCount, x.core.cachedCount]).toEqual([0, 1]);
  });
});

describe('the tree', () => {
  test('begins with all neighbours eager, and forgets those that go (P7)', () => {
    const x = new Driven(['a', 'b']);
    expect([x.eager, x.lazy]).toEqual([['a', 'b'], []]);
    x.down('b');
    expect(x.eager).toEqual(['a']);
  });

  test('loses the link of a duplicate, which is told so (k = 1, as in the paper)', () => {
    const x = new Driven(['a', 'b'], ONE);
    x.gossip('a', 1);
    x.gossip('b', 1);
    expect([x.eager, x.lazy]).toEqual([['a'], ['b']]);
    expect(x.sentTo('prune')).toEqual(['b']);
  });

  test('keeps a link until k duplicates in a row; a first delivery starts the count anew', () => {
    const x = new Driven(['a', 'b'], { duplicatesMax: 3, pruneIntervalMs: 0 });
    for (const sequence of [1, 2]) for (const from of ['a', 'b']) x.gossip(from, sequence);
    for (const from of ['b', 'a']) x.gossip(from, 3);
    for (const sequence of [4, 5]) for (const from of ['a', 'b']) x.gossip(from, sequence);
    expect(x.sentTo('prune')).toEqual([]);
    for (const from of ['a', 'b']) x.gossip(from, 6);
    expect(x.sentTo('prune')).toEqual(['b']);
  });

  test('sends PRUNE on one link no more often than the throttle allows', () => {
    const x = new Driven(['a', 'b'], { ...ONE, pruneIntervalMs: 200 });
    x.gossip('a', 1);
    for (let i = 0; i < 10; i++) x.gossip('b', 1);
    expect(x.sentTo('prune')).toEqual(['b']);
    x.wait(200);
    x.gossip('b', 1);
    expect(x.sentTo('prune')).toEqual(['b', 'b']);
  });

  test('loses a link on PRUNE and regains it on GRAFT or a first delivery', () => {
    const x = new Driven(['a', 'b']);
    x.gossip('a', 1);
    x.receive('a', { kind: 'prune' });
    x.receive('b', { kind: 'prune' });
    expect(x.lazy).toEqual(['a', 'b']);
    x.graft('a', [1]);
    x.gossip('b', 2);
    expect(x.eager).toEqual(['a', 'b']);
  });

  test('is shaped by a first broadcast: links that it is late on are pruned at once', () => {
    const x = new Driven(['a', 'b', 'c']);
    x.gossip('a', 1, { isShaping: true });
    x.gossip('b', 1, { isShaping: true });
    expect([x.eager, x.lazy]).toEqual([['a', 'c'], ['b']]);
    expect(x.messages('gossip').every(({ isShaping }) => isShaping)).toBe(true);
  });

  test('is not shaped again soon: a second shaping broadcast is an ordinary one', () => {
    const x = new Driven(['a', 'b', 'c']);
    x.gossip('a', 1, { isShaping: true });
    x.gossip('b', 1);
    x.clear();
    x.gossip('a', 2, { isShaping: true });
    expect(x.messages('gossip').map(({ isShaping }) => isShaping)).toEqual([false]);
    expect(x.lazy).toEqual(['b']);
    x.nowMs = 10_000;
    x.clear();
    x.gossip('a', 3, { isShaping: true });
    expect(x.sentTo('gossip')).toEqual(['b', 'c']);
  });

  test('is shaped by the least name of those that shape it at once', () => {
    const x = new Driven(['a', 'b', 'c']);
    x.gossip('a', 1, { isShaping: true });
    x.nowMs = 10_000;
    x.clear();
    for (const origin of ['m', 'n', 'l']) x.gossip('a', 1, { origin, isShaping: true });
    const shaping = x.messages('gossip').filter(({ isShaping }) => isShaping);
    expect(shaping.map(({ broadcast }) => broadcast.id.origin)).toEqual([
      'm@t',
      'm@t',
      'l@t',
      'l@t',
    ]);
  });

  test('stays in use while another one is shaped, and both are for a while', () => {
    const x = new Driven(['a', 'b', 'c']);
    x.gossip('a', 1, { isShaping: true });
    x.gossip('b', 1, { isShaping: true });
    x.nowMs = 10_000;
    x.gossip('b', 2, { isShaping: true });
    x.gossip('a', 2, { isShaping: true });
    const receivers = (sequence: number): string[] => {
      x.clear();
      x.gossip('c', sequence);
      return x.sentTo('gossip');
    };
    expect(x.eager).toEqual(['a', 'c']);
    x.nowMs = 11_000;
    expect(receivers(3)).toEqual(['a', 'b']);
    x.nowMs = 12_000;
    expect(receivers(4)).toEqual(['b']);
  });

  test('is shaped by the first sender of a new cluster, not by a newcomer of an old one', () => {
    const first = new Driven(['a']);
    first.broadcast();
    expect(first.messages('gossip')[0]?.isShaping).toBe(true);
    const newcomer = new Driven();
    newcomer.up('a');
    newcomer.digest('a', [markOf(1, 3)]);
    newcomer.broadcast();
    expect(newcomer.messages('gossip')[0]?.isShaping).toBe(false);
  });

  test('takes in a link whose announcement came much before the payload', () => {
    const x = new Driven(['a', 'b'], { optimisationMs: 80, graftTimeoutMs: 500 });
    x.receive('b', { kind: 'prune' });
    x.ihave('b', 1);
    x.wait(79);
    x.gossip('a', 1);
    expect(x.lazy).toEqual(['b']);
    x.ihave('b', 2);
    x.wait(80);
    x.gossip('a', 2);
    expect(x.messages('graft')).toEqual([{ kind: 'graft', groups: [], origin: undefined }]);
    expect(x.eager).toEqual(['a', 'b']);
  });
});

describe('links that are early', () => {
  test('are added one in ten seconds: a burst of senders does not make all links eager', () => {
    const x = new Driven(['a', 'b', 'c'], { optimisationMs: 80, graftTimeoutMs: 500 });
    for (const name of ['b', 'c']) x.receive(name, { kind: 'prune' });
    x.ihave('b', 1, { origin: 'o' });
    x.ihave('c', 1, { origin: 'p' });
    x.wait(80);
    for (const origin of ['o', 'p']) x.gossip('a', 1, { origin });
    expect(x.eager).toEqual(['a', 'b']);
    x.wait(9_920);
    x.ihave('c', 2);
    x.wait(80);
    x.gossip('a', 2);
    expect(x.eager).toEqual(['a', 'b', 'c']);
  });
});

describe('a busy origin', () => {
  const config = { ownSetBroadcasts: 4, ownSetsMax: 1 };

  test('gets an eager set of its own, pruned on its own', () => {
    const x = new Driven(['a', 'b'], config);
    for (let sequence = 1; sequence <= 4; sequence++) x.gossip('a', sequence);
    expect(x.core.ownSetCount).toBe(1);
    x.gossip('b', 4);
    expect(x.messages('prune')).toEqual([{ kind: 'prune', origin: 'o@t' }]);
    expect(x.core.eagerPeersOf('o@t')).toEqual(['a@t']);
    expect(x.eager).toEqual(['a', 'b']);
  });

  test('takes the place of one that is half as busy, and no other', () => {
    const x = new Driven(['a'], config);
    for (let sequence = 1; sequence <= 4; sequence++) x.gossip('a', sequence);
    for (let sequence = 1; sequence <= 7; sequence++) x.gossip('a', sequence, { origin: 'p' });
    expect(x.core.eagerPeersOf('o@t')).toEqual(['a@t']);
    x.receive('a', { kind: 'prune', origin: 'p@t' });
    expect(x.core.eagerPeersOf('p@t')).toEqual(['a@t']);
    x.gossip('a', 8, { origin: 'p' });
    x.receive('a', { kind: 'prune', origin: 'p@t' });
    expect(x.core.eagerPeersOf('p@t')).toEqual([]);
    expect(x.core.ownSetCount).toBe(1);
  });

  test('goes back to the shared set when it is at rest', () => {
    const x = new Driven(['a'], config);
    for (let sequence = 1; sequence <= 4; sequence++) x.gossip('a', sequence);
    x.wait(20_000);
    expect(x.core.ownSetCount).toBe(0);
  });

  test('has its tree optimised by hops as in the paper: the shorter way replaces the longer', () => {
    const x = new Driven(['a', 'b'], { ...config, optimisationHops: 3 });
    for (let sequence = 1; sequence <= 4; sequence++) x.gossip('a', sequence, { hops: 9 });
    x.receive('b', { kind: 'prune', origin: 'o@t' });
    x.ihave('b', 5, { hops: 7 });
    x.gossip('a', 5, { hops: 9 });
    expect(x.sentTo('graft')).toEqual([]);
    x.ihave('b', 6, { hops: 6 });
    x.gossip('a', 6, { hops: 9 });
    expect(x.messages('graft')).toEqual([{ kind: 'graft', groups: [], origin: 'o@t' }]);
    expect(x.messages('prune')).toEqual([{ kind: 'prune', origin: 'o@t' }]);
    expect(x.core.eagerPeersOf('o@t')).toEqual(['b@t']);
  });
});

describe('announcements', () => {
  test('go out in one frame after 5 ms, or at once with 64 ids', () => {
    const x = new Driven(['a', 'b'], { ownSetsMax: 0 });
    x.receive('b', { kind: 'prune' });
    for (let sequence = 1; sequence <= 63; sequence++) x.gossip('a', sequence);
    expect(x.sentTo('ihave')).toEqual([]);
    x.gossip('a', 64);
    expect(x.messages('ihave')[0]?.groups[0]?.sequences).toHaveLength(64);
    x.gossip('a', 65);
    x.wait(4);
    expect(x.sentTo('ihave')).toHaveLength(1);
    x.wait(1);
    expect(x.sentTo('ihave')).toHaveLength(2);
  });

  test('of what is known change nothing', () => {
    const x = new Driven(['a', 'b']);
    x.gossip('a', 1);
    x.ihave('b', 1);
    expect(x.core.missingCount).toBe(0);
  });

  test('replace payloads towards a congested neighbour, up to a bound; then it gets a digest', () => {
    const x = new Driven(['a', 'b'], { congestedIdsMax: 2 });
    x.do({ kind: 'congested', node: node('b') });
    for (const sequence of [1, 2, 3, 4]) x.gossip('a', sequence);
    x.wait(5);
    expect(x.sentTo('gossip')).toEqual([]);
    expect(x.messages('ihave')[0]?.groups[0]?.sequences).toEqual([1, 2]);
    expect(x.core.counts.announcementsDropped).toBe(2);
    x.do({ kind: 'drained', node: node('b') });
    expect(x.sentTo('digest')).toEqual(['b']);
    expect(x.messages('digest')[0]?.marks).toMatchObject([{ highest: 4, oldest: 1, gaps: [] }]);
    x.gossip('a', 5);
    expect(x.sentTo('gossip')).toEqual(['b']);
  });

  test('of a stranger itself are passed on: it may not know yet that it is one', () => {
    const x = new Driven(['a']);
    x.gossip('z', 1, { origin: 'z' });
    x.gossip('z', 1, { origin: 'z' });
    expect(x.sentTo('gossip')).toEqual(['a']);
    expect(x.core.counts).toMatchObject({ strangers: 2, delivered: 1 });
  });

  test('by strangers about others are ignored and counted', () => {
    const x = new Driven();
    x.ihave('z', 1);
    x.gossip('z', 1);
    expect(x.effects).toEqual([]);
    expect(x.core.counts.strangers).toBe(2);
  });
});

describe('a missing broadcast', () => {
  test('is asked for after timeout1, which makes the link eager on both sides', () => {
    const x = new Driven(['a', 'b']);
    x.receive('a', { kind: 'prune' });
    x.ihave('a', 1);
    x.wait(99);
    expect(x.sentTo('graft')).toEqual([]);
    x.wait(1);
    expect(x.messages('graft')).toMatchObject([{ groups: [{ origin: 'o@t', sequences: [1] }] }]);
    expect(x.eager).toContain('a');
  });

  test('is waited for two round trips where those are longer', () => {
    const x = new Driven(['a']);
    x.rtts.set('a@t', 120);
    x.ihave('a', 1);
    x.wait(239);
    expect(x.sentTo('graft')).toEqual([]);
    x.wait(1);
    expect(x.sentTo('graft')).toEqual(['a']);
  });

  test('is waited for longer than payloads are late by the tree', () => {
    const x = new Driven(['a', 'b'], { latenessFactor: 2 });
    x.ihave('b', 1);
    x.wait(90);
    x.gossip('a', 1);
    x.ihave('b', 2);
    x.wait(179);
    expect(x.sentTo('graft')).toEqual([]);
    x.wait(1);
    expect(x.sentTo('graft')).toEqual(['b']);
  });

  test('is not asked for when it came meanwhile', () => {
    const x = new Driven(['a', 'b']);
    x.ihave('b', 1);
    x.gossip('a', 1);
    x.wait(10_000);
    expect(x.sentTo('graft')).toEqual([]);
    expect(x.core.missingCount).toBe(0);
  });

  test('is asked for at the announcers in turn, each after timeout2 (N10)', () => {
    const x = new Driven(['a', 'b', 'c']);
    for (const name of ['a', 'b', 'c']) x.ihave(name, 1);
    x.wait(100);
    expect(x.sentTo('graft')).toEqual(['a']);
    x.wait(50);
    expect(x.sentTo('graft')).toEqual(['a', 'b']);
    x.wait(10_000);
    expect(x.sentTo('graft')).toEqual(['a', 'b', 'c']);
  });

  test('is asked for at the next one at once when the answer is unknown', () => {
    const x = new Driven(['a', 'b']);
    for (const name of ['a', 'b']) x.ihave(name, 1);
    x.wait(100);
    x.unknown('a', 1);
    expect(x.sentTo('graft')).toEqual(['a', 'b']);
  });

  test('waits for a new announcer when all were asked, and asks that one at once', () => {
    const x = new Driven(['a', 'b']);
    x.ihave('a', 1);
    x.wait(100);
    x.unknown('a', 1);
    x.wait(1_000);
    x.ihave('b', 1);
    x.wait(100);
    expect(x.sentTo('graft')).toEqual(['a', 'b']);
  });

  test('of a neighbour that goes is asked for at the others at once', () => {
    const x = new Driven(['a', 'b']);
    for (const name of ['a', 'b']) x.ihave(name, 1);
    x.wait(100);
    x.down('a');
    expect(x.sentTo('graft')).toEqual(['a', 'b']);
  });

  test('that nobody has is lost after the retention time, once', () => {
    const x = new Driven(['a']);
    x.gossip('a', 1);
    x.ihave('a', 3);
    x.wait(100);
    x.unknown('a', 3);
    expect(x.lost).toBe(0);
    x.wait(90_000);
    expect(x.of('lost')).toEqual([{ kind: 'lost', origin: 'o@t', count: 1 }]);
    expect(x.core.missingCount).toBe(0);
  });

  test('between others that came is lost after the retention time, and never comes after that', () => {
    const x = new Driven(['a']);
    x.gossip('a', 1);
    x.gossip('a', 4);
    x.wait(200_000);
    expect(x.lost).toBe(2);
    x.gossip('a', 2);
    expect(x.delivered).toEqual([1, 4]);
  });

  test('that a graft brought before the tree did costs the asked one its place, not the tree', () => {
    const x = new Driven(['a', 'b']);
    x.receive('b', { kind: 'prune' });
    x.ihave('b', 1);
    x.wait(100);
    x.gossip('b', 1);
    x.gossip('a', 1);
    expect(x.sentTo('prune')).toEqual(['b']);
    expect([x.eager, x.lazy]).toEqual([['a'], ['b']]);
  });

  test('that is asked of this node is sent, or answered as unknown', () => {
    const x = new Driven(['a', 'b']);
    x.gossip('a', 1, { hops: 2 });
    x.clear();
    x.graft('b', [1, 2]);
    x.graft('b', [7], 'nobody');
    expect(x.messages('gossip')[0]?.broadcast).toMatchObject({ id: { sequence: 1 }, hops: 3 });
    expect(x.messages('unknown')).toMatchObject([
      { groups: [{ origin: 'o@t', sequences: [2] }] },
      { groups: [{ origin: 'nobody@t', sequences: [7] }] },
    ]);
  });

  test('that a congested neighbour asks for is unknown until it is drained', () => {
    const x = new Driven(['a', 'b']);
    x.gossip('a', 1);
    x.clear();
    x.do({ kind: 'congested', node: node('b') });
    x.graft('b', [1]);
    expect([x.sentTo('gossip'), x.sentTo('unknown')]).toEqual([[], ['b']]);
    x.do({ kind: 'drained', node: node('b') });
    expect(x.sentTo('digest')).toEqual(['b']);
  });
});

describe('a digest', () => {
  test('is the first word to a new neighbour, also an empty one', () => {
    const x = new Driven();
    x.up('a');
    expect(x.messages('digest')).toEqual([
      { kind: 'digest', marks: [], isLast: true, isTruncated: false, isGreeting: true },
    ]);
  });

  test('names what is on offer and its gaps', () => {
    const x = new Driven(['a']);
    for (const sequence of [3, 4, 7]) x.gossip('a', sequence);
    x.clear();
    x.up('b');
    expect(x.messages('digest')[0]?.marks).toEqual([markOf(3, 7, { gaps: [5, 6] })]);
    x.wait(80_000);
    x.clear();
    x.up('c');
    expect(x.messages('digest')[0]?.marks).toEqual([markOf(8, 7)]);
  });

  test('of the first neighbour is taken over without asking for anything', () => {
    const x = new Driven();
    x.up('a');
    x.digest('a', [markOf(3, 9, { gaps: [5] })]);
    x.wait(1_000);
    expect(x.sentTo('graft')).toEqual([]);
    x.gossip('a', 9);
    x.gossip('a', 2);
    expect(x.delivered).toEqual([]);
    x.gossip('a', 5);
    x.gossip('a', 10);
    expect(x.delivered).toEqual([5, 10]);
  });

  test('in several frames is taken over as a whole', () => {
    const x = new Driven();
    x.up('a');
    x.digest('a', [markOf(1, 2)], { isLast: false });
    x.digest('a', [markOf(1, 2, { origin: node('p') })]);
    expect(x.sentTo('graft')).toEqual([]);
  });

  test('is no past after a first one, even an empty one: what it names came since', () => {
    const x = new Driven();
    x.up('a');
    x.digest('a', [], { isGreeting: true });
    x.ihave('a', 1);
    x.digest('a', [markOf(1, 2)], { isGreeting: false });
    expect(x.messages('graft')).toMatchObject([{ groups: [{ origin: 'o@t', sequences: [2] }] }]);
    for (const sequence of [1, 2]) x.gossip('a', sequence);
    expect(x.delivered).toEqual([1, 2]);
  });

  test('of later neighbours announces: what is missing is asked for at once (N11)', () => {
    const x = new Driven(['a']);
    for (const sequence of [1, 2]) x.gossip('a', sequence);
    x.up('b');
    x.clear();
    x.digest('b', [markOf(1, 6, { gaps: [4] }), markOf(2, 3, { origin: node('p') })]);
    expect(x.messages('graft')).toMatchObject([
      {
        groups: [
          { origin: 'o@t', sequences: [3, 5, 6] },
          { origin: 'p@t', sequences: [2, 3] },
        ],
      },
    ]);
  });

  test('does not hurry what is under way already', () => {
    const x = new Driven(['a', 'b']);
    x.gossip('a', 1);
    x.ihave('a', 2);
    x.digest('b', [markOf(1, 2)]);
    expect(x.sentTo('graft')).toEqual([]);
  });

  test('tells what cannot be had any more, once', () => {
    const x = new Driven(['a', 'b']);
    x.gossip('a', 1);
    for (const name of ['a', 'b']) x.digest(name, [markOf(51, 60)]);
    expect(x.lost).toBe(49);
    for (let sequence = 51; sequence <= 60; sequence++) x.gossip('a', sequence);
    x.wait(200_000);
    expect(x.lost).toBe(49);
  });

  test('that is truncated is reported, unless this node is new', () => {
    const x = new Driven();
    x.up('a');
    x.digest('a', [markOf(1, 1)], { isTruncated: true });
    expect(x.of('truncated')).toEqual([]);
    x.digest('a', [], { isTruncated: true });
    expect(x.of('truncated')).toEqual([{ kind: 'truncated', node: 'a@t' }]);
  });

  test('that greets a second time is answered, for its sender missed what was sent to it', () => {
    const x = new Driven(['a']);
    x.gossip('a', 1);
    x.clear();
    x.digest('a', [], { isGreeting: true });
    expect(x.messages('digest')).toMatchObject([{ isGreeting: false, marks: [{ highest: 1 }] }]);
    x.clear();
    x.digest('a', [markOf(1, 1)], { isGreeting: false });
    expect(x.messages('digest')).toEqual([]);
  });

  test('of very many origins names 4,096, in frames of 128, those active last', () => {
    const x = new Driven(['a']);
    for (let i = 0; i < 4_100; i++) {
      x.nowMs = i;
      x.gossip('a', 1, { origin: `o${i}` });
    }
    x.clear();
    x.up('b');
    const digests = x.messages('digest');
    expect(digests).toHaveLength(32);
    expect(digests.map(({ isLast }) => isLast).indexOf(true)).toBe(31);
    expect(digests.every(({ isTruncated, marks }) => isTruncated && marks.length === 128)).toBe(
      true,
    );
    const named = new Set(digests.flatMap(({ marks }) => marks.map(({ origin }) => origin)));
    expect([named.size, named.has('o3@t'), named.has('o4@t')]).toEqual([4_096, false, true]);
  });
});

describe('bounds', () => {
  test('of the cache: 60 s', () => {
    const x = new Driven(['a']);
    x.gossip('a', 1);
    x.wait(59_999);
    expect(x.core.cachedCount).toBe(1);
    x.wait(20_000);
    expect([x.core.cachedCount, x.core.cachedBytes]).toEqual([0, 0]);
  });

  test('of the cache: bytes; the oldest payloads go and are counted (N12)', () => {
    const x = new Driven(['a'], { payloadBytesMax: 10_000 });
    for (let sequence = 1; sequence <= 3_000; sequence++) {
      x.gossip('a', sequence, { payload: new Uint8Array(744) });
    }
    expect([x.core.cachedCount, x.core.counts.payloadsEvicted]).toEqual([10, 2_990]);
    x.clear();
    x.graft('a', [2_990, 2_991]);
    expect([x.sentTo('gossip'), x.sentTo('unknown')]).toEqual([['a'], ['a']]);
  });

  test('of a short view: what is held does not keep the frame that it came in', () => {
    const x = new Driven(['a']);
    x.gossip('a', 1, { payload: new Uint8Array(new ArrayBuffer(100_000), 5, 3) });
    expect(x.of('deliver')[0]?.broadcast.payload.buffer.byteLength).toBe(3);
  });

  test('of what is missing: 16,384, the rest is dropped and counted', () => {
    const x = new Driven(['a']);
    x.gossip('a', 1, { origin: 'q' });
    const marks = Array.from({ length: 5 }, (_, i) => markOf(1, 4_096, { origin: node(`p${i}`) }));
    x.digest('a', marks);
    expect(x.core.missingCount).toBe(16_384);
    expect(x.core.counts.announcementsDropped).toBe(4_096);
    const asked = x
      .messages('graft')
      .flatMap(({ groups }) => groups.map((g) => g.sequences.length));
    expect(asked.reduce((a, b) => a + b)).toBe(256);
  });

  test('of origins: 16,384; a further one is refused until one was quiet for a minute', () => {
    const x = new Driven(['a'], { sweepPeriodMs: 1e9 });
    for (let i = 0; i <= 16_384; i++) x.gossip('a', 1, { origin: `o${i}` });
    expect([x.core.originCount, x.core.counts.originsRefused]).toEqual([16_384, 1]);
  });

  test('of the window: an origin that leaps ahead gives up what is far behind', () => {
    const x = new Driven(['a']);
    x.gossip('a', 1);
    x.gossip('a', 2 ** 47);
    expect(x.delivered).toEqual([1, 2 ** 47]);
    expect(x.lost).toBe(2 ** 47 - 4_096 - 1);
  });

  test('of marks: an origin that was silent for five minutes is forgotten', () => {
    const x = new Driven(['a']);
    x.gossip('a', 1);
    x.wait(320_000);
    expect(x.core.originCount).toBe(0);
  });

  test('of messages that came as no frame: hostile ones cost the sender its link (N13)', () => {
    const x = new Driven(['a']);
    const bad = copyOf(1, { hops: -1 });
    expect(x.receive('a', bad)).toEqual([
      { kind: 'protocolError', node: 'a@t', detail: 'hops out of range' },
    ]);
    expect(x.core.counts.delivered).toBe(0);
  });

  test('of timers: one of each kind counts; one that was replaced does nothing', () => {
    const x = new Driven(['a']);
    for (let sequence = 1; sequence <= 20; sequence++) x.ihave('a', sequence);
    expect(x.of('schedule').map(({ timer }) => timer.kind)).toEqual(['sweep', 'graft']);
    x.nowMs = 1_000;
    expect(x.do({ kind: 'timerFired', timer: { kind: 'graft', generation: 0 } })).toEqual([]);
  });
});
