import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TableEffect, TableEntry, TableInput } from '../../../../src/core/table/contract.ts';
import type { OwnerBounds } from '../../../../src/core/table/owner-entries.ts';
import { OwnerTable } from '../../../../src/core/table/owner-table.ts';
import { BarrelError } from '../../../../src/errors.ts';
import {
  TABLE_BYTES_MAX,
  TABLE_BYTES_PER_OWNER_MAX,
  TABLE_VERSION_REPAIRED_MAX,
} from '../../../../src/limits.ts';

describe('own entries', () => {
  test('are spread to all neighbours and reported, with growing versions', () => {
    const table = new Driven();
    for (const name of ['x', 'y']) table.neighbor(name);
    table.put('k', 'v');
    expect(table.take()).toEqual([
      change('self', 'k', 'v'),
      send('x', [entry('self', 'k', 1, 'v')]),
      send('y', [entry('self', 'k', 1, 'v')]),
    ]);
    table.put('l', 'w');
    table.do({ kind: 'remove', key: 'k' });
    expect(table.changes()).toEqual([change('self', 'l', 'w'), change('self', 'k', undefined)]);
    expect(table.text).toEqual(['self@t/l=w']);
  });

  test('written with the value that stands, or removed when there is none, cost nothing', () => {
    const table = new Driven();
    table.neighbor('x');
    table.put('k', 'v');
    table.take();
    table.put('k', 'v');
    table.do({ kind: 'remove', key: 'none' });
    expect(table.take()).toEqual([]);
  });

  test('too long or too many are refused, and nothing changes', () => {
    const table = new Driven({ entriesMax: 2 });
    const codeOf = (run: () => void): unknown => {
      try {
        run();
      } catch (error) {
        return error instanceof BarrelError ? error.code : error;
      }
      return undefined;
    };
    expect(codeOf(() => table.put('k'.repeat(1_025), 'v'))).toBe('ERR_VALUE');
    expect(codeOf(() => table.put('é'.repeat(513), 'v'))).toBe('ERR_VALUE');
    expect(codeOf(() => table.put('k', 'v'.repeat(61_441)))).toBe('ERR_VALUE');
    table.put('a', '1');
    table.put('b', '1');
    expect(codeOf(() => table.put('c', '1'))).toBe('ERR_OVERLOADED');
    table.put('b', '2');
    expect(table.text).toEqual(['self@t/a=1', 'self@t/b=2']);
    const narrow = new Driven({ bytesMax: 200 });
    narrow.put('a', 'v'.repeat(100));
    expect(codeOf(() => narrow.put('b', 'v'.repeat(100)))).toBe('ERR_OVERLOADED');
    narrow.put('a', 'short');
    narrow.put('b', 'v'.repeat(100));
  });

  test('that come back are echoes; what is newer than they are is forged', () => {
    const table = new Driven();
    table.put('k', 'v');
    table.put('k', 'w');
    table.take();
    table.receive([entry('self', 'k', 1, 'v'), entry('self', 'k', 2, 'w')]);
    expect(table.take()).toEqual([]);
    table.receive([entry('self', 'x', 9, 'bad')], 'e');
    expect(table.take()).toEqual([{ kind: 'forged', from: 'e@t', key: 'x' }]);
    table.receive([entry('self', 'k', 99, 'older start', 1n), entry('self', 'k', 99, 'x', 9n)]);
    expect(table.take()).toEqual([]);
    expect(table.text).toEqual(['self@t/k=w']);
  });

  test('that others forge are contradicted: the own word stands, and no word stays none', () => {
    const table = new Driven();
    table.put('k', 'v');
    table.neighbor('x');
    table.take();
    table.receive([entry('self', 'k', 9, 'bad')], 'e');
    table.receive([entry('self', 'z', 90, 'bad')], 'e');
    expect(table.take()).toEqual([
      { kind: 'forged', from: 'e@t', key: 'k' },
      send('x', [entry('self', 'k', 10, 'v')]),
      { kind: 'forged', from: 'e@t', key: 'z' },
      send('x', [entry('self', 'z', 91, undefined)]),
    ]);
    table.receive([entry('self', 'k', TABLE_VERSION_REPAIRED_MAX, 'bad')], 'e');
    expect(table.take()).toEqual([{ kind: 'forged', from: 'e@t', key: 'k' }]);
  });

  test('are written anew when they are asserted, without a change', () => {
    const table = new Driven();
    table.put('k', 'v');
    table.put('gone', 'v');
    table.do({ kind: 'remove', key: 'gone' });
    table.neighbor('x');
    table.take();
    table.do({ kind: 'reassert' });
    expect(table.take()).toEqual([
      send('x', [entry('self', 'k', 4, 'v'), entry('self', 'gone', 5, undefined)]),
    ]);
  });
});

