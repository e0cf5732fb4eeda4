import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packStamp } from '../../../../src/core/clock/stamp.ts';
import { StampClock } from '../../../../src/core/clock/stamp-clock.ts';
import {
  ownedKey,
  type StoreChange,
  type StoreOutcome,
} from '../../../../src/core/store/contract.ts';
import type { Entry, Replica } from '../../../../src/core/store/entry.ts';
import {
  type Intake,
  StoreReplica,
  type StoreReplicaOptions,
} from '../../../../src/core/store/store-replica.ts';
import { Strangers } from '../../../../src/core/store/strangers.ts';
import { BarrelError } from '../../../../src/errors.ts';
import { systemDigest } from '../../../../src/host/system-digest.ts';
import {
  SMALL_VALUE_BYTES_MAX,
  STORE_KEY_BYTES_MAX,
  STRANGER_BYTES_MAX,
  STRANGER_ENTRIES_MAX,
} from '../../../../src/limits.ts';

const WALL_MS = 1_700_000_000_000;
const SELF: Replica = { node: 'self@t', incarnation: 5n };

describe('own writes', () => {
  test('are reported and stored, once each, with growing stamps', () => {
    const store = new Driven();
    const [first] = store.write('k', 'v');
    const [second] = store.write('k', 'w');
    expect(first?.stamp).toBeLessThan(second?.stamp ?? 0n);
    const { changes, stored } = store.replica.takeOutcome();
    expect(changes.map(textOfChange)).toEqual(['k: none > v', 'k: v > w']);
    expect(stored).toEqual([first, second]);
    expect(store.replica.takeOutcome()).toEqual(NO_OUTCOME);
  });

  test('with too long a key or value are refused, and nothing changes', () => {
    const store = new Driven();
    const long = 'k'.repeat(STORE_KEY_BYTES_MAX);
    expect(codeOf(() => store.write(long, 'v'))).toBe('ERR_VALUE');
    expect(codeOf(() => store.write('k', 'v'.repeat(SMALL_VALUE_BYTES_MAX + 1)))).toBe('ERR_VALUE');
    expect(store.text).toEqual([]);
    store.write('k', 'v'.repeat(SMALL_VALUE_BYTES_MAX));
    expect(store.replica.size).toBe(1);
  });

  test('above the bound of entries are refused; overwriting and removing are not', () => {
    const store = new Driven({ entriesMax: 2 });
    store.write('a', '1');
    store.write('b', '1');
    expect(codeOf(() => store.write('c', '1'))).toBe('ERR_OVERLOADED');
    store.write('b', '2');
    store.write('a', undefined);
    expect(store.text).toEqual(['self@t/b=2']);
    expect(store.replica.buriedSize).toBe(1);
  });

  test('above the bound of bytes are refused; smaller values make room', () => {
    const store = new Driven({ bytesMax: 200 });
    store.write('a', 'v'.repeat(100));
    expect(codeOf(() => store.write('b', 'v'.repeat(100)))).toBe('ERR_OVERLOADED');
    store.write('a', 'short');
    store.write('b', 'v'.repeat(100));
    expect(store.replica.size).toBe(2);
  });

  test('in a store that others filled above its bounds are taken where they make it no larger', () => {
    const store = new Driven({ entriesMax: 4, bytesMax: 1_000 }, ['a']);
    store.write('k', 'value');
    store.take([1, 2, 3, 4].map((i) => store.entry('a', `k${i}`, 'v')));
    expect(store.replica.registers.size).toBe(5);
    expect(codeOf(() => store.write('new', 'v'))).toBe('ERR_OVERLOADED');
    expect(codeOf(() => store.write('new', undefined))).toBe('ERR_OVERLOADED');
    store.write('k', 'other');
    expect(store.text).toContain('self@t/k=other');
    store.write('k', undefined);
    expect(store.text).toEqual(['a@t/k1=v', 'a@t/k2=v', 'a@t/k3=v', 'a@t/k4=v']);
  });

  test('above the bound of bytes are taken, too, where they make it no larger', () => {
    const store = new Driven({ bytesMax: 100 }, ['a']);
    store.write('k', 'v'.repeat(50));
    store.take([store.entry('a', 'k', 'v'.repeat(50))]);
    expect(store.replica.registers.bytes).toBeGreaterThan(100);
    expect(codeOf(() => store.write('k', 'v'.repeat(51)))).toBe('ERR_OVERLOADED');
    store.write('k', 'w'.repeat(50));
    store.write('k', undefined);
    expect(store.replica.registers.bytes).toBeLessThan(100);
  });

  test('of one key twice count once', () => {
    const store = new Driven({ entriesMax: 1 });
    const writes = ['v', 'w'].map((value) => ({ key: ownKey('k'), value: bytes(value) }));
    store.replica.write(writes, WALL_MS);
    expect(store.text).toEqual(['self@t/k=w']);
  });

  test('without a bound have room in any case, but not for what is too long', () => {
    const store = new Driven({ entriesMax: 1 });
    store.write('a', 'v');
    const write = { key: ownKey('b'), value: bytes('v') };
    expect(store.replica.write([write], WALL_MS, true)).toHaveLength(1);
    expect(store.replica.size).toBe(2);
  });

  test('of which one cannot be made leave all of them out', () => {
    const store = new Driven({ entriesMax: 2 });
    const writes = ['a', 'b', 'c'].map((key) => ({ key: ownKey(key), value: bytes('v') }));
    expect(codeOf(() => store.replica.write(writes, WALL_MS))).toBe('ERR_OVERLOADED');
    expect(store.text).toEqual([]);
    expect(store.replica.takeOutcome().stored).toEqual([]);
  });
});

