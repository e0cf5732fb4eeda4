/** Maps through a control socket, and the `barrel map` commands on it. */
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ControlClient } from '../../src/admin/control-client.ts';
import type { ControlQuery } from '../../src/admin/control-protocol.ts';
import { type ControlServer, serveControl } from '../../src/admin/control-server.ts';
import type { MapEventReport } from '../../src/admin/map-queries.ts';
import { answerMaps } from '../../src/admin/node-maps.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { ReplicatedMap } from '../../src/maps/maps.ts';
import { type MapsUnderTest, mapsUnderTest } from '../unit/maps/map-under-test.ts';
import { BARREL, ended, type Outcome, until, Workshop } from './fixtures/processes.ts';

let workshop: Workshop;
let server: ControlServer;
let dataDir: string;
let parts: MapsUnderTest;
let map: ReplicatedMap<unknown>;
/** Whose clients watch now. */
let watching: Set<AbortSignal>;

beforeEach(async () => {
  workshop = new Workshop();
  dataDir = workshop.path('node');
  parts = mapsUnderTest();
  map = await parts.maps.open('prices');
  watching = new Set();
  server = await serveControl({ dataDir, answer });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await server.close();
  await workshop.close();
});

test('entries are put, read, listed and removed', async () => {
  const client = await ControlClient.connect(dataDir);
  await client.mapPut({ map: 'prices', key: ['tea', 1n], value: new Date(0), ttlMs: 60_000 });
  expect(await client.mapGet('prices', ['tea', 1n])).toEqual({ value: new Date(0) });
  expect(await client.maps()).toEqual([{ name: 'prices', entries: 1, persist: false, handles: 1 }]);
  await client.mapRemove('prices', ['tea', 1n]);
  expect(await client.mapGet('prices', ['tea', 1n])).toBeUndefined();
  await expect(client.mapGet('other', 1)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
  client.close();
});

test('a watch tells of changes until the map ends, and the connection goes on', async () => {
  const client = await ControlClient.connect(dataDir);
  const events = collect(client);
  await until(() => watching.size === 1);
  await map.put('tea', 5);
  await map.remove('tea');
  await parts.maps.drop('prices');
  expect(await events).toEqual([
    { type: 'put', key: 'tea', value: 5 },
    { type: 'remove', key: 'tea' },
  ]);
  expect(await client.maps()).toEqual([]);
  client.close();
});

test('a watch ends at the node when the client goes', async () => {
  const client = await ControlClient.connect(dataDir);
  const watch = client.mapWatch('prices');
  const next = watch.next();
  await until(() => watching.size === 1);
  client.close();
  await expect(next).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  await until(() => watching.size === 0);
});

test('a client that does not read loses events, and the node keeps no more than it may', async () => {
  const socket = connect(server.path);
  socket.write('{"id":1,"method":"mapWatch","map":"prices"}\n');
  await until(() => watching.size === 1);
  socket.pause();
  const value = 'x'.repeat(60_000);
  for (let at = 0; at < 1_500; at += 1) await map.put('tea', `${at} ${value}`);
  const lines: { readonly event: MapEventReport }[] = [];
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    const parsed = `${text}${chunk}`.split('\n');
    text = parsed.pop() ?? '';
    lines.push(...parsed.map((line) => JSON.parse(line)));
  });
  socket.resume();
  const isLast = (): boolean => {
    const event = lines.at(-1)?.event;
    return event?.type === 'put' && String(event.value).startsWith('1499 ');
  };
  await until(isLast);
  const lost = lines.flatMap(({ event }) => (event.type === 'lagged' ? event.dropped : []));
  expect(lost.length).toBeGreaterThan(0);
  expect(lines.length - lost.length + lost.reduce((a, b) => a + b, 0)).toBe(1_500);
  socket.destroy();
});