describe('entries of others', () => {
  test('that are new are reported and passed on to all but the sender', () => {
    const table = new Driven();
    for (const name of ['x', 'y', 'z']) table.neighbor(name);
    table.take();
    table.receive([entry('a', 'k', 1, 'v')], 'x');
    expect(table.take()).toEqual([
      change('a', 'k', 'v'),
      send('y', [entry('a', 'k', 1, 'v')]),
      send('z', [entry('a', 'k', 1, 'v')]),
    ]);
    table.receive([entry('a', 'k', 1, 'v')], 'y');
    expect(table.take()).toEqual([]);
  });

  test('asserted anew are passed on without a change', () => {
    const table = new Driven();
    table.neighbor('y');
    table.receive([entry('a', 'k', 1, 'v')]);
    table.take();
    table.receive([entry('a', 'k', 5, 'v')]);
    expect(table.take()).toEqual([send('y', [entry('a', 'k', 5, 'v')])]);
  });

  test('removed stay so, whatever older writes come late (F7)', () => {
    const table = new Driven();
    table.receive([entry('a', 'k', 2, undefined)]);
    table.receive([entry('a', 'k', 1, 'old')]);
    expect(table.text).toEqual([]);
    expect(table.changes()).toEqual([]);
    table.receive([entry('a', 'k', 3, 'new')]);
    expect(table.text).toEqual(['a@t/k=new']);
  });

  test('vanish with their owner, and late ones of it do not come back', () => {
    const table = new Driven();
    table.receive([entry('a', 'k', 1, 'v'), entry('a', 'r', 2, undefined)]);
    table.take();
    table.gone.set('a@t', 5n);
    table.do({ kind: 'ownerGone', node: 'a@t', incarnation: 5n });
    expect(table.take()).toEqual([{ ...change('a', 'k', undefined), cause: 'gone' }]);
    table.receive([entry('a', 'k', 7, 'v')]);
    expect(table.take()).toMatchObject([{ kind: 'refused', key: 'k' }]);
    expect(table.text).toEqual([]);
  });

  test('of all owners together are bounded in bytes', () => {
    const table = new Driven();
    const value = 'x'.repeat(60_000);
    const each = Math.floor(TABLE_BYTES_PER_OWNER_MAX / 60_400);
    const owners = Math.ceil(TABLE_BYTES_MAX / TABLE_BYTES_PER_OWNER_MAX) + 1;
    for (let owner = 0; owner < owners; owner += 1) {
      for (let key = 0; key < each; key += 1) {
        table.receive([entry(`o${owner}`, `k${key}`, key + 1, value)]);
      }
    }
    const bytes = [...table.core.entries()].reduce((sum, one) => sum + (one.value?.length ?? 0), 0);
    expect(bytes).toBeLessThan(TABLE_BYTES_MAX);
    expect(table.take().some(({ kind }) => kind === 'refused')).toBe(true);
    table.do({ kind: 'ownerGone', node: 'o0@t', incarnation: 5n });
    table.take();
    table.receive([entry('late', 'k', 1, value)]);
    expect(table.changes()).toHaveLength(1);
  });

  test('of a later start replace all of the older, and an older start is not heard', () => {
    const table = new Driven();
    table.receive([entry('a', 'k', 8, 'old'), entry('a', 'l', 9, 'old')]);
    table.take();
    table.receive([entry('a', 'k', 1, 'new', 6n)]);
    expect(table.changes()).toEqual([
      { ...change('a', 'k', undefined), cause: 'gone' },
      { ...change('a', 'l', undefined), cause: 'gone' },
      { ...change('a', 'k', 'new'), owner: { node: 'a@t', incarnation: 6n } },
    ]);
    table.receive([entry('a', 'l', 10, 'late')]);
    expect(table.text).toEqual(['a@t/k=new']);
    table.do({ kind: 'ownerGone', node: 'a@t', incarnation: 5n });
    expect(table.text).toEqual(['a@t/k=new']);
  });

  test('above the bounds of an owner are refused, counted and not passed on', () => {
    const table = new Driven({ entriesMax: 2 });
    table.neighbor('y');
    table.receive([1, 2, 3].map((i) => entry('a', `k${i}`, i, 'v')));
    const effects = table.take();
    expect(effects.filter(({ kind }) => kind === 'refused')).toHaveLength(1);
    expect(effects.at(-1)).toMatchObject({ kind: 'send', entries: [{ key: 'k1' }, { key: 'k2' }] });
  });
});

describe('tombstones', () => {
  test('fill at most half of an owner’s room, the oldest go first', () => {
    const table = new Driven({ entriesMax: 4 });
    for (const key of ['a', 'b', 'c']) {
      table.put(key, 'v');
      table.do({ kind: 'remove', key });
    }
    table.neighbor('x');
    expect(table.take().at(-1)).toEqual(
      send('x', [entry('self', 'b', 4, undefined), entry('self', 'c', 6, undefined)]),
    );
    for (const key of ['d', 'e', 'f', 'g']) table.put(key, 'v');
    expect(table.text).toHaveLength(4);
  });

  test('that were dropped are made again when the old write comes back', () => {
    const table = new Driven({ entriesMax: 2 });
    for (const key of ['a', 'b']) {
      table.put(key, 'v');
      table.do({ kind: 'remove', key });
    }
    for (const name of ['x', 'y']) table.neighbor(name);
    table.take();
    table.receive([entry('self', 'a', 1, 'v')], 'x');
    expect(table.take()).toEqual([
      send('x', [entry('self', 'a', 5, undefined)]),
      send('y', [entry('self', 'a', 5, undefined)]),
    ]);
  });
});