describe('entries in this node’s name', () => {
  test('that are echoes or older change nothing', () => {
    const store = new Driven();
    const written = [...store.write('k', 'v'), ...store.write('k', 'w')];
    store.replica.takeOutcome();
    expect(store.take(written)).toEqual(NOTHING);
    expect(store.text).toEqual(['self@t/k=w']);
  });

  test('that are forged are contradicted: the own word stands', () => {
    const store = new Driven();
    store.write('k', 'v');
    const forged = store.entry('self', 'k', 'bad', { aheadMs: 30_000 });
    const { contradicted } = store.take([forged]);
    expect(contradicted.map(textOfEntry)).toEqual(['self@t/k=v']);
    expect(contradicted[0]?.stamp).toBeGreaterThan(forged.stamp);
    expect(store.text).toEqual(['self@t/k=v']);
    expect(store.take([forged])).toEqual(NOTHING);
  });

  test('of a key that it does not have stay none', () => {
    const store = new Driven();
    const forged = store.entry('self', 'z', 'bad', { aheadMs: 1 });
    const { contradicted } = store.take([forged]);
    expect(contradicted.map(textOfEntry)).toEqual(['self@t/z']);
    expect(store.text).toEqual([]);
    expect(store.replica.takeOutcome().changes).toEqual([]);
  });

  test('that would fill the store with contradictions are refused above its bounds', () => {
    const store = new Driven({ entriesMax: 4 });
    store.write('k', 'v');
    const forged = Array.from({ length: 100 }, (_, i) =>
      store.entry('self', `z${i}`, 'bad', { aheadMs: 1 }),
    );
    const { contradicted, refused } = store.take(forged);
    expect(contradicted).toHaveLength(4);
    expect(refused).toBeGreaterThan(90);
    expect(store.replica.registers.size).toBe(5);
    const known = store.entry('self', 'k', 'bad', { aheadMs: 1 });
    expect(store.take([known]).contradicted.map(textOfEntry)).toEqual(['self@t/k=v']);
  });

  test('of another start of it are refused', () => {
    const store = new Driven();
    store.write('k', 'v');
    const others = [1n, 9n].map((start) =>
      store.entry('self', 'k', 'bad', { aheadMs: 1, incarnation: start }),
    );
    expect(store.take(others)).toEqual({ ...NOTHING, refused: 2 });
    expect(store.text).toEqual(['self@t/k=v']);
  });
});

