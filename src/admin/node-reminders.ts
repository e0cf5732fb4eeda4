/** Answers what the `barrel remind` command asks of the reminders of a cluster. */
import { EventStream } from './control-server.ts';
import { toJson } from './json-value.ts';
import type {
  ReminderListing,
  ReminderQuery,
  ReminderReport,
  Reminders,
} from './reminder-queries.ts';

type Reminder = NonNullable<Awaited<ReturnType<Reminders['get']>>>;
type SetQuery = Extract<ReminderQuery, { readonly payload: unknown }>;

/** @throws what the reminders throw. */
export async function answerReminders(
  reminders: Reminders,
  query: ReminderQuery,
  signal: AbortSignal,
): Promise<unknown> {
  switch (query.method) {
    case 'remindSet':
    case 'remindAfter':
    case 'remindEvery': {
      await write(reminders, query, signal);
      const reminder = await reminders.get(query.key);
      return reminder === undefined ? null : reportOf(reminder);
    }
    case 'remindCancel':
      await reminders.cancel(query.key, { signal });
      return null;
    case 'remindRetry':
      await reminders.retry(query.key, { signal });
      return null;
    case 'remindList':
      return new EventStream(listed(reminders, query, signal));
  }
}

function write(reminders: Reminders, query: SetQuery, signal: AbortSignal): Promise<void> {
  const { key, payload } = query;
  const options = { ...query.options, signal };
  switch (query.method) {
    case 'remindSet':
      return reminders.set(key, query.atMs, payload, options);
    case 'remindAfter':
      return reminders.after(key, query.delayMs, payload, options);
    case 'remindEvery':
      return reminders.every(key, query.schedule, payload, options);
  }
}

async function* listed(
  reminders: Reminders,
  { prefix, state, limit = Number.POSITIVE_INFINITY }: ReminderListing,
  signal: AbortSignal,
): AsyncGenerator<ReminderReport> {
  let count = 0;
  for await (const reminder of reminders.list({ prefix, state, signal })) {
    yield reportOf(reminder);
    count += 1;
    if (count >= limit) return;
  }
}

function reportOf({ key, dueAt, payload, state, attempt, error }: Reminder): ReminderReport {
  return {
    key: toJson(key),
    dueAt: dueAt.toISOString(),
    payload: toJson(payload),
    state,
    attempt,
    error: error ?? null,
  };
}
