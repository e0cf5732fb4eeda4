import { beforeEach, describe, expect, test } from 'vitest';
import { type KeptStore, StoreDisk } from '../../../src/cluster/store-disk.ts';
import type { Entry } from '../../../src/core/store/entry.ts';
import type { DurableStore } from '../../../src/host/durable-store.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { MemoryFiles } from '../../../src/testing/memory-files.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { SimulatedStores } from '../../../src/testing/simulated-store.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

const KNOWLEDGE = { floor: 5n, known: [] };
const ENTRY: Entry = {
  key: 'tea',
  stamp: 7n,
  writer: { node: 'a@h', incarnation: 1n },
  value: new Uint8Array([1, 2, 3]),
  expiresAtMs: 0,
};
/** In the order in which `begin` writes them. */
const KEPT_AT = 0;
const ENTRY_AT = 1;

const FAULTS = { isFull: false, failsSync: false };

let time: VirtualTime;
let meter: Meter;
let stores: SimulatedStores;
let durable: DurableStore;
let disk: StoreDisk;

beforeEach(async () => {
  time = new VirtualTime();
  FAULTS.isFull = false;
  stores = new SimulatedStores({
    random: new SeededRandom(1),
    faults: FAULTS,
    sync: async () => {},
  });
  expect(await restarted()).toEqual({
    incarnation: 1n,
    entries: [],
    exchangedAt: 0n,
    knowledge: undefined,
  });
  disk.keep({ changes: [], stored: [ENTRY], forgotten: [] });
  exchanged(true);
  await time.advance(10);
});

test('what was kept is there after a restart, and who the replica was', async () => {
  expect(await restarted()).toEqual({
    incarnation: 1n,
    entries: [ENTRY],
    exchangedAt: 9n,
    knowledge: KNOWLEDGE,
  });
  expect(disk.faults).toEqual([]);
});

describe('a damaged value is a fault, and what was known is not trusted', () => {
  beforeEach(async () => {
    damage(ENTRY_AT);
    expect(await restarted()).toMatchObject({ entries: [], knowledge: undefined });
    expect(disk.faults).toEqual(['map:m: 1 damaged values']);
  });

  test('until it is written again', async () => {
    disk.keep({ changes: [], stored: [ENTRY], forgotten: [] });
    await time.advance(10);
    expect(disk.faults).toEqual([]);
    expect(await restarted()).toMatchObject({ entries: [ENTRY], knowledge: undefined });
  });

  test('until an exchange shows that nobody has it', async () => {
    exchanged(false);
    await time.advance(10);
    expect(disk.faults).toEqual([]);
    expect(await restarted()).toMatchObject({ entries: [], knowledge: KNOWLEDGE });
    expect(disk.faults).toEqual([]);
  });

  test('and what an exchange brought is not removed as if nobody had it', async () => {
    disk.keep({ changes: [], stored: [ENTRY], forgotten: [] });
    exchanged(true);
    await time.advance(10);
    expect(await restarted()).toMatchObject({ entries: [ENTRY], knowledge: KNOWLEDGE });
  });
});

test('where who it was is damaged, it is a new replica, and no fault stays', async () => {
  damage(KEPT_AT);
  expect(await restarted(2n)).toMatchObject({
    incarnation: 2n,
    entries: [ENTRY],
    knowledge: undefined,
  });
  expect(disk.faults).toEqual([]);
});

test('a batch that fails is counted once, and nothing is said to be known meanwhile', async () => {
  FAULTS.isFull = true;
  disk.keep({ changes: [], stored: [{ ...ENTRY, key: 'more' }], forgotten: [] });
  exchanged(true);
  await time.advance(10);
  expect(meter.counter('barrel_store_disk_failures_total').value).toBe(1);
  expect(disk.faults).toEqual(['map:m: 1 entries not on disk']);
});

async function restarted(incarnation = 1n): Promise<KeptStore> {
  stores.crash();
  const work = async (): Promise<KeptStore> => {
    const files = new MemoryFiles();
    meter = new Meter();
    durable = await stores.opener(files, time)('/store');
    disk = new StoreDisk({
      store: durable,
      name: 'map:m',
      host: { logger: silentLogger, meter },
    });
    return disk.load(incarnation);
  };
  const kept = work();
  kept.catch(() => {});
  await time.advance(10);
  return kept;
}

function exchanged(hasEntry: boolean): void {
  disk.exchanged({ knowledge: KNOWLEDGE, exchangedAt: 9n, has: () => hasEntry });
}

function damage(at: number): void {
  const bytes = stores.values()[at];
  if (bytes === undefined) throw new Error(`no value ${at}`);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
}
