/** Where a clock keeps the bound that its stamps are below: one key of the durable store. */
import { type Stamp, stampBytes, stampOfBytes } from '../core/clock/stamp.ts';
import { LEAST_STAMP_MAX } from '../core/clock/stamp-clock.ts';
import type { DurableStore, StoredItem } from '../host/durable-store.ts';
import type { Logger } from '../host/logger.ts';

const KEY = new TextEncoder().encode('clock');

/** Of one clock: read once at its start, written by it alone. */
export interface ClockBound {
  /** What was saved last; undefined when there is nothing to go on from. @throws ERR_STORE. */
  load(): Promise<Stamp | undefined>;
  /** Resolves when it is durable. @throws ERR_STORE, ERR_CLOSED. */
  save(bound: Stamp): Promise<void>;
}

/**
 * The bound under the key `clock` of that store. A damaged one is passed over with a warning: that
 * start goes by the machine's clock, as a first one.
 */
export function storedClockBound(store: DurableStore, logger: Logger): ClockBound {
  return {
    load: () => load(store, logger),
    save: (bound) => store.batch([{ key: KEY, value: stampBytes(bound) }]),
  };
}

async function load(store: DurableStore, logger: Logger): Promise<Stamp | undefined> {
  for await (const item of store.range(KEY)) {
    // The range is one of a prefix: it begins with the key itself, if that is there.
    if (item.key.byteLength !== KEY.byteLength) return undefined;
    const bound = boundOf(item);
    if (bound === undefined) {
      logger.warn('the bound of the clock is damaged, the machine’s clock is used instead');
    }
    return bound;
  }
  return undefined;
}

function boundOf(item: StoredItem): Stamp | undefined {
  if (item.kind === 'damaged') return undefined;
  const bound = stampOfBytes(item.value);
  return bound === undefined || bound > LEAST_STAMP_MAX ? undefined : bound;
}
