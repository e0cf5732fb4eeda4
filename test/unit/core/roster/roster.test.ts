import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type RosterEntry,
  type RosterStatus,
  supersedes,
} from '../../../../src/core/roster/entry.ts';
import { REFUTATION_LEAP_MAX } from '../../../../src/limits.ts';
import { DrivenRoster, entry, living } from './driven-roster.ts';
import { RECORD } from './roster-network.ts';

const STATUSES: readonly RosterStatus[] = ['alive', 'suspect', 'dead', 'left'];

const heardEntry: fc.Arbitrary<RosterEntry> = fc
  .record({
    name: fc.constantFrom('a', 'b', 'c'),
    status: fc.constantFrom(...STATUSES),
    incarnation: fc.bigInt({ min: 1n, max: 3n }),
    refutation: fc.nat(3),
  })
  .map(({ name, status, ...told }) => ({ ...entry(name, status, told), record: RECORD }));

describe('the order of entries', () => {
  test('is incarnation, then refutation, then alive, suspect, dead, left', () => {
    const rising = [1n, 2n].flatMap((incarnation) =>
      [0, 1].flatMap((refutation) =>
        STATUSES.map((status) => entry('a', status, { incarnation, refutation })),
      ),
    );
    rising.forEach((one, i) => {
      rising.forEach((other, j) => {
        expect(supersedes(one, other), `${i} over ${j}`).toBe(i > j);
      });
    });
  });

  test('brings every node to the same roster, in any order, with repeats', () => {
    const entries = fc.array(heardEntry, { maxLength: 20 });
    fc.assert(
      fc.property(entries, fc.infiniteStream(fc.double({ min: 0, max: 1 })), (heard, draws) => {
        const [one, other] = [new DrivenRoster(), new DrivenRoster()];
        for (const each of heard) one.hear([each]);
        const shuffled = [...heard, ...heard]
          .map((each) => ({ each, rank: draws.next().value ?? 0 }))
          .sort((x, y) => x.rank - y.rank);
        other.hear(shuffled.map(({ each }) => each));
        // Suspects become dead in their time, those that were called dead before the others.
        for (const node of [one, other]) node.run(30_000);
        expect(other.summary).toEqual(one.summary);
      }),
      { numRuns: 60 },
    );
  });

  test('brings those that missed some of it to the same roster by comparing digests', () => {
    const entries = fc.array(fc.tuple(heardEntry, fc.boolean(), fc.boolean()), { maxLength: 20 });
    fc.assert(
      fc.property(entries, (heard) => {
        const [one, other] = [new DrivenRoster(), new DrivenRoster()];
        for (const [each, isLostHere, isLostThere] of heard) {
          if (!isLostHere) one.hear([each]);
          if (!isLostThere) other.hear([each]);
        }
        one.neighbors('other');
        other.neighbors('one');
        compare(one, other);
        for (const node of [one, other]) node.run(30_000);
        expect(other.summary).toEqual(one.summary);
      }),
      { numRuns: 60 },
    );
  });

  test('tells of each node up and down in turns', () => {
    const entries = fc.array(heardEntry.map((one) => ({ ...one, node: 'a@t' })));
    fc.assert(
      fc.property(entries, (heard) => {
        const node = new DrivenRoster();
        let isUp = false;
        for (const each of heard) {
          node.hear([each]);
          node.run(1_500);
          for (const event of node.events.splice(0)) {
            if (event.type === 'memberUpdated') expect(isUp).toBe(true);
            else expect(event.type === 'memberUp').toBe(!isUp);
            isUp = event.type !== 'memberDown';
          }
          expect(isUp).toBe(node.core.isMember('a@t'));
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('the node itself', () => {
  test('says that it is there, and again when it gets its first neighbour', () => {
    const node = new DrivenRoster();
    node.announce();
    expect(node.told()).toEqual(['self alive 0']);
    node.neighbors('x');
    expect(node.told()).toEqual(['self alive 0']);
    node.do({ kind: 'neighborUp', node: 'y@t' });
    expect(node.told()).toEqual([]);
  });

  test('refutes a suspicion, and learns that it may be the slow one', () => {
    const node = new DrivenRoster();
    node.announce();
    node.take();
    node.hear([entry('self', 'suspect', { incarnation: 7n })]);
    const effects = node.take();
    expect(effects).toMatchObject([
      { kind: 'refuted' },
      { kind: 'broadcast', entries: [{ node: 'self@t', status: 'alive', refutation: 1 }] },
    ]);
    node.hear([entry('self', 'suspect', { incarnation: 7n, by: ['y@t'] })]);
    expect(node.take()).toEqual([]);
  });

  test('refutes its death and asserts what it owns behind it, also if it was refuted before', () => {
    const node = new DrivenRoster();
    node.announce();
    node.take();
    node.hear([entry('self', 'dead', { incarnation: 7n })]);
    expect(node.take().map(({ kind }) => kind)).toEqual(['refuted', 'broadcast', 'reassert']);
    node.hear([entry('self', 'suspect', { incarnation: 7n, refutation: 1 })]);
    node.take();
    node.hear([entry('self', 'dead', { incarnation: 7n, refutation: 1 })]);
    expect(node.take()).toEqual([{ kind: 'reassert' }]);
    node.hear([entry('self', 'dead', { incarnation: 7n, refutation: 1 })]);
    expect(node.take()).toEqual([]);
  });

  test('goes above whatever refutation is said of it, within the bound', () => {
    const node = new DrivenRoster();
    node.announce();
    node.hear([entry('self', 'dead', { incarnation: 7n, refutation: REFUTATION_LEAP_MAX + 1 })]);
    expect(node.core.get('self@t')?.refutation).toBe(0);
    node.hear([entry('self', 'dead', { incarnation: 7n, refutation: REFUTATION_LEAP_MAX })]);
    expect(node.core.get('self@t')).toMatchObject({
      status: 'alive',
      refutation: REFUTATION_LEAP_MAX + 1,
    });
  });

  test('does not mind word of an earlier start, and reports a later one', () => {
    const node = new DrivenRoster();
    node.announce();
    node.take();
    node.hear([entry('self', 'dead', { incarnation: 6n, refutation: 9 })]);
    expect(node.take()).toEqual([]);
    node.hear([entry('self', 'alive', { incarnation: 8n })]);
    expect(node.take()).toEqual([{ kind: 'superseded', incarnation: 8n }]);
  });

  test('leaves with a last word to all that nothing said before goes above', () => {
    const node = new DrivenRoster();
    node.announce();
    node.take();
    node.do({ kind: 'leave' });
    expect(node.take()).toMatchObject([
      { kind: 'broadcast', toAll: true, entries: [{ status: 'left', refutation: 1 }] },
    ]);
    node.hear([entry('self', 'dead', { incarnation: 7n })]);
    node.do({ kind: 'update', record: RECORD });
    node.neighbors('x');
    node.run(10_000);
    expect(node.told()).toEqual([]);
    expect(node.status('self')).toBe('left');
  });

  test('comes back after leaving, above its own leave, and asserts what it owns', () => {
    const node = new DrivenRoster();
    node.announce();
    node.do({ kind: 'leave' });
    node.take();
    node.announce();
    expect(node.take()).toMatchObject([
      { kind: 'broadcast', entries: [{ status: 'alive', refutation: 2 }], toAll: false },
      { kind: 'reassert' },
    ]);
  });
});

describe('members', () => {
  test('come up once, are updated by what users see alone, and go down once', () => {
    const node = new DrivenRoster();
    node.hear([entry('a', 'alive')]);
    node.hear([entry('a', 'alive', { refutation: 1, neighbors: ['x@t'] })]);
    expect(node.said()).toEqual(['memberUp a 1']);
    const zoned = { ...RECORD, zone: 'north' };
    node.hear([{ ...entry('a', 'alive', { refutation: 2 }), status: 'alive', record: zoned }]);
    expect(node.said()).toEqual(['memberUpdated a 1']);
    node.hear([entry('a', 'left', { refutation: 3 })]);
    node.hear([entry('a', 'left', { refutation: 3 })]);
    expect(node.said()).toEqual(['memberDown a 1 left']);
  });

  test('are members while they are suspect', () => {
    const node = new DrivenRoster();
    node.hear([...living('a', 'x', 'y'), entry('a', 'suspect')]);
    expect(node.core.isAlive('a@t', 1n)).toBe(true);
    expect(node.core.isAlive('a@t', 2n)).toBe(false);
    expect(node.core.isSuspect('a@t')).toBe(true);
    expect(node.core.alive.map(({ status }) => status)).toEqual(['suspect', 'alive', 'alive']);
  });

  test('that restart go down as the old start and come up as the new', () => {
    const node = new DrivenRoster();
    node.hear([entry('a', 'alive', { refutation: 3 }), entry('a', 'alive', { incarnation: 2n })]);
    expect(node.said()).toEqual(['memberUp a 1', 'memberDown a 1 failed', 'memberUp a 2']);
  });

  test('that died are revoked by their refutation alone', () => {
    const node = new DrivenRoster();
    node.hear([...living('a'), entry('a', 'suspect')]);
    node.run(1_500);
    node.hear([entry('a', 'dead')]);
    node.hear(living('a'));
    expect(node.said()).toEqual(['memberUp a 1', 'memberDown a 1 failed']);
    node.hear([entry('a', 'alive', { refutation: 1 })]);
    expect(node.said()).toEqual(['memberUp a 1']);
  });

  test('first heard of as dead or suspect without a record are no event', () => {
    const node = new DrivenRoster();
    node.hear([entry('a', 'dead'), entry('b', 'suspect')]);
    expect(node.said()).toEqual([]);
    expect(node.status('a')).toBe('dead');
    expect(node.status('b')).toBeUndefined();
  });

  test('that died can be had with their records, the latest first', () => {
    const node = new DrivenRoster();
    node.hear([...living('a', 'b'), entry('a', 'suspect'), entry('b', 'suspect')]);
    node.run(1_500);
    node.hear([entry('b', 'dead'), entry('c', 'dead')]);
    node.hear([entry('a', 'dead')]);
    expect(node.core.recentlyDead.map(({ node: name }) => name)).toEqual(['a@t', 'b@t']);
  });

  test('with a refutation far above the known one are not believed', () => {
    const node = new DrivenRoster();
    node.hear(living('a'));
    node.hear([entry('a', 'left', { refutation: REFUTATION_LEAP_MAX + 1 })]);
    expect(node.status('a')).toBe('alive');
  });
});

describe('the bounds of the roster', () => {
  test('the dead and left are forgotten after an hour, the living never', () => {
    const node = new DrivenRoster();
    node.hear([...living('a'), entry('b', 'dead')]);
    node.run(3_590_000);
    expect(node.status('b')).toBe('dead');
    node.run(80_000);
    expect(node.core.entries.map((one) => one.node)).toEqual(['a@t']);
  });

  test('a full roster forgets who is gone longest, then refuses and says so', () => {
    const node = new DrivenRoster({ entriesMax: 3 });
    node.hear([entry('a', 'dead'), ...living('b'), entry('c', 'dead'), ...living('d')]);
    expect(node.summary).toEqual(['b alive 0 1', 'c dead 0 1', 'd alive 0 1']);
    node.hear([entry('e', 'dead'), ...living('f')]);
    node.take();
    node.hear(living('g'));
    expect(node.take()).toEqual([{ kind: 'refused', node: 'g@t' }]);
    expect(node.summary).toEqual(['b alive 0 1', 'd alive 0 1', 'f alive 0 1']);
  });

  test('timers of an old generation do nothing', () => {
    const node = new DrivenRoster();
    node.hear([...living('a'), entry('a', 'suspect')]);
    node.do({ kind: 'timerFired', timer: { kind: 'suspicion', generation: 99 } });
    expect(node.status('a')).toBe('suspect');
  });
});

/** Both greet each other, and send what differs. */
function compare(one: DrivenRoster, other: DrivenRoster): void {
  const [ofOne, ofOther] = [one.ownDigest('greeting'), other.ownDigest('greeting')];
  one.take();
  other.take();
  one.do({ kind: 'messageReceived', from: 'other@t', message: ofOther });
  other.do({ kind: 'messageReceived', from: 'one@t', message: ofOne });
  const pages = [one, other].map((node) => {
    const exchange = node.take().find(({ kind }) => kind === 'exchange');
    const buckets = exchange?.kind === 'exchange' ? exchange.buckets : [];
    return [...node.core.entriesIn(buckets)];
  });
  for (const entries of pages[0] ?? []) other.hear(entries, 'exchange');
  for (const entries of pages[1] ?? []) one.hear(entries, 'exchange');
}
