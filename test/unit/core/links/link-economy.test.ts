import { describe, expect, test } from 'vitest';
import {
  dispensable,
  isFreeWhenAsked,
  type LinkState,
} from '../../../../src/core/links/link-economy.ts';

const CONFIG = { idleMs: 60_000, onDemandMax: 2 };

interface Named extends LinkState {
  readonly name: string;
}

function link(name: string, state: Partial<LinkState> = {}): Named {
  const unused = { isNeighbor: false, isNeeded: false, asked: 'no' } as const;
  return { name, ...unused, messageMs: 0, otherMs: 0, ...state };
}

function gone(links: readonly Named[], nowMs: number): string[] {
  return dispensable(links, nowMs, CONFIG).map(({ link: { name }, cause }) => `${name} ${cause}`);
}

describe('a link that is not between neighbours', () => {
  test('is idle when it had no message for the idle time', () => {
    expect(gone([link('a', { messageMs: 1_000 })], 60_999)).toEqual([]);
    expect(gone([link('a', { messageMs: 1_000 })], 61_000)).toEqual(['a idle']);
  });

  test('without any message is idle ten seconds after its last other frame (G6)', () => {
    const state = { messageMs: Number.NEGATIVE_INFINITY, otherMs: 5_000 };
    expect(gone([link('a', state)], 14_999)).toEqual([]);
    expect(gone([link('a', state)], 15_000)).toEqual(['a idle']);
  });

  test('stays while other frames cross it, as those of connections that lead over it', () => {
    expect(gone([link('a', { messageMs: 0, otherMs: 100_000 })], 109_999)).toEqual([]);
  });

  test('stays while something needs it, or its other end has yet to answer (I41)', () => {
    const links = [
      link('needed', { isNeeded: true }),
      link('open', { asked: 'open' }),
      link('refused', { asked: 'refused' }),
    ];
    expect(gone(links, 1_000_000)).toEqual([]);
  });
});

test('a link between neighbours stays, whatever else is true of it (G4)', () => {
  const links = ['a', 'b', 'c', 'd'].map((name) => link(name, { isNeighbor: true }));
  expect(gone(links, 1_000_000)).toEqual([]);
});

describe('of more links than are kept', () => {
  const used = (name: string, messageMs: number, state: Partial<LinkState> = {}): Named =>
    link(name, { messageMs, ...state });

  test('the least recently used ones go, down to the bound', () => {
    const links = [used('c', 30_000), used('a', 10_000), used('d', 40_000), used('b', 20_000)];
    expect(gone(links, 50_000)).toEqual(['a room', 'b room']);
  });

  test('those between neighbours do not count', () => {
    const links = [
      used('a', 10_000),
      used('b', 20_000),
      used('c', 30_000, { isNeighbor: true }),
      used('d', 40_000, { isNeighbor: true }),
    ];
    expect(gone(links, 50_000)).toEqual([]);
  });

  test('needed ones are passed over, and those that had a message within the second', () => {
    const links = [
      used('a', 10_000, { isNeeded: true }),
      used('b', 20_000),
      used('c', 49_500),
      used('d', 49_600),
    ];
    expect(gone(links, 50_000)).toEqual(['b room']);
  });

  test('idle ones and those about to go make the room first', () => {
    const links = [
      used('a', 40_000),
      used('b', 45_000),
      used('c', 50_000),
      used('d', 0),
      used('e', 41_000, { asked: 'open' }),
    ];
    expect(gone(links, 60_000)).toEqual(['d idle', 'a room']);
  });

  test('one that was refused counts, and another one goes', () => {
    const links = [used('a', 10_000, { asked: 'refused' }), used('b', 20_000), used('c', 30_000)];
    expect(gone(links, 50_000)).toEqual(['b room']);
  });
});

describe('who is asked', () => {
  const asked = (state: Partial<LinkState>, cause: 'idle' | 'room'): boolean =>
    isFreeWhenAsked(link('a', state), cause, { nowMs: 60_000, idleMs: 60_000 });

  test('agrees a tenth sooner than it would ask itself', () => {
    expect(asked({ messageMs: 6_000 }, 'idle')).toBe(true);
    expect(asked({ messageMs: 6_001 }, 'idle')).toBe(false);
  });

  test('makes room after a second, but not with a link that it needs or has for a neighbour', () => {
    expect(asked({ messageMs: 59_000 }, 'room')).toBe(true);
    expect(asked({ messageMs: 59_200 }, 'room')).toBe(false);
    expect(asked({ isNeeded: true }, 'room')).toBe(false);
    expect(asked({ isNeighbor: true }, 'room')).toBe(false);
  });
});
