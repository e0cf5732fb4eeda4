import { describe, expect, test } from 'vitest';
import { DrivenRoster, entry, living } from './driven-roster.ts';

const WATCHED = ['self@t', 'b@t', 'c@t', 'd@t', 'e@t'];

describe('a suspicion of this node', () => {
  test('goes to all with this node’s name, once', () => {
    const node = cluster();
    node.suspect('a');
    expect(node.take()).toMatchObject([
      {
        kind: 'broadcast',
        toAll: false,
        entries: [{ node: 'a@t', status: 'suspect', refutation: 4, by: ['self@t'] }],
      },
    ]);
    node.suspect('a');
    expect(node.take()).toEqual([]);
  });

  test('is told as a confirmation when another one suspected before', () => {
    const node = cluster();
    node.hear([suspicion('b')]);
    node.suspect('a');
    expect(node.told()).toEqual(['a suspect 4']);
  });

  test('is not of another start, of itself, or of one that is gone or unknown', () => {
    const node = cluster();
    node.announce();
    node.take();
    node.hear([entry('l', 'left')]);
    node.suspect('a', 2n);
    node.suspect('self', 7n);
    node.suspect('l');
    node.suspect('nobody');
    expect(node.take()).toEqual([]);
    expect(node.status('a')).toBe('alive');
  });

  test('that nobody confirms ends after 10 s, with DEAD to all', () => {
    const node = cluster();
    node.suspect('a');
    node.take();
    node.run(9_900);
    expect(node.status('a')).toBe('suspect');
    node.run(200);
    expect(node.told()).toEqual(['a dead 4']);
    expect(node.said()).toEqual(['memberDown a 1 failed']);
  });

  test('that three confirm ends after 2 s', () => {
    const node = cluster();
    node.suspect('a');
    for (const by of ['b', 'c', 'd']) node.hear([suspicion(by)]);
    node.run(1_950);
    expect(node.status('a')).toBe('suspect');
    // Behind the names that come before its own.
    node.run(600);
    expect(node.status('a')).toBe('suspect');
    node.run(100);
    expect(node.status('a')).toBe('dead');
  });

  test('is not confirmed twice by one node, nor by the suspect', () => {
    const node = cluster();
    node.suspect('a');
    for (const by of ['b', 'b', 'a', 'self']) node.hear([suspicion(by)]);
    node.run(5_000);
    expect(node.status('a')).toBe('suspect');
    node.run(1_300);
    expect(node.status('a')).toBe('dead');
  });

  test('of one that never told of neighbours ends after 2 s: it has just begun', () => {
    const node = new DrivenRoster();
    node.hear([entry('a', 'alive', { neighbors: [] }), ...living('b', 'c')]);
    node.suspect('a');
    node.run(2_050);
    expect(node.status('a')).toBe('dead');
  });

  test('ends after 2 s where nobody else could confirm', () => {
    const node = new DrivenRoster();
    node.hear([entry('a', 'alive', { neighbors: ['self@t'] }), ...living('b', 'c')]);
    node.suspect('a');
    node.run(2_050);
    expect(node.status('a')).toBe('dead');
  });

  test('does not wait for confirmations of those that died meanwhile', () => {
    const node = cluster();
    node.suspect('a');
    node.run(1_000);
    node.hear(WATCHED.slice(1).map((name) => entry(name.slice(0, -2), 'left', { refutation: 1 })));
    node.run(1_500);
    expect(node.status('a')).toBe('dead');
  });

  test('lasts longer where this node is slow', () => {
    const node = cluster();
    node.health = 2;
    node.suspect('a');
    node.run(29_000);
    expect(node.status('a')).toBe('suspect');
    node.run(1_100);
    expect(node.status('a')).toBe('dead');
  });

  test('does not run while this node stands still', () => {
    const node = cluster();
    node.suspect('a');
    for (const by of ['b', 'c', 'd']) node.hear([suspicion(by)]);
    node.run(1_500);
    node.nowMs += 60_000;
    node.run(900);
    expect(node.status('a')).toBe('suspect');
    node.run(1_000);
    expect(node.status('a')).toBe('dead');
  });

  test('ends with a refutation, which is no event', () => {
    const node = cluster();
    node.suspect('a');
    node.take();
    node.hear([entry('a', 'alive', { refutation: 5, neighbors: WATCHED })]);
    node.run(30_000);
    expect(node.status('a')).toBe('alive');
    expect(node.told()).toEqual([]);
    expect(node.said()).toEqual([]);
  });
});