test('the commands work on it and end with the codes that scripts expect', async () => {
  const out = vi.spyOn(console, 'log').mockImplementation(() => {});
  const err = vi.spyOn(console, 'error').mockImplementation(() => {});
  const run = async (...words: string[]): Promise<readonly unknown[]> => {
    out.mockClear();
    err.mockClear();
    const exitCode = await runProgram({
      words: ['map', ...words, '--data-dir', dataDir],
      version: '0',
    });
    return [exitCode, ...[...out.mock.calls, ...err.mock.calls].flat()];
  };
  expect(await run('put', 'prices', 'tea', '{"eur":5}')).toEqual([0]);
  expect(map.get('tea')).toEqual({ eur: 5 });
  expect(await run('get', 'prices', 'tea', '--json')).toEqual([0, '{"eur":5}']);
  expect(await run('put', 'prices', '7', 'seven', '--ttl', '60000')).toEqual([0]);
  expect(map.get(7)).toBe('seven');
  expect(await run('ls', '--json')).toEqual([
    0,
    '[{"name":"prices","entries":2,"persist":false,"handles":1}]',
  ]);
  expect(await run('rm', 'prices', 'tea')).toEqual([0]);
  expect(await run('rm', 'prices', 'tea')).toEqual([0]);
  expect(await run('get', 'prices', 'tea')).toEqual([5, 'barrel: map "prices" has no key "tea"']);
  const [code, line] = await run('get', 'other', 'tea');
  expect([code, line]).toEqual([5, expect.stringMatching(/^barrel: ERR_NOT_FOUND: this node/)]);
  expect(await run('put', 'prices', 'k', '1', '--ttl', '0')).toMatchObject({ 0: 2 });
  const watch = run('watch', 'prices');
  await until(() => watching.size === 1);
  await map.put('tea', 6);
  await until(() => out.mock.calls.length === 1);
  await parts.maps.drop('prices');
  expect(await watch).toEqual([
    1,
    'put     "tea"  6',
    'barrel: ERR_CLOSED: map "prices" is hosted no more',
  ]);
});

test('a started node hosts a map for the commands, and a watch of another process sees it', async () => {
  const directory = workshop.path('started');
  const node = workshop.start(['--data-dir', directory, '--map', 'stock']);
  await node.ready;
  const run = (...words: string[]): Promise<Outcome> =>
    workshop.barrel(['map', ...words, '--data-dir', directory]);
  const watch = workshop.launch(BARREL, ['map', 'watch', 'stock', '--data-dir', directory]);
  let seen = '';
  watch.stdout?.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
  });
  // What was put before the watch began is not told: put until it shows.
  await until(async () => {
    await run('put', 'stock', 'first', String(Math.random()));
    return seen.includes('"first"');
  });
  expect(await run('put', 'stock', 'tea', '{"pieces":5}')).toMatchObject({ exitCode: 0 });
  const got = await run('get', 'stock', 'tea', '--json');
  expect(got).toMatchObject({ exitCode: 0, stdout: '{"pieces":5}\n' });
  const listed = await run('ls', '--json');
  expect(JSON.parse(listed.stdout)).toMatchObject([{ name: 'stock', entries: 2, persist: false }]);
  expect(await run('rm', 'stock', 'tea')).toMatchObject({ exitCode: 0 });
  expect(await run('get', 'stock', 'tea')).toMatchObject({ exitCode: 5 });
  await until(() => /put +"tea" +\{"pieces":5\}\nremove +"tea"\n$/.test(seen));
  node.child.kill('SIGTERM');
  expect(await node.exitCode).toBe(0);
  expect(await ended(watch)).toBe(1);
});

async function answer(query: ControlQuery, signal: AbortSignal): Promise<unknown> {
  switch (query.method) {
    case 'status':
    case 'services':
    case 'call':
    case 'leaders':
    case 'leaderWatch':
    case 'place':
    case 'shards':
    case 'remindSet':
    case 'remindAfter':
    case 'remindEvery':
    case 'remindCancel':
    case 'remindRetry':
    case 'remindList':
    case 'key':
    case 'keyRotate':
    case 'trustList':
    case 'trustPin':
    case 'trustUnpin':
    case 'trustRevoke':
    case 'trustRevocations':
    case 'trustCertificate':
    case 'paths':
    case 'migrate':
    case 'fileSend':
      return [];
    default:
  }
  const response = await answerMaps(parts.maps, query, signal);
  if (query.method === 'mapWatch') {
    const watchers = watching.add(signal);
    signal.addEventListener('abort', () => watchers.delete(signal));
  }
  return response;
}

async function collect(client: ControlClient): Promise<readonly MapEventReport[]> {
  const events: MapEventReport[] = [];
  for await (const event of client.mapWatch('prices')) events.push(event);
  return events;
}
