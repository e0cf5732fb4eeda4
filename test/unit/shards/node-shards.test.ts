/** What one node says of partitions and holds of them, while a test plays the roster. */
import { describe, expect, test } from 'vitest';
import type { ShardEvent } from '../../../src/shards/shards.ts';
import { SELF, settledShards, shardsOf } from './played-port.ts';

const FOUR = ['a@test', 'b@test', 'c@test', 'd@test'];

async function take(stream: AsyncIterable<unknown>, count: number): Promise<unknown[]> {
  const taken: unknown[] = [];
  for await (const event of stream) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

function ring(size: number): number[] {
  return [...Array(size).keys()];
}

describe('a node alone', () => {
  test('is the owner of everything (K1)', async () => {
    const { shards } = await settledShards([]);
    expect(shards.owned()).toEqual(ring(64));
    for (const key of ['tea', 42, ['room', 7]]) {
      expect(shards.place(key)).toBe(SELF);
      expect(shards.isOwner(key)).toBe(true);
      expect(shards.owners(key, 3)).toEqual([SELF]);
    }
    expect(ring(64).every((partition) => shards.ownerOf(partition) === SELF)).toBe(true);
  });

  test('says so before it takes part, and holds nothing', async () => {
    const { shards, told } = await shardsOf();
    expect(shards.place('tea')).toBe(SELF);
    expect(shards.isOwner('tea')).toBe(false);
    expect(shards.owned()).toEqual([]);
    expect(told).toEqual([]);
  });
});

describe('a node of which nobody uses the shards', () => {
  test('answers by the members, holds nothing, and begins when somebody does', async () => {
    const { shards, port, time } = await shardsOf({ isUsed: false });
    shards.join();
    port.live([SELF, ...FOUR]);
    port.exchanged();
    await time.advance(1_000);
    expect(new Set(ring(64).map((partition) => shards.ownerOf(partition))).size).toBe(5);
    expect(shards.owned()).toEqual([]);
    shards.use();
    expect(shards.owned()).toEqual(ring(64).filter((p) => shards.ownerOf(p) === SELF));
  });
});

describe('a node that takes part', () => {
  test('holds nothing until it has met another one', async () => {
    const { shards, port, time, told } = await shardsOf();
    shards.join();
    port.live([SELF, ...FOUR]);
    await time.advance(9_000);
    expect(new Set(ring(64).map((partition) => shards.ownerOf(partition))).size).toBe(5);
    expect(shards.owned()).toEqual([]);
    expect(told).toEqual([]);
    port.exchanged();
    const owned = shards.owned();
    expect(owned.length).toBeGreaterThan(0);
    expect(told.map(({ type, partition }) => [type, partition])).toEqual(
      owned.map((partition) => ['acquired', partition]),
    );
  });

  test('holds nothing while it was compared and knows of nobody else yet', async () => {
    const { shards, port, time } = await shardsOf();
    shards.join();
    port.live([SELF]);
    port.exchanged();
    await time.advance(1_000);
    expect(shards.owned()).toEqual([]);
    port.live([SELF, 'a@test']);
    port.live([SELF, ...FOUR]);
    await time.advance(0);
    const own = ring(64).filter((partition) => shards.ownerOf(partition) === SELF);
    expect(shards.owned()).toEqual(own);
  });

  test('holds its partitions after 10 s when nobody compared itself with it', async () => {
    const { shards, time } = await shardsOf();
    shards.join();
    await time.advance(9_999);
    expect(shards.owned()).toEqual([]);
    await time.advance(1);
    expect(shards.owned()).toEqual(ring(64));
  });

  test('holds what is placed on it, and no more', async () => {
    const { shards } = await settledShards(FOUR);
    const own = ring(64).filter((partition) => shards.ownerOf(partition) === SELF);
    expect(shards.owned()).toEqual(own);
    for (let i = 0; i < 200; i += 1) {
      const key = ['user', i];
      expect(shards.isOwner(key)).toBe(shards.place(key) === SELF);
      expect(shards.ownerOf(shards.partition(key))).toBe(shards.place(key));
    }
  });

  test('drops who died at once (K6)', async () => {
    const { shards, port, time } = await settledShards(['a@test']);
    expect(new Set(ring(64).map((partition) => shards.ownerOf(partition))).size).toBe(2);
    port.live([SELF]);
    expect(shards.ownerOf(0)).toBe(SELF);
    await time.advance(0);
    expect(shards.owned()).toEqual(ring(64));
  });

  test('releases exactly what it lost when four join (K7)', async () => {
    const { shards, port, time, told } = await settledShards([]);
    told.length = 0;
    port.live([SELF, ...FOUR]);
    await time.advance(0);
    const lost = ring(64).filter((partition) => shards.ownerOf(partition) !== SELF);
    expect(lost.length).toBeGreaterThan(40);
    expect(told.map(({ type, partition }) => [type, partition])).toEqual(
      lost.map((partition) => ['released', partition]),
    );
    expect(new Set(told.map(({ epoch }) => epoch)).size).toBe(1);
  });

  test('releases first, then acquires, each in order', async () => {
    const { port, time, told } = await settledShards(FOUR, 4_096);
    told.length = 0;
    port.live([SELF, 'a@test', 'b@test', 'x@test', 'y@test']);
    await time.advance(0);
    const types = told.map(({ type }) => type);
    expect(types.indexOf('acquired')).toBeGreaterThan(0);
    expect(types.lastIndexOf('released')).toBeLessThan(types.indexOf('acquired'));
    for (const type of ['released', 'acquired']) {
      const partitions = told.flatMap((event) => (event.type === type ? [event.partition] : []));
      expect(partitions).toEqual([...partitions].sort((a, b) => a - b));
    }
  });

  test('makes one change of many in one turn, and none of what changes nothing', async () => {
    const { port, time, told, meter } = await settledShards([]);
    told.length = 0;
    port.live([SELF, ...FOUR]);
    port.live([SELF]);
    await time.advance(0);
    expect(told).toEqual([]);
    expect(meter.snapshot()['barrel_shards_released_total']).toBe(0);
  });

  test('owns nothing with weight 0, as long as others have one', async () => {
    const { shards, port, time } = await settledShards(['a@test', 'b@test']);
    port.live([SELF, 'a@test', 'b@test'], { [SELF]: 0 });
    await time.advance(0);
    expect(shards.owned()).toEqual([]);
    expect(shards.owners('tea', 3).sort()).toEqual(['a@test', 'b@test']);
    port.live([SELF, 'a@test'], { [SELF]: 0, 'a@test': 0 });
    await time.advance(0);
    expect(shards.owned().length).toBeGreaterThan(0);
    expect(shards.owners('tea', 3).sort()).toEqual(['a@test', SELF]);
  });

  test('has a share by its weight', async () => {
    const { shards, port, time } = await settledShards(['a@test'], 4_096);
    port.live([SELF, 'a@test'], { 'a@test': 3 });
    await time.advance(0);
    expect(shards.owned().length / 4_096).toBeGreaterThan(0.2);
    expect(shards.owned().length / 4_096).toBeLessThan(0.3);
  });

  test('counts what it holds, acquires and releases', async () => {
    const { shards, port, time, meter } = await settledShards([]);
    port.live([SELF, 'a@test']);
    await time.advance(0);
    const owned = shards.owned().length;
    expect(meter.snapshot()).toEqual({
      barrel_shards_acquired_total: 64,
      barrel_shards_owned: owned,
      barrel_shards_released_total: 64 - owned,
    });
  });
});

describe('a node that leaves', () => {
  test('releases everything, and holds its own again when it is back and has met others', async () => {
    const { shards, port, time, told } = await settledShards([]);
    told.length = 0;
    await shards.leave();
    expect(told.map(({ type }) => type)).toEqual(ring(64).map(() => 'released'));
    expect(shards.owned()).toEqual([]);
    port.live(FOUR);
    port.exchanged();
    await time.advance(60_000);
    expect(shards.owned()).toEqual([]);
    shards.join();
    port.live([SELF, ...FOUR]);
    port.exchanged();
    await time.advance(0);
    const own = ring(64).filter((partition) => shards.ownerOf(partition) === SELF);
    expect(shards.owned()).toEqual(own);
  });

  test('releases everything when it closes, and its streams end', async () => {
    const { shards, port, time } = await settledShards([], 8);
    const stream = take(shards.events(), 99);
    await shards.close();
    await shards.close();
    const types = ((await stream) as ShardEvent[]).map(({ type }) => type);
    expect(types).toEqual([...ring(8).map(() => 'acquired'), ...ring(8).map(() => 'released')]);
    shards.join();
    port.live([SELF]);
    port.exchanged();
    await time.advance(20_000);
    expect(shards.owned()).toEqual([]);
  });
});

describe('a stream of events', () => {
  test('starts with what is held, and goes on with what happens', async () => {
    const { shards, port, time } = await settledShards([], 4_096);
    const stream = shards.events();
    port.live([SELF, 'a@test']);
    await time.advance(0);
    const released = 4_096 - shards.owned().length;
    const events = (await take(stream, 4_096 + released)) as ShardEvent[];
    expect(events.slice(0, 4_096).map(({ type, partition }) => [type, partition])).toEqual(
      ring(4_096).map((partition) => ['acquired', partition]),
    );
    expect(events.slice(4_096).every(({ type }) => type === 'released')).toBe(true);
    expect(events[0]?.epoch).not.toBe(events.at(-1)?.epoch);
    expect(events[0]?.epoch).toMatch(/^[0-9a-f]{16}$/);
  });

  test('says that it lags when more waits than fits', async () => {
    const { shards, port, time } = await settledShards([], 8);
    const stream = shards.events();
    for (let turn = 0; turn < 200; turn += 1) {
      port.live(turn % 2 === 0 ? [SELF, ...FOUR] : [SELF]);
      await time.advance(0);
    }
    const events = (await take(stream, 9)) as { readonly type: string }[];
    expect(events.map(({ type }) => type)).toEqual([...ring(8).map(() => 'acquired'), 'lagged']);
  });

  test('that begins where a listener hears of an event neither repeats nor misses it', async () => {
    const { shards, port, time } = await settledShards(['a@test'], 8);
    const own = shards.owned().length;
    const streams: ReturnType<typeof shards.events>[] = [];
    shards.on('acquired', () => streams.push(shards.events()));
    port.live([SELF]);
    await time.advance(0);
    await shards.close();
    expect(streams).toHaveLength(8 - own);
    for (const stream of streams) {
      const events = (await take(stream, 99)) as ShardEvent[];
      const partitions = events.filter(({ type }) => type === 'acquired');
      expect(new Set(partitions.map(({ partition }) => partition)).size).toBe(8);
      expect(partitions).toHaveLength(8);
    }
  });

  test('ends with its signal also before all that is held was read', async () => {
    const { shards } = await settledShards([], 8);
    const controller = new AbortController();
    const stream = shards.events({ signal: controller.signal })[Symbol.asyncIterator]();
    await stream.next();
    controller.abort(new Error('enough'));
    await expect(stream.next()).rejects.toThrow('enough');
  });

  test('takes a signal', async () => {
    const { shards } = await settledShards([], 8);
    const aborted = AbortSignal.abort(new Error('enough'));
    expect(() => shards.events({ signal: aborted })).toThrow('enough');
    const controller = new AbortController();
    const stream = take(shards.events({ signal: controller.signal }), 99);
    controller.abort(new Error('enough'));
    await expect(stream).rejects.toThrow('enough');
  });

  test('is not what `on` gives, which tells of the future alone', async () => {
    const { shards } = await settledShards([], 8);
    let count = 0;
    shards.on('acquired', () => {
      count += 1;
    });
    expect(count).toBe(0);
  });
});

describe('what is no question', () => {
  test('is refused', async () => {
    const { shards } = await settledShards([], 8);
    const refused = (code: string) => expect.objectContaining({ code });
    for (const partition of [-1, 8, 0.5, Number.NaN]) {
      expect(() => shards.ownerOf(partition)).toThrow(refused('ERR_OPTION'));
    }
    for (const n of [-1, 1.5, Number.NaN]) {
      expect(() => shards.owners('tea', n)).toThrow(refused('ERR_OPTION'));
    }
    expect(() => shards.place(Number.NaN)).toThrow(refused('ERR_VALUE'));
    expect(() => shards.place('a'.repeat(2_000))).toThrow(refused('ERR_VALUE'));
    expect(shards.owners('tea', 0)).toEqual([]);
  });
});
