/** The broadcast of a store: its name and entries, in a frame that is judged before it goes on. */
import type { Stamp } from '../core/clock/stamp.ts';
import type { Entry } from '../core/store/entry.ts';
import { readEntries, writeEntries } from '../core/store/entry-codec.ts';
import { Reader } from '../core/wire/reader.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { Writer } from '../core/wire/writer.ts';
import { STORE_NAME_BYTES_MAX } from '../limits.ts';

export interface Delta {
  readonly store: string;
  readonly entries: readonly Entry[];
  /** They are all that their writer wrote after that stamp and that still stands. */
  readonly after?: Stamp | undefined;
}

export function encodeDelta({ store, entries, after }: Delta): Uint8Array {
  const writer = new Writer().string(store).optional(after, (w, stamp) => w.big(stamp));
  writeEntries(writer, entries);
  return writer.take();
}

/** What is kept is copied out. @throws WireError */
export function decodeDelta(payload: Uint8Array): Delta {
  const reader = new Reader(payload);
  const store = reader.string(STORE_NAME_BYTES_MAX);
  if (store === '') throw new WireError('a store without a name');
  const after = reader.optional((r) => r.big());
  const entries = readEntries(reader);
  reader.end();
  return { store, entries, after };
}