describe('a new neighbour', () => {
  test('gets the whole table, own entries and tombstones included', () => {
    const table = new Driven();
    table.put('k', 'v');
    table.receive([entry('a', 'r', 2, undefined), entry('b', 'k', 1, 'v')]);
    table.take();
    table.neighbor('x');
    expect(table.take()).toEqual([
      send('x', [
        entry('self', 'k', 1, 'v'),
        entry('a', 'r', 2, undefined),
        entry('b', 'k', 1, 'v'),
      ]),
    ]);
  });

  test('gets it in batches that are bounded in count and in bytes', () => {
    const many = new Driven();
    for (let i = 0; i < 600; i += 1) many.put(`k${i}`, 'v');
    many.neighbor('x');
    expect(many.batches()).toEqual([256, 256, 88]);
    const long = new Driven();
    for (let i = 0; i < 10; i += 1) long.put(`k${i}`, `${'v'.repeat(60_000)}${i}`);
    long.neighbor('x');
    expect(long.batches()).toEqual([4, 4, 2]);
  });

  test('that went away gets nothing more', () => {
    const table = new Driven();
    table.neighbor('x');
    table.do({ kind: 'neighborDown', node: 'x@t' });
    table.put('k', 'v');
    expect(table.batches()).toEqual([]);
  });
});

test('nodes that heard the same writes, in any order and twice, have the same table (F9)', () => {
  // One owner's history is serial: the n-th write has version n.
  const history = fc.array(
    fc.tuple(
      fc.constantFrom('a', 'b'),
      fc.constantFrom('k', 'l', 'm'),
      fc.option(fc.constantFrom('v', 'w'), { nil: undefined }),
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.double({ min: 0, max: 1 })), (writes, draws) => {
      const entries = writes.map(([owner, key, value], i) => entry(owner, key, i + 1, value));
      const one = new Driven();
      for (const each of entries) one.receive([each]);
      const other = new Driven();
      const shuffled = [...entries, ...entries]
        .map((each) => ({ each, rank: draws.next().value ?? 0 }))
        .sort((x, y) => x.rank - y.rank);
      other.receive(shuffled.map(({ each }) => each));
      expect(other.text).toEqual(one.text);
      expect(replayed(other.take())).toEqual(other.text);
    }),
  );
});

function entry(
  owner: string,
  key: string,
  version: number,
  value: string | undefined,
  incarnation = 5n,
): TableEntry {
  const bytes = value === undefined ? undefined : new TextEncoder().encode(value);
  return { owner: { node: `${owner}@t`, incarnation }, key, version, value: bytes };
}

function change(owner: string, key: string, value: string | undefined): TableEffect {
  const { owner: start, value: bytes } = entry(owner, key, 0, value);
  return { kind: 'change', owner: start, key, value: bytes, cause: 'owner' };
}

function send(to: string, entries: readonly TableEntry[]): TableEffect {
  return { kind: 'send', to: `${to}@t`, entries };
}

/** The table that a listener has who applied all changes. */
function replayed(effects: readonly TableEffect[]): string[] {
  const known = new Map<string, string>();
  for (const effect of effects) {
    if (effect.kind !== 'change') continue;
    const name = `${effect.owner.node}/${effect.key}`;
    if (effect.value === undefined) known.delete(name);
    else known.set(name, new TextDecoder().decode(effect.value));
  }
  return [...known].map(([name, value]) => `${name}=${value}`).sort();
}

class Driven {
  /** Starts that the roster knows as gone. */
  readonly gone: Map<string, bigint> = new Map();
  readonly core: OwnerTable;
  #effects: TableEffect[] = [];

  constructor(bounds: Partial<OwnerBounds> = {}) {
    this.core = new OwnerTable(
      { node: 'self@t', incarnation: 5n },
      { ...bounds, isAlive: (node, start) => start > (this.gone.get(node) ?? -1n) },
    );
  }

  do(input: TableInput): void {
    this.#effects.push(...this.core.handle(input));
  }

  put(key: string, value: string): void {
    this.do({ kind: 'put', key, value: new TextEncoder().encode(value) });
  }

  neighbor(name: string): void {
    this.do({ kind: 'neighborUp', node: `${name}@t` });
    for (const entries of this.core.exchange()) {
      this.#effects.push({ kind: 'send', to: `${name}@t`, entries });
    }
  }

  receive(entries: readonly TableEntry[], from = 'x'): void {
    this.do({ kind: 'received', from: `${from}@t`, entries });
  }

  take(): TableEffect[] {
    return this.#effects.splice(0);
  }

  changes(): TableEffect[] {
    return this.take().filter(({ kind }) => kind === 'change');
  }

  batches(): number[] {
    return this.take().flatMap((effect) => (effect.kind === 'send' ? [effect.entries.length] : []));
  }

  get text(): string[] {
    return [...this.core.entries()]
      .map(({ owner, key, value }) => `${owner.node}/${key}=${new TextDecoder().decode(value)}`)
      .sort();
  }
}
