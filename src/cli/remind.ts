/**
 * The commands about reminders: `barrel remind set`, `after`, `every`, `cancel`, `list`, `dead`,
 * `retry`.
 */
import type { ControlClient } from '../admin/control-client.ts';
import type { ReminderListing, ReminderReport, ReminderWords } from '../admin/reminder-queries.ts';
import { type AskSettings, ask, printLines } from './ask.ts';
import { keyOfWord, valueOfWord } from './maps.ts';
import { renderDead, renderReminders, renderSet } from './remind-report.ts';

/** How many a table has, where nobody says. */
const LISTED_DEFAULT = 1_000;

/** What commander makes of the options of a reminder. */
export interface RemindSettings extends AskSettings {
  readonly delivery?: 'at-most-once' | 'at-least-once';
  readonly maxAttempts?: number;
  readonly backoff?: number;
  readonly missed?: 'skip' | 'once' | { readonly catchUp: number };
  readonly overlap?: 'skip' | 'queue' | 'allow';
  readonly onPartition?: 'fire' | 'hold';
  readonly timeoutMs?: number;
}

export interface EverySettings extends RemindSettings {
  readonly timeZone?: string;
}

export interface ListSettings extends AskSettings {
  readonly prefix?: string;
  readonly state?: ReminderReport['state'];
  readonly limit?: number;
}

/** As words of the command line: both JSON, or plain strings. */
export interface RemindWords {
  readonly key: string;
  readonly payload: string | undefined;
}

/** Sets one for that time; prints when it is due. */
export function remindAt(
  words: RemindWords,
  atMs: number,
  settings: RemindSettings,
): Promise<void> {
  const reminder = wordsOf(words, settings);
  return printSet(settings, (client) => client.remindSet(reminder, atMs));
}

export function remindAfter(
  words: RemindWords,
  delayMs: number,
  settings: RemindSettings,
): Promise<void> {
  const reminder = wordsOf(words, settings);
  return printSet(settings, (client) => client.remindAfter(reminder, delayMs));
}

/** `every`: a period in milliseconds, or a cron expression. */
export function remindEvery(
  words: RemindWords,
  every: number | string,
  settings: EverySettings,
): Promise<void> {
  const reminder = wordsOf(words, settings);
  const { timeZone } = settings;
  const schedule = typeof every === 'number' ? { everyMs: every } : { cron: every, timeZone };
  return printSet(settings, (client) => client.remindEvery(reminder, schedule));
}

/** Prints nothing, also when there was nothing to cancel. */
export async function cancelReminder(word: string, settings: AskSettings): Promise<void> {
  await ask(settings, (client) => client.remindCancel(keyOfWord(word)));
}

/** Prints nothing. */
export async function retryReminder(word: string, settings: AskSettings): Promise<void> {
  await ask(settings, (client) => client.remindRetry(keyOfWord(word)));
}

/** Prints a table of some of them, by due time; with `--json` each on a line, all of them. */
export async function printReminders(settings: ListSettings): Promise<void> {
  await printListed(settings, (reminders) => renderReminders(reminders, Date.now()));
}

/** The same of those that are tried no more. */
export async function printDead(settings: ListSettings): Promise<void> {
  await printListed({ ...settings, state: 'dead' }, renderDead);
}

async function printListed(
  settings: ListSettings,
  render: (reminders: readonly ReminderReport[]) => string,
): Promise<void> {
  if (settings.json === true) await printEach(settings);
  else await printTable(settings, render);
}

async function printEach(settings: ListSettings): Promise<void> {
  await ask(settings, (client) =>
    printLines(client, client.reminders(listingOf(settings)), (one) => JSON.stringify(one)),
  );
}

async function printTable(
  settings: ListSettings,
  render: (reminders: readonly ReminderReport[]) => string,
): Promise<void> {
  const { limit = LISTED_DEFAULT } = settings;
  // One more says whether there are more.
  const listing = { ...listingOf(settings), limit: limit + 1 };
  const found = await ask(settings, (client) => collected(client.reminders(listing)));
  const dueMs = ({ dueAt }: ReminderReport): number => Date.parse(dueAt);
  const shown = found.slice(0, limit).sort((a, b) => dueMs(a) - dueMs(b));
  console.log(render(shown));
  if (found.length > limit) console.log(`\nthere are more than ${limit}: --limit <n>, or --json`);
}

async function collected(reminders: AsyncIterable<ReminderReport>): Promise<ReminderReport[]> {
  const all: ReminderReport[] = [];
  for await (const one of reminders) all.push(one);
  return all;
}

async function printSet(
  settings: RemindSettings,
  set: (client: ControlClient) => Promise<ReminderReport | null>,
): Promise<void> {
  const reminder = await ask(settings, set);
  console.log(settings.json === true ? JSON.stringify(reminder) : renderSet(reminder, Date.now()));
}

function wordsOf(words: RemindWords, settings: RemindSettings): ReminderWords {
  const { delivery, maxAttempts, backoff: backoffMs, missed, overlap } = settings;
  const { onPartition, timeoutMs } = settings;
  return {
    key: keyOfWord(words.key),
    payload: words.payload === undefined ? null : valueOfWord(words.payload),
    options: { delivery, maxAttempts, backoffMs, missed, overlap, onPartition, timeoutMs },
  };
}

function listingOf({ prefix, state, limit }: ListSettings): ReminderListing {
  if (prefix === undefined) return { state, limit };
  const key = keyOfWord(prefix);
  return { prefix: Array.isArray(key) ? key : [key], state, limit };
}