describe('entries of others', () => {
  test('of a key that another node owns, or none, are refused', () => {
    const store = new Driven({}, ['a', 'b']);
    const entry = store.entry('a', 'k', 'bad');
    const foreign = { ...entry, key: ownedKey('b@t', 'k') };
    expect(store.take([foreign, { ...entry, key: 'k' }])).toEqual({ ...NOTHING, refused: 2 });
    expect(store.text).toEqual([]);
  });

  test('of a clock that is too far ahead are refused', () => {
    const store = new Driven({}, ['a']);
    const ahead = store.entry('a', 'k', 'v', { aheadMs: 60_001 });
    expect(store.take([ahead])).toEqual({ ...NOTHING, refused: 1 });
    expect(store.take([store.entry('a', 'k', 'v', { aheadMs: 60_000 })])).toEqual(NOTHING);
    expect(store.text).toEqual(['a@t/k=v']);
  });

  test('removed stay so, whatever older writes come late (F7)', () => {
    const store = new Driven({}, ['a']);
    const old = store.entry('a', 'k', 'old');
    store.take([store.entry('a', 'k', undefined, { aheadMs: 2 })]);
    store.take([old]);
    expect(store.text).toEqual([]);
    expect(store.replica.takeOutcome().changes).toEqual([]);
    store.take([store.entry('a', 'k', 'new', { aheadMs: 3 })]);
    expect(store.text).toEqual(['a@t/k=new']);
  });

  test('of starts that are not alive come out as strangers, until they are', () => {
    const store = new Driven();
    const heard = store.entry('a', 'k', 'v');
    expect(store.take([heard])).toEqual({ ...NOTHING, strangers: [heard] });
    store.alive.add('a@t');
    expect(store.take([heard])).toEqual(NOTHING);
    expect(store.text).toEqual(['a@t/k=v']);
  });

  test('vanish with their writer, are given back, and may return with it', () => {
    const store = new Driven({}, ['a', 'b']);
    const [kept, gone] = [store.entry('b', 'k', 'v'), store.entry('a', 'k', 'v')];
    const removed = store.entry('a', 'r', undefined);
    store.take([kept, gone, removed]);
    store.replica.takeOutcome();
    store.alive.delete('a@t');
    const dropped = store.replica.dropWriter({ node: 'a@t', incarnation: 5n });
    expect(dropped.map(textOfEntry).sort()).toEqual(['a@t/k=v', 'a@t/r']);
    const { changes, forgotten } = store.replica.takeOutcome();
    expect(changes.map(textOfChange)).toEqual(['k: v > none']);
    expect(changes[0]).toMatchObject({ cause: 'gone', writer: { node: 'a@t' } });
    expect([...forgotten].sort()).toEqual([gone.key, removed.key].sort());
    expect(store.take([gone]).strangers).toEqual([gone]);
    store.alive.add('a@t');
    store.take(dropped);
    expect(store.text).toEqual(['a@t/k=v', 'b@t/k=v']);
  });

  test('are taken in a quarter above the bounds, then refused; removals of known ones are not', () => {
    const store = new Driven({ entriesMax: 4 }, ['a']);
    const heard = [1, 2, 3, 4, 5, 6].map((i) => store.entry('a', `k${i}`, 'v'));
    expect(store.take(heard).refused).toBe(1);
    expect(store.replica.size).toBe(5);
    expect(store.take([store.entry('a', 'k1', undefined, { aheadMs: 1 })])).toEqual(NOTHING);
    expect(store.replica.size).toBe(4);
  });

  test('are bounded in bytes, too', () => {
    const store = new Driven({ bytesMax: 400 }, ['a']);
    const value = 'v'.repeat(100);
    const heard = [1, 2, 3, 4, 5].map((i) => store.entry('a', `k${i}`, value));
    expect(store.take(heard).refused).toBe(1);
    expect(store.take([store.entry('a', 'k1', `${value}${value}`, { aheadMs: 1 })]).refused).toBe(
      1,
    );
    expect(store.take([store.entry('a', 'k1', 'short', { aheadMs: 1 })])).toEqual(NOTHING);
  });
});

test('replicas that heard the same writes, in any order and twice, are the same (F9)', () => {
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
      const one = new Driven({}, ['a', 'b']);
      const entries = writes.map(([owner, key, value]) => one.entry(owner, key, value));
      for (const each of entries) one.take([each]);
      const other = new Driven({}, ['a', 'b']);
      const shuffled = [...entries, ...entries]
        .map((each) => ({ each, rank: draws.next().value ?? 0 }))
        .sort((x, y) => x.rank - y.rank);
      other.take(shuffled.map(({ each }) => each));
      expect(other.text).toEqual(one.text);
      expect(other.replica.registers.digest()).toEqual(one.replica.registers.digest());
      expect(replayed(other.replica.takeOutcome().changes)).toEqual(other.text);
    }),
  );
});

