import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  MemberEvent,
  RosterEffect,
  RosterInput,
} from '../../../../src/core/roster/contract.ts';
import {
  type MemberRecord,
  type RosterEntry,
  type RosterStatus,
  supersedes,
} from '../../../../src/core/roster/entry.ts';
import { Roster, type RosterOptions } from '../../../../src/core/roster/roster.ts';
import { REFUTATION_LEAP_MAX } from '../../../../src/limits.ts';

describe('the order of entries', () => {
  test('is incarnation, then refutation, then alive, dead, left', () => {
    const rising = [
      entry('a', 1n, 0, 'alive'),
      entry('a', 1n, 0, 'dead'),
      entry('a', 1n, 1, 'alive'),
      entry('a', 1n, 1, 'dead'),
      entry('a', 1n, 1, 'left'),
      entry('a', 2n, 0, 'alive'),
    ];
    rising.forEach((one, i) => {
      rising.forEach((other, j) => {
        expect(supersedes(one, other), `${i} over ${j}`).toBe(i > j);
      });
    });
  });

  test('brings every node to the same roster, in any order, with repeats', () => {
    const heard = fc.array(
      fc
        .tuple(
          fc.constantFrom('a', 'b', 'c'),
          fc.bigInt({ min: 1n, max: 3n }),
          fc.nat(3),
          fc.constantFrom<RosterStatus>('alive', 'dead', 'left'),
        )
        .map(([name, start, refutation, status]) => entry(name, start, refutation, status)),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(heard, fc.infiniteStream(fc.double({ min: 0, max: 1 })), (entries, draws) => {
        const one = new Driven();
        const other = new Driven();
        for (const each of entries) one.receive([each]);
        const shuffled = [...entries, ...entries]
          .map((each) => ({ each, rank: draws.next().value ?? 0 }))
          .sort((x, y) => x.rank - y.rank);
        other.receive(shuffled.map(({ each }) => each));
        expect(other.summary).toEqual(one.summary);
      }),
    );
  });

  test('tells of each node up and down in turns', () => {
    const heard = fc.array(
      fc
        .tuple(
          fc.bigInt({ min: 1n, max: 3n }),
          fc.nat(3),
          fc.constantFrom<RosterStatus>('alive', 'dead', 'left'),
        )
        .map(([start, refutation, status]) => entry('a', start, refutation, status)),
    );
    fc.assert(
      fc.property(heard, (entries) => {
        const node = new Driven();
        let isUp = false;
        for (const each of entries) {
          node.receive([each]);
          for (const event of node.events.splice(0)) {
            expect(event.type === 'memberUp').toBe(!isUp);
            if (event.type !== 'memberUpdated') isUp = event.type === 'memberUp';
          }
          expect(isUp).toBe(node.core.alive.some((one) => one.node === 'a@t'));
        }
      }),
    );
  });
});

describe('flooding', () => {
  test('passes what changed the roster to all neighbours but the one it came from', () => {
    const node = new Driven();
    for (const name of ['x', 'y', 'z']) node.neighbor(name);
    node.take();
    node.receive([entry('a', 1n, 0, 'alive')], 'x');
    expect(node.sentTo()).toEqual(['y@t', 'z@t']);
    node.receive([entry('a', 1n, 0, 'alive')], 'y');
    expect(node.sentTo()).toEqual([]);
  });

  test('gives a new neighbour the whole roster, in batches of 64', () => {
    const node = new Driven();
    node.do({ kind: 'announce', record: RECORD });
    node.receive(Array.from({ length: 149 }, (_, i) => entry(`m${i}`, 1n, 0, 'alive')));
    node.take();
    node.neighbor('x');
    expect(node.batches()).toEqual([64, 64, 22]);
  });

  test('does not reach nodes that are no neighbours any more', () => {
    const node = new Driven();
    node.neighbor('x');
    node.do({ kind: 'neighborDown', node: 'x@t' });
    node.take();
    node.do({ kind: 'announce', record: RECORD });
    expect(node.sentTo()).toEqual([]);
  });
});

