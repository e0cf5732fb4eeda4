/** Records as users see them, one or all. */

import { keyOf, keyPartOf, versionPartOf } from '../core/schedule/reminder-id.ts';
import type { ReminderAt } from '../core/schedule/transitions.ts';
import { decodeValue } from '../core/wire/value.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { BarrelError } from '../errors.ts';
import type { Timers } from '../host/host.ts';
import { type KeyPrefix, keyPrefix, startsWith } from './key-prefix.ts';
import type { ReminderStore } from './reminder-store.ts';
import type { Reminder, ReminderFilter } from './reminders.ts';

/** So many are looked at, then others have their turn. */
const AT_ONCE = 256;
const STATES: readonly unknown[] = ['scheduled', 'claimed', 'dead', undefined];

export function reminderOf({ id, record }: ReminderAt): Reminder {
  const { dueAtMs, payload, state } = record;
  return {
    key: keyOf(keyPartOf(id)),
    dueAt: new Date(dueAtMs),
    payload: payloadOf(payload),
    state: state.kind,
    attempt: state.attempt,
    error: state.error,
  };
}

/** What another node wrote may be no value at all: it is then shown as undefined. */
function payloadOf(bytes: Uint8Array): unknown {
  try {
    return decodeValue(bytes);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** All that the store has, in no order. @throws ERR_OPTION, ERR_VALUE */
export function reminderList(
  store: ReminderStore,
  filter: ReminderFilter,
  timers: Timers,
): AsyncIterable<Reminder> {
  const { prefix, state, signal } = filter;
  if (!STATES.includes(state)) {
    throw new BarrelError('ERR_OPTION', "`state` must be 'scheduled', 'claimed' or 'dead'");
  }
  return listed({ store, timers, signal, state, prefix: prefix && keyPrefix(prefix) });
}

interface Listing {
  readonly store: ReminderStore;
  readonly timers: Timers;
  readonly signal: AbortSignal | undefined;
  readonly state: Reminder['state'] | undefined;
  readonly prefix: KeyPrefix | undefined;
}

async function* listed({
  store,
  timers,
  signal,
  state,
  prefix,
}: Listing): AsyncGenerator<Reminder> {
  signal?.throwIfAborted();
  let looks = 0;
  for (const id of currentIds(store, prefix)) {
    looks += 1;
    if (looks % AT_ONCE === 0) await new Promise<void>((resolve) => timers.soon(resolve));
    signal?.throwIfAborted();
    const record = store.read(id);
    const isMeant = record !== undefined && (state === undefined || record.state.kind === state);
    if (isMeant) yield reminderOf({ id, record });
  }
}

/** Those of the greatest version of each key. */
function currentIds(store: ReminderStore, prefix: KeyPrefix | undefined): readonly string[] {
  const versions = new Map<string, string>();
  const ids: string[] = [];
  for (const { id } of store.changes()) {
    const keyText = keyPartOf(id);
    if (!startsWith(keyText, prefix)) continue;
    ids.push(id);
    const version = versionPartOf(id);
    if ((versions.get(keyText) ?? '') < version) versions.set(keyText, version);
  }
  return ids.filter((id) => versions.get(keyPartOf(id)) === versionPartOf(id));
}