describe('a wall clock', () => {
  test('that wavers brings nothing back to life', () => {
    const store = new Driven();
    store.writeFor(1_000, 'k');
    store.replica.takeOutcome();
    store.replica.tick(WALL_MS + 1_000);
    store.replica.tick(WALL_MS + 500);
    expect([store.text, store.replica.size, store.replica.get(ownKey('k'))]).toEqual([
      [],
      0,
      undefined,
    ]);
    expect(store.replica.takeOutcome().changes.map(({ cause }) => cause)).toEqual(['expired']);
  });

  test('that stepped ahead and is set back shows again what has not expired', () => {
    const store = new Driven({}, ['a']);
    store.writeFor(1_000, 'short');
    store.writeFor(600_000, 'long');
    const foreign = { ...store.entry('a', 'f', 'v'), expiresAtMs: WALL_MS + 600_000 };
    store.take([foreign]);
    store.replica.takeOutcome();
    store.replica.tick(WALL_MS + 86_400_000);
    expect([store.text, store.replica.buriedSize]).toEqual([[], 3]);
    store.replica.tick(WALL_MS + 10_000);
    expect(store.text).toEqual(['a@t/f=v', 'self@t/long=v']);
    expect([store.replica.size, store.replica.buriedSize]).toEqual([2, 1]);
    expect(replayed(store.replica.takeOutcome().changes)).toEqual(store.text);
    store.writeFor(1_000, 'next', WALL_MS + 10_000);
    store.replica.tick(WALL_MS + 11_000);
    expect(store.text).toEqual(['a@t/f=v', 'self@t/long=v']);
    store.replica.tick(WALL_MS + 600_000);
    expect([store.text, store.replica.size]).toEqual([[], 0]);
  });
});

describe('what is buried', () => {
  test('is remembered for its time, counted from when it was buried here', () => {
    const store = new Driven({}, ['a']);
    store.take([store.entry('a', 'k', undefined, { aheadMs: -600_000 })]);
    expect(store.agesAt(WALL_MS + 59_999)).toBe(false);
    expect(store.agesAt(WALL_MS + 60_000)).toBe(true);
  });

  test('moves no clock while it waits', () => {
    const store = new Driven();
    store.write('k', 'v');
    store.write('k', undefined);
    const stamps = store.stamps;
    store.replica.tick(WALL_MS + 1_000);
    expect([store.replica.hasAged(), store.stamps]).toEqual([false, stamps]);
    store.replica.collect();
    expect(store.stamps).toBe(stamps);
  });
});

describe('entries of writers that are not known yet', () => {
  test('wait for their writer and come out once, in order', () => {
    const strangers = new Strangers();
    strangers.hold('one', [held('a', 5n, 1), held('b', 5n, 1)]);
    strangers.hold('two', [held('a', 5n, 2)]);
    const taken = strangers.take({ node: 'a@t', incarnation: 5n });
    expect(taken.map(({ store, entry }) => [store, entry.stamp])).toEqual([
      ['one', 1n],
      ['two', 2n],
    ]);
    expect(strangers.take({ node: 'a@t', incarnation: 5n })).toEqual([]);
    expect(strangers.take({ node: 'b@t', incarnation: 5n })).toHaveLength(1);
  });

  test('of an older start go when a newer one is known, those of a newer one wait on', () => {
    const strangers = new Strangers();
    strangers.hold('s', [held('a', 4n, 1), held('a', 6n, 1)]);
    expect(strangers.take({ node: 'a@t', incarnation: 5n })).toEqual([]);
    expect(strangers.take({ node: 'a@t', incarnation: 4n })).toEqual([]);
    expect(strangers.take({ node: 'a@t', incarnation: 6n })).toHaveLength(1);
  });

  test('are bounded: the oldest make room', () => {
    const strangers = new Strangers();
    const count = STRANGER_ENTRIES_MAX + 3;
    for (let i = 1; i <= count; i += 1) strangers.hold('s', [held('a', 5n, i)]);
    const taken = strangers.take({ node: 'a@t', incarnation: 5n });
    expect(taken).toHaveLength(STRANGER_ENTRIES_MAX);
    expect(taken[0]?.entry.stamp).toBe(4n);
  });

  test('are bounded in bytes, and what was taken makes room', () => {
    const strangers = new Strangers();
    const most = Math.floor(STRANGER_BYTES_MAX / SMALL_VALUE_BYTES_MAX);
    for (const node of ['a', 'b']) {
      for (let i = 1; i <= 2 * most; i += 1) strangers.hold('s', [heldBig(node, i)]);
      const taken = strangers.take({ node: `${node}@t`, incarnation: 5n });
      expect(taken.length).toBeGreaterThan(most - 2);
      expect(taken.length).toBeLessThanOrEqual(most);
      expect(taken.at(-1)?.entry.stamp).toBe(BigInt(2 * most));
    }
  });
});

