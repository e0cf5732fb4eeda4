import { describe, expect, test } from 'vitest';
import { DrivenRoster, entry, living } from './driven-roster.ts';
import { RECORD } from './roster-network.ts';

describe('what was heard', () => {
  test('by broadcast is never broadcast again', () => {
    const node = new DrivenRoster();
    node.settle();
    node.hear([...living('a'), entry('a', 'left', { refutation: 1 }), entry('b', 'dead')]);
    node.run(5_000);
    expect(node.told()).toEqual([]);
  });

  test('from one neighbour alone goes to all after half a second, in batches of 64', () => {
    const node = new DrivenRoster();
    node.settle();
    node.hear(living(...Array.from({ length: 150 }, (_, i) => `m${i}`)), 'exchange');
    node.run(450);
    expect(node.take()).toEqual([]);
    node.run(100);
    const sizes = node
      .take()
      .map((effect) => (effect.kind === 'broadcast' ? effect.entries.length : 0));
    expect(sizes).toEqual([64, 64, 22]);
  });

  test('from one neighbour and then by broadcast is no news', () => {
    const node = new DrivenRoster();
    node.settle();
    node.hear(living('a', 'b'), 'exchange');
    node.hear(living('a'));
    node.run(1_000);
    expect(node.told()).toEqual(['b alive 0']);
  });

  test('from one neighbour of those that were gone or unknown and are gone is no news', () => {
    const node = new DrivenRoster();
    node.settle();
    node.hear([entry('a', 'dead')]);
    node.hear([entry('a', 'dead', { refutation: 1 }), entry('b', 'left')], 'exchange');
    node.run(5_000);
    expect(node.told()).toEqual([]);
  });

  test('by a newcomer from its first neighbours is not told again', () => {
    const others = new DrivenRoster();
    others.hear(living('w', 'x', 'y', 'z'));
    const node = new DrivenRoster();
    node.announce();
    node.neighbors('x');
    node.digest('x', 'greeting', others);
    node.take();
    node.hear(living('w', 'x'), 'exchange');
    node.hear(living('y', 'z'), 'exchange');
    node.run(900);
    expect(node.told()).toEqual([]);
    node.hear(living('late'), 'exchange');
    node.run(900);
    expect(node.told()).toEqual(['late alive 0']);
  });
});

describe('digests', () => {
  test('go to a new neighbour, which answers with what differs, first of all with nothing', () => {
    const [one, other] = [new DrivenRoster(), new DrivenRoster()];
    one.hear(living('a', 'b'));
    other.hear(living('a', 'b'));
    one.neighbors('other');
    expect(one.take()).toMatchObject([
      {
        kind: 'send',
        to: 'other@t',
        message: { kind: 'digest', purpose: 'greeting', entryCount: 2 },
      },
    ]);
    one.digest('other', 'greeting', other);
    expect(one.take()).toEqual([{ kind: 'exchange', to: 'other@t', buckets: [], isFirst: true }]);
    one.digest('other', 'repair', other);
    expect(one.take()).toEqual([]);
  });

  test('that came before their sender was a neighbour count when it is', () => {
    const [one, other] = [new DrivenRoster(), new DrivenRoster()];
    one.hear(living('a'));
    one.digest('other', 'greeting', other);
    expect(one.take()).toEqual([]);
    one.neighbors('other');
    expect(one.take()).toMatchObject([{ kind: 'send' }, { kind: 'exchange', isFirst: true }]);
  });

  test('of a former neighbour that comes back count as its first', () => {
    const [one, other] = [new DrivenRoster(), new DrivenRoster()];
    one.neighbors('other');
    one.digest('other', 'greeting', other);
    one.neighbors();
    one.take();
    one.neighbors('other');
    one.digest('other', 'greeting', other);
    expect(one.take()).toMatchObject([{ kind: 'send' }, { kind: 'exchange', isFirst: true }]);
  });

  test('of one that gave this node up and took it again are answered with the own', () => {
    const [one, other] = [new DrivenRoster(), new DrivenRoster()];
    one.neighbors('other');
    one.digest('other', 'greeting', other);
    one.take();
    one.digest('other', 'greeting', other);
    expect(one.take()).toMatchObject([{ kind: 'send', message: { purpose: 'answer' } }]);
  });

  test('are compared with one neighbour each half minute; only what differs is answered', () => {
    const [one, other] = [new DrivenRoster(), new DrivenRoster()];
    one.neighbors('other');
    one.digest('other', 'greeting', other);
    one.take();
    one.run(36_500);
    expect(one.take()).toMatchObject([{ kind: 'send', message: { purpose: 'repair' } }]);
    one.hear(living('a'));
    one.digest('other', 'repair', other);
    const [answer, exchange] = one.take();
    expect(answer).toMatchObject({ kind: 'send', message: { purpose: 'answer', entryCount: 1 } });
    expect(exchange).toMatchObject({ kind: 'exchange', isFirst: false });
    one.digest('other', 'answer', other);
    expect(one.take().map(({ kind }) => kind)).toEqual(['exchange']);
  });

  test('are taken from one neighbour at a bounded rate', () => {
    const [one, other] = [new DrivenRoster(), new DrivenRoster()];
    one.hear(living('a'));
    one.neighbors('other');
    one.take();
    for (let i = 0; i < 50; i += 1) one.digest('other', 'answer', other);
    expect(one.take()).toHaveLength(4);
  });
});

