/** What this node answers when others ask it about reminders. What they send is judged here. */
import type { DeliveryOutcome } from '../core/schedule/contract.ts';
import { acknowledges, type ReminderRecord } from '../core/schedule/record.ts';
import { decodeRecord } from '../core/schedule/record-codec.ts';
import { readReminderId } from '../core/schedule/reminder-id.ts';
import { COPIES_ASKED_MAX, COPY_WAIT_MS } from '../core/schedule/schedule-limits.ts';
import { textOfBytes } from '../core/store/binary-text.ts';
import { BarrelError } from '../errors.ts';
import type { Timers } from '../host/host.ts';
import { settlement } from '../settlement.ts';
import type { OwnHandlers } from './own-handlers.ts';
import type { PeerMethods } from './peer-calls.ts';
import type { ReminderStore } from './reminder-store.ts';

export interface PeerAnswersOptions {
  readonly store: ReminderStore;
  readonly handlers: Pick<OwnHandlers, 'canHandle' | 'run' | 'abandon'>;
  readonly timers: Timers;
}

/** Methods that throw for what no node of this package sends; the caller hears of it. */
export function peerAnswers({ store, handlers, timers }: PeerAnswersOptions): PeerMethods {
  const until = (id: string, holds: () => boolean): Promise<boolean> =>
    comes({ store, timers, id, holds });
  return {
    questions: {
      async has(ids: unknown): Promise<readonly boolean[]> {
        if (!Array.isArray(ids) || ids.length > COPIES_ASKED_MAX) throw new TypeError('no ids');
        const asked = ids.map(readText);
        const there = await Promise.all(asked.map((id) => until(id, () => store.has(id))));
        const isSaved = await saved(store);
        return there.map((isThere) => isThere && isSaved);
      },
      async haveCome(marks: unknown): Promise<readonly boolean[]> {
        if (!Array.isArray(marks) || marks.length > COPIES_ASKED_MAX)
          throw new TypeError('no marks');
        return Promise.all(
          marks
            .map(readMark)
            .map((mark) => until(mark.id, () => isPast(store.read(mark.id), mark))),
        );
      },
      async knows(id: unknown, claim: unknown): Promise<boolean> {
        const [asked, record] = [readText(id), decodeRecord(readBytes(claim))];
        const isKnown = await until(asked, () => acknowledges(store.read(asked), record));
        return isKnown && (await saved(store));
      },
      handles: (keyText: unknown) => handlers.canHandle(readText(keyText)),
      abandon: (name: unknown) => handlers.abandon(String(name)),
    },
    firings: {
      async deliver(...args: readonly unknown[]): Promise<readonly string[]> {
        const [name, id, attempt, fence, dueAtMs, payload] = args;
        const isWhole = Number.isSafeInteger(attempt) && Number.isSafeInteger(dueAtMs);
        if (typeof name !== 'string' || typeof fence !== 'bigint' || !isWhole) {
          throw new TypeError('no delivery');
        }
        readReminderId(readText(id));
        const times = { attempt: Number(attempt), dueAtMs: Number(dueAtMs) };
        const delivery = { id: readText(id), fence, payload: readBytes(payload), ...times };
        return told(await handlers.run(name, delivery));
      },
    },
  };
}

/** How far a reminder had come: removed, or so many occurrences and steps. */
interface Mark {
  readonly id: string;
  readonly occurrence: number;
  readonly step: number;
}

function isPast(record: ReminderRecord | undefined, { occurrence, step }: Mark): boolean {
  if (record === undefined) return true;
  return record.occurrence === occurrence ? record.step >= step : record.occurrence > occurrence;
}

function readMark(mark: unknown): Mark {
  const [id, occurrence = Number.POSITIVE_INFINITY, step = 0]: readonly unknown[] = Array.isArray(
    mark,
  )
    ? mark
    : [];
  if (typeof occurrence !== 'number' || typeof step !== 'number') throw new TypeError('no mark');
  return { id: readText(id), occurrence, step };
}

interface Coming {
  readonly store: ReminderStore;
  readonly timers: Timers;
  readonly id: string;
  readonly holds: () => boolean;
}

/** It may be on its way: for a second it is waited for. */
async function comes({ store, timers, id, holds }: Coming): Promise<boolean> {
  if (holds()) return true;
  const over = settlement<boolean>();
  const watch = store.watch(id, () => {
    if (holds()) over.resolve(true);
  });
  const timer = timers.after(COPY_WAIT_MS, () => over.resolve(false));
  try {
    return await over.promise;
  } finally {
    watch[Symbol.dispose]();
    timer[Symbol.dispose]();
  }
}

async function saved(store: ReminderStore): Promise<boolean> {
  try {
    await store.saved();
    return true;
  } catch (error) {
    if (error instanceof BarrelError) return false;
    throw error;
  }
}

function told(outcome: DeliveryOutcome): readonly string[] {
  return outcome.kind === 'rejected' ? [outcome.kind, outcome.error] : [outcome.kind];
}

function readText(bytes: unknown): string {
  return textOfBytes(readBytes(bytes));
}

function readBytes(bytes: unknown): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  throw new TypeError('no bytes');
}
