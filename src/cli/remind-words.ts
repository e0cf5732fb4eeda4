/** The words of `barrel remind` and where they lead. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { AskSettings } from './ask.ts';
import { KEY_WORDS } from './map-words.ts';
import { dataDirOption, integer, jsonOption } from './node-settings.ts';
import {
  cancelReminder,
  type EverySettings,
  type ListSettings,
  printDead,
  printReminders,
  type RemindSettings,
  remindAfter,
  remindAt,
  remindEvery,
  retryReminder,
} from './remind.ts';

const WORDS = `
<key> and [payload] are JSON where they are (a key: a string, number, boolean, list of such, or a
tag such as '{"$bigint":"1"}'), else plain strings: 7 is a number, '"7"' and seven are strings.
Without one the payload is null. A span is a whole number of ms, s, m, h or d: 90s, 500ms; without
a unit it is milliseconds. Write -- before words that begin with a minus.`;

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const SPAN = /^(\d{1,13})(ms|[smhd])?$/;
const DATE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?$/;

export function addReminders(program: Command): void {
  const remind = program
    .command('remind')
    .description('Reminders of the cluster of a running node: a handler on some node gets them.');
  addSets(remind);
  asking(remind.command('cancel').description('Remove the reminder of a key.'))
    .argument('<key>', 'JSON, or a plain string')
    .addHelpText('after', KEY_WORDS)
    .action((key: string, settings: AskSettings) => cancelReminder(key, settings));
  addLists(remind);
  asking(remind.command('retry').description('Schedule a dead one again, now.'))
    .argument('<key>', 'JSON, or a plain string')
    .addHelpText('after', KEY_WORDS)
    .action((key: string, settings: AskSettings) => retryReminder(key, settings));
}

function addSets(remind: Command): void {
  setting(remind.command('set').description('Set one for a time; it replaces that of the key.'))
    .argument('<key>', 'JSON, or a plain string')
    .argument('<time>', '2026-01-31T12:00Z, or with +02:00; else local; or ms since 1970', time)
    .argument('[payload]', 'JSON, or a plain string')
    .action((key: string, atMs: number, payload: string | undefined, settings: RemindSettings) =>
      remindAt({ key, payload }, atMs, settings),
    );
  setting(remind.command('after').description('The same, after a span from now.'))
    .argument('<key>', 'JSON, or a plain string')
    .argument('<span>', '500ms, 90s, 5m, 2h, 1d', span)
    .argument('[payload]', 'JSON, or a plain string')
    .action((key: string, delayMs: number, payload: string | undefined, settings: RemindSettings) =>
      remindAfter({ key, payload }, delayMs, settings),
    );
  addEvery(remind);
}

function addEvery(remind: Command): void {
  setting(remind.command('every').description('Set one that repeats, with a period or by cron.'))
    .argument('<key>', 'JSON, or a plain string')
    .argument('<schedule>', "a span from 1s up, or a cron expression: '30 2 * * MON-FRI'", schedule)
    .argument('[payload]', 'JSON, or a plain string')
    .addOption(new Option('--time-zone <zone>', 'of the cron expression (default: UTC)'))
    .action(
      (key: string, every: number | string, payload: string | undefined, settings: EverySettings) =>
        remindEvery({ key, payload }, every, settings),
    );
}

function addLists(remind: Command): void {
  listing(remind.command('list').description('List the reminders of the cluster.'))
    .addOption(
      new Option('--state <state>', 'only those').choices(['scheduled', 'claimed', 'dead']),
    )
    .action((settings: ListSettings) => printReminders(settings));
  listing(remind.command('dead').description('List those that are tried no more, and why.')).action(
    (settings: ListSettings) => printDead(settings),
  );
}

/** With the options of every command that sets one. */
function setting(command: Command): Command {
  return asking(command)
    .addOption(
      new Option('--delivery <mode>', 'default: at-most-once').choices([
        'at-most-once',
        'at-least-once',
      ]),
    )
    .addOption(new Option('--max-attempts <n>', 'before it is dead; default: 5').argParser(integer))
    .addOption(
      new Option(
        '--backoff <span>',
        'before the second attempt, then doubled; default: 1s',
      ).argParser(span),
    )
    .addOption(
      new Option(
        '--missed <what>',
        'of those nobody could fire: skip, once or how many; default: once',
      ).argParser(missed),
    )
    .addOption(
      new Option(
        '--overlap <what>',
        'when the next is due while one is handled; default: skip',
      ).choices(['skip', 'queue', 'allow']),
    )
    .addOption(
      new Option(
        '--on-partition <what>',
        'without a majority of its owners in sight; default: fire',
      ).choices(['fire', 'hold']),
    )
    .addOption(
      new Option('--timeout-ms <ms>', 'for being held by others; default: 5000').argParser(integer),
    )
    .addHelpText('after', WORDS);
}

function listing(command: Command): Command {
  return asking(command)
    .addOption(new Option('--prefix <key>', 'only keys that are lists and begin so'))
    .addOption(new Option('--limit <n>', 'default: 1000, with --json all').argParser(limit));
}

/** With the options of every command that asks a node. */
function asking(command: Command): Command {
  return command.addOption(dataDirOption()).addOption(jsonOption());
}

/** Milliseconds since 1970. */
export function time(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const atMs = DATE.test(text) && isDay(text.slice(0, 10)) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(atMs)) return atMs;
  throw new InvalidArgumentError('It must be a time such as 2026-01-31T12:00:00Z.');
}

/** `Date.parse` takes the 30th of February for the 2nd of March. */
function isDay(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

/** Milliseconds; the node judges the range. */
export function span(text: string): number {
  const [, count, unit = 'ms'] = SPAN.exec(text) ?? [];
  if (count !== undefined) return Number(count) * (UNITS[unit] ?? 1);
  throw new InvalidArgumentError('It must be a span such as 500ms, 90s, 5m, 2h or 1d.');
}

/** From 1; the node judges the range. */
function limit(text: string): number {
  const count = integer(text);
  if (count > 0) return count;
  throw new InvalidArgumentError('It must be a whole number from 1 up.');
}

/** A span, or a cron expression as it is: the node judges it. */
function schedule(text: string): number | string {
  if (SPAN.test(text)) return span(text);
  if (/\s|^@/.test(text)) return text;
  throw new InvalidArgumentError(
    'It must be a span or a cron expression, which is one word: quote it.',
  );
}

function missed(text: string): 'skip' | 'once' | { readonly catchUp: number } {
  if (text === 'skip' || text === 'once') return text;
  if (/^\d{1,9}$/.test(text)) return { catchUp: Number(text) };
  throw new InvalidArgumentError('It must be skip, once or a number.');
}
