import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { ReminderReport } from '../../../src/admin/reminder-queries.ts';
import { renderDead, renderReminders, renderSet } from '../../../src/cli/remind-report.ts';
import { span, time } from '../../../src/cli/remind-words.ts';

const NOW_MS = Date.parse('2026-01-31T12:00:00Z');

function report(more: Partial<ReminderReport> = {}): ReminderReport {
  const rest = { payload: null, state: 'scheduled', attempt: 0, error: null } as const;
  return { key: 'tea', dueAt: '2026-01-31T12:04:05.000Z', ...rest, ...more };
}

function linesOf(text: string): readonly string[] {
  return stripVTControlCharacters(text).split('\n');
}

describe('a report of reminders', () => {
  test('has a row for each: key, state, due time, how long until then, attempts, payload', () => {
    const late = { key: ['invoice', 7], state: 'claimed', attempt: 2 } as const;
    const dueAt = '2026-01-31T11:59:00.000Z';
    const lines = linesOf(
      renderReminders([report({ payload: 'is ready' }), report({ ...late, dueAt })], NOW_MS),
    );
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^KEY +STATE +DUE +ATTEMPTS +PAYLOAD +ERROR$/);
    expect(lines[1]).toMatch(
      /^"tea" +scheduled +2026-01-31T12:04:05\.000Z +in 4 m 5 s +0 +"is ready"$/,
    );
    expect(lines[2]).toMatch(
      /^\["invoice",7\] +claimed +2026-01-31T11:59:00\.000Z +1 m ago +2 +null$/,
    );
  });

  test('cuts long payloads, and nothing in an error reaches the terminal as a command', () => {
    const error = `no paper\n\u001b[2J\u0007\u202e${'!'.repeat(100)}`;
    const [, line = ''] = linesOf(
      renderReminders([report({ payload: 'x'.repeat(100), error })], NOW_MS),
    );
    expect(line).toMatch(/ "x{58}… {2}no paper \[2J !{46}…$/);
    expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test('of dead ones says when they were due and why they failed', () => {
    const [head, line] = linesOf(
      renderDead([report({ state: 'dead', attempt: 5, error: 'no paper' })]),
    );
    expect(head).toMatch(/^KEY +WAS DUE +ATTEMPTS +PAYLOAD +ERROR$/);
    expect(line).toMatch(/^"tea" +2026-01-31T12:04:05\.000Z +5 +null +no paper$/);
  });

  test('of nothing is a sentence', () => {
    expect(renderReminders([], NOW_MS)).toBe('no reminder is set');
    expect(renderDead([])).toBe('no reminder is dead');
  });

  test('of one that was set says when it is due, or that it has fired', () => {
    expect(renderSet(report(), NOW_MS)).toBe('due 2026-01-31T12:04:05.000Z, in 4 m 5 s');
    const dueAt = '2026-01-31T11:59:59.500Z';
    expect(renderSet(report({ dueAt }), NOW_MS)).toBe(`due ${dueAt}, now`);
    expect(renderSet(null, NOW_MS)).toBe('fired');
  });
});

describe('a word', () => {
  test('is a span in ms, s, m, h or d', () => {
    expect(['0', '1500', '500ms', '90s', '5m', '2h', '1d'].map(span)).toEqual([
      0, 1_500, 500, 90_000, 300_000, 7_200_000, 86_400_000,
    ]);
    for (const text of ['', '5 m', '-5s', '1.5h', '5M', '1w', 's', '12345678901234']) {
      expect(() => span(text)).toThrow(/must be a span/);
    }
  });

  test('is a time with a zone, in local time, or in milliseconds', () => {
    const atMs = NOW_MS + 500;
    expect(time('2026-01-31T12:00Z')).toBe(NOW_MS);
    expect(time('2026-01-31T12:00:00.500Z')).toBe(atMs);
    expect(time('2026-01-31 14:00+02:00')).toBe(NOW_MS);
    expect(time(String(atMs))).toBe(atMs);
    expect(time('2026-01-31T12:00')).toBe(new Date(2026, 0, 31, 12).getTime());
    for (const text of [
      '',
      'tomorrow',
      'tea 5',
      '2026-01-31',
      '2026-13-01T00:00Z',
      '-5',
      '12:00',
    ]) {
      expect(() => time(text)).toThrow(/must be a time/);
    }
  });
});

describe('what comes from the cluster', () => {
  const acting = '\u009b31m \u202e \u0007';

  test('cannot act on a terminal, as a key, a payload or an error', () => {
    const state = 'dead' as const;
    const reminder = { key: acting, dueAt: '2026-01-01T00:00:00.000Z', payload: acting, state };
    const shown = renderReminders([{ ...reminder, attempt: 1, error: acting }], 0);
    expect(stripVTControlCharacters(shown)).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
    expect(shown).toContain('\\u009b31m \\u202e');
  });
});

test('a day that does not exist is no time', () => {
  expect(() => time('2026-02-30T12:00Z')).toThrow('It must be a time');
  expect(time('2024-02-29T12:00Z')).toBe(Date.UTC(2024, 1, 29, 12));
});