describe('the node itself', () => {
  test('refutes its death, to the one that told it too, and asserts what it owns behind it', () => {
    const node = new Driven();
    node.do({ kind: 'announce', record: RECORD });
    for (const name of ['x', 'y']) node.neighbor(name);
    node.take();
    node.receive([entry('self', 7n, 0, 'dead')], 'x');
    const effects = node.take();
    expect(effects.map(({ kind }) => kind)).toEqual(['send', 'send', 'reassert']);
    for (const effect of effects.slice(0, 2)) {
      expect(effect).toMatchObject({
        entries: [{ node: 'self@t', incarnation: 7n, refutation: 1, status: 'alive' }],
      });
    }
    expect(node.events).toEqual([]);
  });

  test('goes above whatever refutation is said of it, once', () => {
    const node = new Driven();
    node.do({ kind: 'announce', record: RECORD });
    node.receive([entry('self', 7n, 41, 'dead')]);
    expect(node.core.get('self@t')).toMatchObject({ refutation: 42, status: 'alive' });
    node.receive([entry('self', 7n, 41, 'left')]);
    expect(node.core.get('self@t')).toMatchObject({ refutation: 42, status: 'alive' });
  });

  test('does not mind word of an earlier start, and reports a later one', () => {
    const node = new Driven();
    node.do({ kind: 'announce', record: RECORD });
    node.take();
    node.receive([entry('self', 6n, 9, 'dead')]);
    expect(node.take()).toEqual([]);
    node.receive([entry('self', 8n, 0, 'alive')]);
    expect(node.take()).toEqual([{ kind: 'superseded', incarnation: 8n }]);
    expect(node.core.get('self@t')?.incarnation).toBe(7n);
  });

  test('spreads a changed record under a greater refutation', () => {
    const node = new Driven();
    node.do({ kind: 'announce', record: RECORD });
    node.do({ kind: 'update', record: { ...RECORD, weight: 2 } });
    expect(node.core.alive).toMatchObject([{ refutation: 1, record: { weight: 2 } }]);
  });

  test('leaves with a word that nothing said before goes above', () => {
    const node = new Driven();
    node.do({ kind: 'announce', record: RECORD });
    node.neighbor('x');
    node.take();
    node.do({ kind: 'leave' });
    const [effect] = node.take();
    expect(effect).toMatchObject({ to: 'x@t', entries: [{ status: 'left', refutation: 1 }] });
    expect(node.core.alive).toEqual([]);
    node.receive([entry('self', 7n, 0, 'dead')]);
    node.do({ kind: 'update', record: RECORD });
    expect(node.core.get('self@t')).toMatchObject({ status: 'left', refutation: 1 });
  });

  test('comes back after leaving, above its own leave, and asserts what it owns', () => {
    const node = new Driven();
    node.do({ kind: 'announce', record: RECORD });
    node.do({ kind: 'leave' });
    node.take();
    node.do({ kind: 'announce', record: RECORD });
    expect(node.core.alive).toMatchObject([{ refutation: 2 }]);
    expect(node.take()).toEqual([{ kind: 'reassert' }]);
  });
});

describe('members', () => {
  test('come up once, are updated by a changed record, and go down once', () => {
    const node = new Driven();
    node.receive([entry('a', 1n, 0, 'alive')]);
    node.receive([entry('a', 1n, 1, 'alive')]);
    node.receive([entry('a', 1n, 1, 'dead')]);
    node.receive([entry('a', 1n, 1, 'dead')]);
    expect(node.said).toEqual(['memberUp 1', 'memberUpdated 1', 'memberDown 1 failed']);
  });

  test('that died are revoked by their refutation alone', () => {
    const node = new Driven();
    node.receive([entry('a', 1n, 0, 'alive'), entry('a', 1n, 0, 'dead')]);
    node.receive([entry('a', 1n, 0, 'alive')]);
    expect(node.core.isAlive('a@t', 1n)).toBe(false);
    node.receive([entry('a', 1n, 1, 'alive')]);
    expect(node.core.isAlive('a@t', 1n)).toBe(true);
    expect(node.said).toEqual(['memberUp 1', 'memberDown 1 failed', 'memberUp 1']);
  });

  test('that left are not dead: a neighbour’s late suspicion changes nothing', () => {
    const node = new Driven();
    node.receive([entry('a', 1n, 0, 'alive'), entry('a', 1n, 1, 'left')]);
    node.do({ kind: 'suspectDead', node: 'a@t', incarnation: 1n });
    expect(node.core.get('a@t')?.status).toBe('left');
    expect(node.said).toEqual(['memberUp 1', 'memberDown 1 left']);
  });

  test('that restart go down as the old start and come up as the new', () => {
    const node = new Driven();
    node.receive([entry('a', 1n, 3, 'alive'), entry('a', 2n, 0, 'alive')]);
    expect(node.said).toEqual(['memberUp 1', 'memberDown 1 failed', 'memberUp 2']);
    const starts = [1n, 2n, 3n].map((start) => node.core.isAlive('a@t', start));
    expect(starts).toEqual([false, true, false]);
  });

  test('first heard of as dead are no event', () => {
    const node = new Driven();
    node.receive([entry('a', 1n, 0, 'dead')]);
    expect(node.events).toEqual([]);
    expect(node.core.isAlive('a@t', 1n)).toBe(false);
  });

  test('that this node suspects are dead at once, and their record is kept to dial them again', () => {
    const node = new Driven();
    node.neighbor('x');
    node.receive([entry('a', 1n, 5, 'alive')]);
    node.take();
    node.do({ kind: 'suspectDead', node: 'a@t', incarnation: 1n });
    expect(node.core.get('a@t')).toMatchObject({ status: 'dead', refutation: 5, record: RECORD });
    expect(node.sentTo()).toEqual(['x@t']);
    node.do({ kind: 'suspectDead', node: 'self@t', incarnation: 7n });
    node.do({ kind: 'suspectDead', node: 'a@t', incarnation: 0n });
    expect(node.take()).toEqual([]);
  });
});

