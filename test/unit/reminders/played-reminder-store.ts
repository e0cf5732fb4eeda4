/** The store of reminders of one node in memory: a test plays the other nodes, and the disk. */
import type { SavedStore, SavedStores, StoreOptions } from '../../../src/cluster/ports.ts';
import type { ReminderRecord } from '../../../src/core/schedule/record.ts';
import { keyTextOf, reminderId } from '../../../src/core/schedule/reminder-id.ts';
import type { Key } from '../../../src/core/wire/key.ts';
import { encodeValue } from '../../../src/core/wire/value.ts';
import type { Counter } from '../../../src/host/meter.ts';
import { ReminderStore } from '../../../src/reminders/reminder-store.ts';
import { MemoryStore } from '../maps/memory-stores.ts';

class SavedMemoryStore extends MemoryStore implements SavedStore {
  saved(): Promise<void> {
    return this.durable;
  }
}

export interface PlayedReminderStore {
  readonly store: ReminderStore;
  /** Others write through it, with `arrive`. */
  readonly memory: MemoryStore;
  readonly invalid: Counter;
}

export async function playedReminderStore(): Promise<PlayedReminderStore> {
  const opened: SavedMemoryStore[] = [];
  const stores: SavedStores = {
    open: async (name: string, options: StoreOptions) => {
      const store = new SavedMemoryStore(name, options, new Map());
      opened.push(store);
      return store;
    },
    drop: async () => {},
  };
  const invalid = { value: 0 };
  const store = await ReminderStore.open(stores, invalid);
  const [memory] = opened;
  if (memory === undefined) throw new Error('nothing was opened');
  return { store, memory, invalid };
}

export function idOf(key: Key, version: bigint = 1n): string {
  return reminderId(keyTextOf(key), version);
}

/** Due at 1,000; fires once, at least once. */
export function recordOf(changes: Partial<ReminderRecord> = {}): ReminderRecord {
  return {
    occurrence: 0,
    step: 0,
    dueAtMs: 1_000,
    schedule: { kind: 'once' },
    rules: {
      delivery: 'at-least-once',
      maxAttempts: 5,
      backoffMs: 1_000,
      missed: 'once',
      overlap: 'skip',
      onPartition: 'fire',
    },
    payload: encodeValue('x'),
    owners: [],
    catchUpLeft: 0,
    state: { kind: 'scheduled', attempt: 0, notBeforeMs: 0, error: undefined },
    ...changes,
  };
}

/** Claimed by the first start of that node. */
export function claimOf(node: string, changes: Partial<ReminderRecord> = {}): ReminderRecord {
  const by = { node, incarnation: 1n };
  const state = { kind: 'claimed', attempt: 1, by, leaseMs: 10_000, error: undefined } as const;
  return recordOf({ step: 1, state, ...changes });
}
