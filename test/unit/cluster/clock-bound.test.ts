import { describe, expect, test } from 'vitest';
import { storedClockBound } from '../../../src/cluster/clock-bound.ts';
import { NodeClock } from '../../../src/cluster/node-clock.ts';
import { packStamp, STAMP_MAX, stampBytes } from '../../../src/core/clock/stamp.ts';
import { BarrelError } from '../../../src/errors.ts';
import type { DurableStore, StoredItem, StoreOperation } from '../../../src/host/durable-store.ts';
import { ClockMachine, START_WALL_MS as T } from './clock-machine.ts';

const KEY = new TextEncoder().encode('clock');

describe('the bound of a clock in the durable store', () => {
  test('is 8 bytes under the key clock, read again at the next start', async () => {
    const { bound, store } = stored();
    expect(await bound.load()).toBeUndefined();
    await bound.save(packStamp(T, 3));
    expect(store.operations).toEqual([{ key: KEY, value: stampBytes(packStamp(T, 3)) }]);
    expect(await bound.load()).toBe(packStamp(T, 3));
  });

  test('is not found in the keys that only begin like its own', async () => {
    const { bound, store } = stored();
    store.items.push({ kind: 'value', key: Buffer.from('clocks'), value: stampBytes(5n) });
    expect(await bound.load()).toBeUndefined();
    await bound.save(7n);
    expect(await bound.load()).toBe(7n);
  });

  test('is passed over with a warning when it is damaged, no stamp, or of no possible time', async () => {
    const damaged: readonly StoredItem[] = [
      { kind: 'damaged', key: KEY },
      { kind: 'value', key: KEY, value: Uint8Array.of(1, 2, 3) },
      { kind: 'value', key: KEY, value: stampBytes(STAMP_MAX) },
    ];
    for (const item of damaged) {
      const { bound, store, machine } = stored();
      store.items.push(item);
      const clock = await NodeClock.open({ host: machine.host, bound });
      expect(clock.now()).toBe(packStamp(T, 0));
      expect(machine.lines.map(({ level }) => level)).toEqual(['warn']);
      expect(await bound.load()).toBe(packStamp(T + 10_000, 0));
    }
  });

  test('is saved and read with the errors of the store', async () => {
    const { bound, store } = stored();
    store.error = new BarrelError('ERR_STORE', 'the disk fails');
    await expect(bound.load()).rejects.toBe(store.error);
    await expect(bound.save(1n)).rejects.toBe(store.error);
  });
});

function stored() {
  const store = new FakeStore();
  const machine = new ClockMachine();
  return { store, machine, bound: storedClockBound(store, machine.host.logger) };
}

class FakeStore implements DurableStore {
  readonly wasRepaired = false;
  readonly waitingBytes = 0;
  items: StoredItem[] = [];
  readonly operations: StoreOperation[] = [];
  error: BarrelError | undefined;

  async *range(prefix: Uint8Array): AsyncIterable<StoredItem> {
    if (this.error !== undefined) throw this.error;
    for (const item of this.items) {
      if (Buffer.compare(item.key.subarray(0, prefix.length), prefix) === 0) yield item;
    }
  }

  async batch(operations: readonly StoreOperation[]): Promise<void> {
    if (this.error !== undefined) throw this.error;
    this.operations.push(...operations);
    for (const { key, value } of operations) {
      this.items = this.items.filter((item) => Buffer.compare(item.key, key) !== 0);
      if (value !== undefined) this.items.push({ kind: 'value', key, value });
    }
    this.items.sort((a, b) => Buffer.compare(a.key, b.key));
  }

  async close(): Promise<void> {}
}