describe('this node’s neighbours', () => {
  test('are told one or two seconds after a change, several changes together', () => {
    const node = new DrivenRoster();
    node.announce();
    node.run(10_000);
    node.take();
    node.neighbors('b', 'a');
    node.neighbors('b', 'a', 'c');
    node.take();
    node.run(950);
    expect(node.told()).toEqual([]);
    node.run(1_100);
    expect(node.take()).toMatchObject([
      {
        kind: 'broadcast',
        entries: [{ refutation: 1, record: { neighbors: ['a@t', 'b@t', 'c@t'] } }],
      },
    ]);
    node.run(60_000);
    expect(node.told()).toEqual([]);
  });

  test('are told once in 5 s at most, and less often in a large cluster', () => {
    expect(tellings(2)).toBe(12);
    expect(tellings(4_000)).toBe(3);
  });

  test('that come and go before they are told are not told', () => {
    const node = new DrivenRoster();
    node.announce();
    node.neighbors('a');
    node.run(10_000);
    node.neighbors('a', 'b');
    node.neighbors('a');
    node.take();
    node.run(10_000);
    expect(node.told()).toEqual([]);
  });

  test('are told soon when all that were told are gone', () => {
    const node = new DrivenRoster();
    node.hear(living('a', 'b'));
    node.announce();
    node.neighbors('a');
    node.run(6_000);
    node.neighbors('b');
    node.take();
    node.hear([entry('a', 'left', { refutation: 1 })]);
    node.run(10);
    expect(node.told()).toEqual(['self alive 2']);
  });

  test('go with each announcement and update, whatever the record says', () => {
    const node = new DrivenRoster();
    node.do({ kind: 'neighborsChanged', neighbors: ['b@t', 'a@t'] });
    node.do({ kind: 'announce', record: { ...RECORD, neighbors: ['z@t'] } });
    node.do({ kind: 'neighborsChanged', neighbors: ['c@t'] });
    node.do({ kind: 'update', record: RECORD });
    expect(node.take()).toMatchObject([
      { entries: [{ record: { neighbors: ['a@t', 'b@t'] } }] },
      { entries: [{ refutation: 1, record: { neighbors: ['c@t'] } }] },
    ]);
    node.run(30_000);
    expect(node.take()).toEqual([]);
  });
});

/** How often a node tells of neighbours that change all the time for a minute. */
function tellings(members: number): number {
  const node = new DrivenRoster();
  node.announce();
  node.hear(living(...Array.from({ length: members }, (_, i) => `m${i}`)));
  node.run(60_000);
  node.take();
  for (let i = 0; i < 120; i += 1) {
    node.do({ kind: 'neighborsChanged', neighbors: [`n${i}@t`, 'm1@t'] });
    node.run(500);
  }
  return node.told().length;
}