describe('a suspicion of others', () => {
  test('waits for their DEAD, which counts at once', () => {
    const node = cluster();
    for (const by of ['b', 'c', 'd', 'e']) node.hear([suspicion(by)]);
    node.run(2_300);
    expect(node.status('a')).toBe('suspect');
    node.hear([entry('a', 'dead', { refutation: 4 })]);
    expect(node.said()).toEqual(['memberDown a 1 failed']);
    expect(node.take()).toEqual([]);
  });

  test('ends without their DEAD only at twice its time and a second, and silently', () => {
    const node = cluster();
    for (const by of ['b', 'c', 'd', 'e']) node.hear([suspicion(by)]);
    node.run(4_900);
    expect(node.status('a')).toBe('suspect');
    node.run(200);
    expect(node.status('a')).toBe('dead');
    expect(node.take()).toEqual([]);
  });
});

describe('word of a death', () => {
  test('of one that was not suspect here makes it suspect, for 2 s', () => {
    const node = cluster();
    node.hear([entry('a', 'dead', { refutation: 4 })]);
    expect(node.status('a')).toBe('suspect');
    node.run(1_900);
    expect(node.status('a')).toBe('suspect');
    node.run(200);
    expect(node.status('a')).toBe('dead');
    expect(node.take()).toEqual([]);
  });

  test('that comes in one breath with the suspicion leaves time to refute', () => {
    const node = cluster();
    node.hear([suspicion('b'), entry('a', 'dead', { refutation: 4 })]);
    expect(node.status('a')).toBe('suspect');
    node.hear([entry('a', 'alive', { refutation: 5 })]);
    node.run(30_000);
    expect(node.said()).toEqual([]);
  });

  test('that one neighbour alone gives is told to all as a suspicion, so that it can refute', () => {
    const node = cluster();
    node.settle();
    node.hear([entry('a', 'dead', { refutation: 4 })], 'exchange');
    node.run(550);
    expect(node.take()).toMatchObject([
      { kind: 'broadcast', entries: [{ node: 'a@t', status: 'suspect', by: ['self@t'] }] },
    ]);
    // Its time begins when it can hear of it.
    node.run(1_900);
    expect(node.status('a')).toBe('suspect');
    node.run(200);
    expect(node.told()).toEqual(['a dead 4']);
  });

  test('of a later start than the known one ends the known one', () => {
    const node = cluster();
    node.hear([entry('a', 'dead', { incarnation: 2n })]);
    expect(node.said()).toEqual(['memberDown a 1 failed']);
  });
});

describe('an orphan', () => {
  test('is suspect by rule when all its neighbours are gone, and dead after 10 s, silently', () => {
    const node = new DrivenRoster();
    node.hear([
      ...living('z'),
      entry('a', 'alive', { neighbors: ['b@t', 'c@t'] }),
      entry('b', 'alive', { neighbors: ['a@t', 'z@t'] }),
      entry('c', 'alive', { neighbors: ['a@t', 'z@t'] }),
    ]);
    node.said();
    node.hear([entry('b', 'left', { refutation: 1 })]);
    node.run(1_000);
    expect(node.status('a')).toBe('alive');
    node.hear([entry('c', 'left', { refutation: 1 })]);
    node.run(600);
    expect(node.status('a')).toBe('suspect');
    node.run(10_100);
    expect(node.said().at(-1)).toBe('memberDown a 1 failed');
    expect(node.take()).toEqual([]);
  });

  test('lives when it tells of new neighbours', () => {
    const node = new DrivenRoster();
    node.hear([
      ...living('z'),
      entry('a', 'alive', { neighbors: ['b@t'] }),
      entry('b', 'alive', { neighbors: ['a@t'] }),
    ]);
    node.hear([entry('b', 'left', { refutation: 1 })]);
    node.run(600);
    expect(node.status('a')).toBe('suspect');
    node.hear([entry('a', 'alive', { refutation: 1, neighbors: ['z@t'] })]);
    node.run(30_000);
    expect(node.status('a')).toBe('alive');
  });

  test('that somebody suspects, too, has its time from then on', () => {
    const node = new DrivenRoster();
    node.hear([
      entry('a', 'alive', { neighbors: ['b@t'] }),
      entry('b', 'alive', { neighbors: ['a@t'] }),
    ]);
    node.hear([entry('b', 'left', { refutation: 1 })]);
    node.run(9_000);
    node.suspect('a');
    node.run(1_900);
    expect(node.status('a')).toBe('suspect');
    node.run(200);
    expect(node.told()).toEqual(['a suspect 0', 'a dead 0']);
  });
});

/** `a` is watched over by this node and four others. */
function cluster(): DrivenRoster {
  const node = new DrivenRoster();
  node.hear([entry('a', 'alive', { refutation: 4, neighbors: WATCHED })]);
  node.hear([entry('self', 'alive'), ...living('b', 'c', 'd', 'e')]);
  node.said();
  return node;
}

function suspicion(by: string): ReturnType<typeof entry> {
  return entry('a', 'suspect', { refutation: 4, by: [`${by}@t`] });
}