describe('the bounds of the roster', () => {
  test('the dead and left are forgotten after an hour, the living never', () => {
    const node = new Driven();
    node.receive([entry('a', 1n, 0, 'alive'), entry('b', 1n, 0, 'dead')]);
    node.nowMs = 3_599_999;
    node.do({ kind: 'tick' });
    expect(node.core.get('b@t')).toBeDefined();
    node.nowMs = 3_600_000;
    node.do({ kind: 'tick' });
    expect(node.core.entries.map((one) => one.node)).toEqual(['a@t']);
  });

  test('a full roster forgets who is gone longest, then refuses and says so', () => {
    const node = new Driven({ entriesMax: 3 });
    node.receive([entry('a', 1n, 0, 'dead'), entry('b', 1n, 0, 'alive')]);
    node.receive([entry('c', 1n, 0, 'dead')]);
    node.receive([entry('d', 1n, 0, 'alive')]);
    expect(node.names).toEqual(['b', 'c', 'd']);
    node.receive([entry('e', 1n, 0, 'dead')]);
    expect(node.names).toEqual(['b', 'c', 'd']);
    node.receive([entry('f', 1n, 0, 'alive')]);
    node.take();
    node.receive([entry('g', 1n, 0, 'alive')]);
    expect(node.take()).toEqual([{ kind: 'refused', node: 'g@t' }]);
    expect(node.names).toEqual(['b', 'd', 'f']);
  });
});

const RECORD: MemberRecord = {
  addresses: ['10.0.0.1:1'],
  fingerprint: 'SHA256:f',
  version: '1.0.0',
  weight: 1,
  meta: new Uint8Array(),
};

describe('a forged refutation', () => {
  test('far above the known one is not believed, of others as of oneself', () => {
    const node = new Driven();
    node.do({ kind: 'announce', record: RECORD });
    node.receive([entry('a', 1n, 3, 'alive')]);
    node.take();
    const forged = REFUTATION_LEAP_MAX + 4;
    node.receive([entry('a', 1n, forged, 'dead'), entry('self', 7n, forged, 'dead')]);
    expect(node.core.get('a@t')?.status).toBe('alive');
    expect(node.core.get('self@t')).toMatchObject({ status: 'alive', refutation: 0 });
    expect(node.take()).toEqual([]);
  });

  test('within the bound is refuted once more', () => {
    const node = new Driven();
    node.do({ kind: 'announce', record: RECORD });
    node.receive([entry('self', 7n, REFUTATION_LEAP_MAX, 'dead')]);
    expect(node.core.get('self@t')).toMatchObject({
      status: 'alive',
      refutation: REFUTATION_LEAP_MAX + 1,
    });
  });
});

function entry(
  name: string,
  incarnation: bigint,
  refutation: number,
  status: RosterStatus,
): RosterEntry {
  const base = { node: `${name}@t`, incarnation, refutation };
  return status === 'alive' ? { ...base, status, record: RECORD } : { ...base, status };
}

/** One core with virtual time; collects its effects. */
class Driven {
  readonly core: Roster;
  readonly events: MemberEvent[] = [];
  nowMs = 0;
  #effects: RosterEffect[] = [];

  constructor(options: RosterOptions = {}) {
    this.core = new Roster({ node: 'self@t', incarnation: 7n }, options);
  }

  do(input: RosterInput): void {
    for (const effect of this.core.handle(input, this.nowMs)) {
      if (effect.kind === 'emit') this.events.push(effect.event);
      else this.#effects.push(effect);
    }
  }

  neighbor(name: string): void {
    this.do({ kind: 'neighborUp', node: `${name}@t` });
    for (const entries of this.core.exchange()) {
      this.#effects.push({ kind: 'send', to: `${name}@t`, entries });
    }
  }

  receive(entries: readonly RosterEntry[], from = 'x'): void {
    this.do({ kind: 'received', from: `${from}@t`, entries });
  }

  /** Effects since the last call, events left out. */
  take(): RosterEffect[] {
    return this.#effects.splice(0);
  }

  sentTo(): string[] {
    return this.take().flatMap((effect) => (effect.kind === 'send' ? [effect.to] : []));
  }

  batches(): number[] {
    return this.take().flatMap((effect) => (effect.kind === 'send' ? [effect.entries.length] : []));
  }

  get said(): string[] {
    return this.events.map((event) =>
      event.type === 'memberDown'
        ? `${event.type} ${event.incarnation} ${event.reason}`
        : `${event.type} ${event.incarnation}`,
    );
  }

  get names(): string[] {
    return this.core.entries.map(({ node }) => node.slice(0, -2)).sort();
  }

  get summary(): string[] {
    return this.core.entries
      .map((one) => `${one.node} ${one.incarnation} ${one.refutation} ${one.status}`)
      .sort();
  }
}
