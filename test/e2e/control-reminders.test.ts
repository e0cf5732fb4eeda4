/** Reminders through a control socket, and the `barrel remind` commands on it. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ControlClient } from '../../src/admin/control-client.ts';
import type { ControlQuery } from '../../src/admin/control-protocol.ts';
import { type ControlServer, serveControl } from '../../src/admin/control-server.ts';
import { answerReminders } from '../../src/admin/node-reminders.ts';
import type { ReminderQuery } from '../../src/admin/reminder-queries.ts';
import { runProgram } from '../../src/cli/program.ts';
import { PlayedReminders, reminderOf } from '../unit/admin/played-reminders.ts';
import { ended, type Outcome, until, Workshop } from './fixtures/processes.ts';

const REMINDER_NODE = fileURLToPath(new URL('fixtures/reminder-node.mjs', import.meta.url));
const THERE = [
  reminderOf({ key: 'tea', payload: 'is ready', dueAt: new Date('2100-01-31T12:00:00Z') }),
  reminderOf({ key: ['invoice', 7n], payload: 7, state: 'dead', attempt: 5, error: 'no paper' }),
];

let workshop: Workshop;

beforeEach(() => {
  workshop = new Workshop();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await workshop.close();
});

describe('of a played node', () => {
  let played: PlayedReminders;
  let server: ControlServer;
  let dataDir: string;

  beforeEach(async () => {
    played = new PlayedReminders(THERE);
    dataDir = workshop.path('node');
    const answer = async (query: ControlQuery, signal: AbortSignal): Promise<unknown> =>
      answerReminders(played, query as ReminderQuery, signal);
    server = await serveControl({ dataDir, answer });
  });

  afterEach(() => server.close());

  test('keys, payloads and options arrive as they were given', async () => {
    const client = await ControlClient.connect(dataDir);
    const words = { key: ['a', 7n], payload: new Map([[1n, undefined]]) };
    const options = { missed: { catchUp: 3 }, timeoutMs: 9 };
    expect(await client.remindSet({ ...words, options }, 5)).toBeNull();
    await client.remindAfter(words, 5);
    await client.remindEvery(words, { cron: '@daily', timeZone: 'Europe/Berlin' });
    await client.remindCancel(words.key);
    await client.remindRetry(words.key);
    expect(played.calls).toEqual([
      ['set', words.key, 5, words.payload, options],
      ['after', words.key, 5, words.payload, {}],
      ['every', words.key, { cron: '@daily', timeZone: 'Europe/Berlin' }, words.payload, {}],
      ['cancel', words.key, {}],
      ['retry', words.key, {}],
    ]);
    client.close();
  });

  test('a list is read one after the other', async () => {
    const client = await ControlClient.connect(dataDir);
    const keys: unknown[] = [];
    for await (const { key } of client.reminders({ prefix: ['a', 7n], state: 'dead' })) {
      keys.push(key);
    }
    expect(keys).toEqual(['tea', ['invoice', { $bigint: '7' }]]);
    expect(played.calls).toEqual([['list', { prefix: ['a', 7n], state: 'dead' }]]);
    client.close();
  });

  test('the commands set, with the words of people', async () => {
    const run = runner(dataDir);
    const due = 'due 2100-01-31T12:00:00.000Z, in ';
    const begins = (text: string): unknown => expect.stringMatching(`^${text}`);
    expect(await run('set', 'tea', '2100-01-31T12:00Z', 'is ready')).toEqual([0, begins(due)]);
    const rules = ['--delivery', 'at-least-once', '--max-attempts', '3', '--backoff', '2s'];
    const more = ['--overlap', 'queue', '--on-partition', 'hold', '--timeout-ms', '900'];
    expect(await run('after', 'tea', '90s', ...rules, ...more)).toEqual([0, begins(due)]);
    expect(await run('every', 'tea', '5m', '{"a":1}', '--missed', '7')).toEqual([0, begins(due)]);
    const zone = ['--time-zone', 'Europe/Berlin', '--missed', 'skip', '--json'];
    const [, json] = await run('every', 'milk', '30 2 * * *', 'sour', ...zone);
    expect(json).toBe('null');
    expect(played.calls).toEqual([
      ['set', 'tea', Date.parse('2100-01-31T12:00Z'), 'is ready', {}],
      [
        'after',
        'tea',
        90_000,
        null,
        {
          delivery: 'at-least-once',
          maxAttempts: 3,
          backoffMs: 2_000,
          overlap: 'queue',
          onPartition: 'hold',
          timeoutMs: 900,
        },
      ],
      ['every', 'tea', { everyMs: 300_000 }, { a: 1 }, { missed: { catchUp: 7 } }],
      [
        'every',
        'milk',
        { cron: '30 2 * * *', timeZone: 'Europe/Berlin' },
        'sour',
        { missed: 'skip' },
      ],
    ]);
  });

  test('the commands list, cancel and retry', async () => {
    const run = runner(dataDir);
    const [, table] = await run('list', '--prefix', 'invoice', '--limit', '1');
    expect(table).toMatch(
      /\n"tea" +scheduled +2100-01-31T12:00:00\.000Z +in \d+ d .* 0 +"is ready"$/,
    );
    expect(await run('list', '--limit', '1')).toEqual([
      0,
      table,
      '\nthere are more than 1: --limit <n>, or --json',
    ]);
    const [, ...lines] = await run('list', '--json', '--state', 'claimed');
    expect(lines.map((line) => JSON.parse(String(line)))).toMatchObject([
      { key: 'tea' },
      { key: ['invoice', { $bigint: '7' }], state: 'dead', error: 'no paper' },
    ]);
    const [, dead] = await run('dead', '--prefix', '["invoice",7]');
    expect(dead).toMatch(/\n\["invoice",\{"\$bigint":"7"\}\] +1970-\S+ +5 +7 +no paper\n"tea" /);
    expect(await run('cancel', '["invoice",7]')).toEqual([0]);
    expect(await run('retry', '{"$bigint":"7"}')).toEqual([0]);
    expect(played.calls).toEqual([
      ['list', { prefix: ['invoice'] }],
      ['list', {}],
      ['list', { state: 'claimed' }],
      ['list', { prefix: ['invoice', 7], state: 'dead' }],
      ['cancel', ['invoice', 7], {}],
      ['retry', 7n, {}],
    ]);
  });

  test('what is wrong is named, with exit code 2, and asks nothing', async () => {
    const run = runner(dataDir);
    for (const words of [
      ['set', 'tea', 'tomorrow'],
      ['set', 'tea', '2026-01-31'],
      ['after', 'tea', '5 minutes'],
      ['every', 'tea', 'daily'],
      ['every', 'tea', '5m', '--missed', 'all'],
      ['after', 'tea', '5m', '--delivery', 'twice'],
      ['list', '--state', 'late'],
      ['cancel'],
    ]) {
      expect([words, await run(...words)]).toMatchObject([words, { 0: 2 }]);
    }
    expect(await run('cancel', 'x'.repeat(1_025))).toEqual([
      2,
      expect.stringMatching(/^barrel: ERR_VALUE: .*key/),
    ]);
    expect(await run('dead', '--limit', '0')).toMatchObject({ 0: 2 });
    expect(played.calls).toEqual([]);
  });
});

describe('of the node of another process', () => {
  let child: ChildProcess;

  afterEach(async () => {
    child.kill('SIGKILL');
    await ended(child);
  });

  test('what is set fires there, what fails is dead, and fires when it is tried again', async () => {
    const dataDir = workshop.path('shop');
    child = fork(REMINDER_NODE, [JSON.stringify({ name: 'shop@test', dataDir })]);
    const told: unknown[] = [];
    child.on('message', (message) => told.push(message));
    await until(() => told.length === 1);
    const run = (...words: string[]): Promise<Outcome> =>
      workshop.barrel(['remind', ...words, '--data-dir', dataDir]);
    const far = await run('set', 'far', '2100-01-31T12:00Z', '{"a":1}');
    expect(far).toMatchObject({ exitCode: 0, stderr: '' });
    expect(far.stdout).toMatch(/^due 2100-01-31T12:00:00\.000Z, in \d+ d \d+ h\n$/);
    await run('after', 'tea', '1s', 'is ready');
    await until(() => told.length === 2);
    expect(told[1]).toEqual({ key: 'tea', payload: 'is ready', attempt: 1 });
    const rules = ['--delivery', 'at-least-once', '--max-attempts', '2', '--backoff', '50ms'];
    await run('after', '["broken",1]', '0', ...rules);
    const dead = async (): Promise<string> => (await run('dead', '--json')).stdout;
    await until(async () => (await dead()) !== '');
    expect(JSON.parse(await dead())).toMatchObject({
      key: ['broken', 1],
      payload: null,
      state: 'dead',
      attempt: 2,
      error: expect.stringContaining('paper'),
    });
    const nightly = await run('every', 'nightly', '30 2 * * *', '--time-zone', 'Europe/Berlin');
    expect(nightly.stdout).toMatch(/^due \d{4}-\d\d-\d\dT0[01]:30:00\.000Z, in /);
    const { stdout } = await run('list');
    expect(stdout).toMatch(/^\["broken",1\] +dead +.* no\W*paper$/m);
    expect(stdout).toMatch(/^"far" +scheduled +2100-01-31T12:00:00\.000Z +in .* 0 +\{"a":1\}$/m);
    expect(stdout).toMatch(/^"nightly" +scheduled /m);
    child.send('mend');
    expect(await run('retry', '["broken",1]')).toMatchObject({ exitCode: 0, stdout: '' });
    await until(() => told.length === 3);
    expect(told[2]).toMatchObject({ key: ['broken', 1] });
    expect(await run('cancel', 'far')).toMatchObject({ exitCode: 0, stdout: '' });
    await run('cancel', 'nightly');
    await until(async () => (await run('list')).stdout === 'no reminder is set\n');
    expect(await run('retry', 'far')).toMatchObject({
      exitCode: 5,
      stderr: expect.stringMatching(/^barrel: ERR_NOT_FOUND: /),
    });
    expect(await run('every', 'never', '0 0 30 2 *')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^barrel: ERR_VALUE: .*never due/),
    });
    expect(await run('every', 'often', '10ms')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^barrel: ERR_VALUE: .*from 1 s/),
    });
  });
});

/** Runs a command in this process: exit code, then what it printed. */
function runner(dataDir: string): (...words: string[]) => Promise<readonly unknown[]> {
  const out = vi.spyOn(console, 'log').mockImplementation(() => {});
  const err = vi.spyOn(console, 'error').mockImplementation(() => {});
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  return async (...words) => {
    out.mockClear();
    err.mockClear();
    const all = ['remind', ...words, '--data-dir', dataDir];
    const exitCode = await runProgram({ words: all, version: '0' });
    return [exitCode, ...[...out.mock.calls, ...err.mock.calls].flat()];
  };
}
