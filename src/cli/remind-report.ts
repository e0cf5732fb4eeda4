/** Reminders, as text for a terminal. */
import { styleText } from 'node:util';
import type { ReminderReport } from '../admin/reminder-queries.ts';
import { jsonText, plainText } from './printable.ts';
import { duration } from './reports.ts';
import { table } from './table.ts';

/** Of a payload or an error in a row. */
const CELL_CHARS_MAX = 60;

/** A row for each, with how long it is until they are due. */
export function renderReminders(reminders: readonly ReminderReport[], nowMs: number): string {
  if (reminders.length === 0) return 'no reminder is set';
  const rows = reminders.map((reminder) => [
    jsonText(reminder.key),
    renderState(reminder),
    reminder.dueAt,
    renderDistance(Date.parse(reminder.dueAt) - nowMs),
    String(reminder.attempt),
    cut(jsonText(reminder.payload)),
    renderError(reminder),
  ]);
  return table(['key', 'state', 'due', '', 'attempts', 'payload', 'error'], rows);
}

/** Those that are tried no more. */
export function renderDead(reminders: readonly ReminderReport[]): string {
  if (reminders.length === 0) return 'no reminder is dead';
  const rows = reminders.map((reminder) => [
    jsonText(reminder.key),
    reminder.dueAt,
    String(reminder.attempt),
    cut(jsonText(reminder.payload)),
    renderError(reminder),
  ]);
  return table(['key', 'was due', 'attempts', 'payload', 'error'], rows);
}

/** One line; null for one that is gone already. */
export function renderSet(reminder: ReminderReport | null, nowMs: number): string {
  if (reminder === null) return 'fired';
  const { dueAt } = reminder;
  return `due ${dueAt}, ${renderDistance(Date.parse(dueAt) - nowMs)}`;
}

function renderState({ state }: ReminderReport): string {
  switch (state) {
    case 'scheduled':
      return state;
    case 'claimed':
      return styleText('green', state);
    case 'dead':
      return styleText('red', state);
  }
}

function renderDistance(ms: number): string {
  if (ms >= 1_000) return `in ${duration(ms)}`;
  return ms > -1_000 ? 'now' : `${duration(-ms)} ago`;
}

function renderError({ error }: ReminderReport): string {
  return error === null ? '' : cut(plainText(error));
}

function cut(text: string): string {
  const characters = [...text];
  if (characters.length <= CELL_CHARS_MAX) return text;
  return `${characters.slice(0, CELL_CHARS_MAX - 1).join('')}…`;
}