/** Entries of one writer that is a stranger, 60 KiB each. */
function heldBig(node: string, index: number): Entry {
  return { ...held(node, 5n, index), value: new Uint8Array(SMALL_VALUE_BYTES_MAX) };
}

const NO_OUTCOME: StoreOutcome = { changes: [], stored: [], forgotten: [], heard: [] };
const NOTHING: Intake = { buried: [], strangers: [], refused: 0, contradicted: [] };

/** An owned replica whose entries end with their writers, on a wall clock that stands still. */
class Driven {
  readonly alive: Set<string>;
  readonly replica: StoreReplica;
  /** That the clock has made. */
  stamps = 0;
  #entries = 0;

  constructor(
    bounds: Pick<StoreReplicaOptions, 'entriesMax' | 'bytesMax'> = {},
    alive: readonly string[] = [],
  ) {
    this.alive = new Set(alive.map((name) => `${name}@t`));
    const clock = new StampClock();
    this.replica = new StoreReplica({
      ...bounds,
      name: 'services',
      ownership: 'owner',
      lifetime: 'writer',
      tombstoneTtlMs: 60_000,
      isDurable: false,
      startedAt: 0n,
      self: SELF,
      clock: {
        now: () => {
          this.stamps += 1;
          return clock.now(WALL_MS);
        },
        observe: (stamp) => clock.observe(stamp, WALL_MS),
      },
      digest: systemDigest,
      salt: '',
      isAlive: ({ node, incarnation }) => incarnation === 5n && this.alive.has(node),
    });
  }

  write(key: string, value: string | undefined): readonly Entry[] {
    const write = { key: ownKey(key), value: value === undefined ? undefined : bytes(value) };
    return this.replica.write([write], WALL_MS);
  }

  writeFor(ttlMs: number, key: string, wallMs: number = WALL_MS): void {
    this.replica.write([{ key: ownKey(key), value: bytes('v'), ttlMs }], wallMs);
  }

  agesAt(wallMs: number): boolean {
    this.replica.tick(wallMs);
    return this.replica.hasAged();
  }

  take(entries: readonly Entry[]): Intake {
    return this.replica.take(entries, WALL_MS);
  }

  /** Each with a stamp of its own, as one clock gives them. */
  entry(
    owner: string,
    key: string,
    value: string | undefined,
    { aheadMs = 0, incarnation = 5n }: { aheadMs?: number; incarnation?: bigint } = {},
  ): Entry {
    this.#entries += 1;
    const writer = { node: `${owner}@t`, incarnation };
    return {
      key: ownedKey(writer.node, key),
      stamp: packStamp(WALL_MS + aheadMs, this.#entries),
      writer,
      value: value === undefined ? undefined : bytes(value),
      expiresAtMs: 0,
    };
  }

  /** `owner/key=value` of all entries that stand, sorted. */
  get text(): string[] {
    return [...this.replica.visible()].map(textOfEntry).sort();
  }
}

function held(node: string, incarnation: bigint, stamp: number): Entry {
  const writer = { node: `${node}@t`, incarnation };
  return { key: 'k', stamp: BigInt(stamp), writer, value: undefined, expiresAtMs: 0 };
}

function ownKey(key: string): string {
  return ownedKey(SELF.node, key);
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textOf(value: Uint8Array | undefined): string {
  return value === undefined ? 'none' : new TextDecoder().decode(value);
}

function textOfEntry({ key, value }: Entry): string {
  const name = key.replace('\0', '/');
  return value === undefined ? name : `${name}=${textOf(value)}`;
}

function textOfChange({ key, value, previous }: StoreChange): string {
  return `${key.split('\0')[1]}: ${textOf(previous)} > ${textOf(value)}`;
}

/** What a listener has who applied all changes. */
function replayed(changes: readonly StoreChange[]): string[] {
  const known = new Map<string, string>();
  for (const { key, value } of changes) {
    if (value === undefined) known.delete(key);
    else known.set(key, textOf(value));
  }
  return [...known].map(([key, value]) => `${key.replace('\0', '/')}=${value}`).sort();
}

function codeOf(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error instanceof BarrelError ? error.code : error;
  }
  return undefined;
}
