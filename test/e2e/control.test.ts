import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ControlClient } from '../../src/admin/control-client.ts';
import type { ControlQuery } from '../../src/admin/control-protocol.ts';
import { type ControlServer, serveControl } from '../../src/admin/control-server.ts';
import { BarrelError } from '../../src/errors.ts';
import { CONTROL_CONNECTIONS_MAX, CONTROL_REQUEST_BYTES_MAX } from '../../src/limits.ts';
import { until, Workshop } from './fixtures/processes.ts';

const DIES_LISTENING = `require('net')
  .createServer()
  .listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;

let workshop: Workshop;
let server: ControlServer;
let dataDir: string;
/** What the server was asked, with the signal that says when the client has gone. */
let asked: { readonly query: ControlQuery; readonly signal: AbortSignal }[];

beforeEach(async () => {
  workshop = new Workshop();
  dataDir = workshop.path('node');
  asked = [];
  server = await serveControl({ dataDir, answer });
});

afterEach(async () => {
  await server.close();
  await workshop.close();
});

test('of many that start at once where a killed process was, exactly one gets in', async () => {
  for (let round = 0; round < 5; round += 1) {
    const directory = workshop.path(`raced-${round}`);
    mkdirSync(directory, { mode: 0o700 });
    // It leaves its socket behind, as only a killed process does.
    spawnSync(process.execPath, ['-e', DIES_LISTENING, join(directory, 'control.sock')]);
    const starts = Array.from({ length: 8 }, () => serveControl({ dataDir: directory, answer }));
    const outcomes = await Promise.allSettled(starts);
    const winners = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const codes = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
    expect(codes).toEqual(Array.from({ length: 7 }, () => 'ERR_STORE'));
    expect(winners).toHaveLength(1);
    const client = await ControlClient.connect(directory);
    client.close();
    await winners[0]?.close();
  }
});

test('questions are answered in order on one connection', async () => {
  const client = await ControlClient.connect(dataDir);
  expect(await client.call({ service: 's', method: 'double', args: [21n] })).toBe(42n);
  expect(await client.call({ service: 's', method: 'double', args: [2] })).toBe(4);
  client.close();
});

test('an error keeps its code and the connection', async () => {
  const client = await ControlClient.connect(dataDir);
  const failing = client.call({ service: 's', method: 'fail', args: [] });
  await expect(failing).rejects.toMatchObject({ code: 'ERR_NOT_FOUND', message: 'nobody' });
  expect(await client.call({ service: 's', method: 'double', args: [2] })).toBe(4);
  client.close();
});

test('a client that goes away gives up its call', async () => {
  const client = await ControlClient.connect(dataDir);
  const call = client.call({ service: 's', method: 'wait', args: [] });
  await until(() => asked.length === 1);
  client.close();
  await expect(call).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  await until(() => asked[0]?.signal.aborted === true);
});

test('garbage gets an answer that says so, and the next line is served', async () => {
  const socket = await open();
  socket.write('not json\n{"id":7,"method":"stop"}\n{"id":8,"method":"services"}\n');
  const lines = await take(socket, 3);
  expect(lines[0]).toMatchObject({ id: 0, error: { code: 'ERR_VALUE' } });
  expect(lines[1]).toMatchObject({ id: 0, error: { code: 'ERR_VALUE' } });
  expect(lines[2]).toEqual({ id: 8, result: [] });
});

test('a line over the limit is refused and ends that connection alone', async () => {
  const other = await ControlClient.connect(dataDir);
  const socket = await open();
  socket.write('x'.repeat(CONTROL_REQUEST_BYTES_MAX + 1));
  const [line] = await take(socket, 1);
  expect(line).toMatchObject({ error: { code: 'ERR_OVERLOADED' } });
  await until(() => socket.destroyed || socket.readableEnded);
  expect(await other.call({ service: 's', method: 'double', args: [2] })).toBe(4);
  other.close();
});

test('connections over the cap are closed at once, the others are served', async () => {
  const first = await ControlClient.connect(dataDir);
  const sockets = await Promise.all(
    Array.from({ length: CONTROL_CONNECTIONS_MAX + 8 - 1 }, () => open()),
  );
  const isClosed = (socket: Socket): boolean => socket.destroyed || socket.readableEnded;
  await until(() => sockets.filter(isClosed).length === 8);
  expect(await first.call({ service: 's', method: 'double', args: [2] })).toBe(4);
  for (const socket of sockets) socket.destroy();
  first.close();
});

test('a live socket refuses a second server, a closed one leaves nothing', async () => {
  await expect(serveControl({ dataDir, answer })).rejects.toMatchObject({ code: 'ERR_STORE' });
  expect(statSync(server.path).mode & 0o777).toBe(0o600);
  await server.close();
  await server.close();
  await expect(ControlClient.connect(dataDir)).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
  const again = await serveControl({ dataDir, answer });
  await again.close();
});

test('a file that is no socket is not touched', async () => {
  const other = workshop.path('other');
  mkdirSync(other);
  writeFileSync(join(other, 'control.sock'), 'mine');
  await expect(serveControl({ dataDir: other, answer })).rejects.toThrow(/not a socket/);
  expect(readFileSync(join(other, 'control.sock'), 'utf8')).toBe('mine');
});

async function answer(query: ControlQuery, signal: AbortSignal): Promise<unknown> {
  asked.push({ query, signal });
  if (query.method !== 'call') return [];
  if (query.name === 'fail') throw new BarrelError('ERR_NOT_FOUND', 'nobody');
  if (query.name === 'wait')
    return new Promise((_, fail) => signal.addEventListener('abort', fail));
  const [value] = query.args;
  return typeof value === 'bigint' ? { $bigint: String(value * 2n) } : Number(value) * 2;
}

function open(): Promise<Socket> {
  return new Promise((done, fail) => {
    const socket = connect(server.path);
    socket.once('connect', () => done(socket)).on('error', fail);
    // An end is seen by a reader only.
    socket.resume();
  });
}

/** The next lines, parsed. */
function take(socket: Socket, count: number): Promise<readonly unknown[]> {
  return new Promise((done) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const lines = text.split('\n').slice(0, -1);
      if (lines.length >= count) done(lines.slice(0, count).map((line) => JSON.parse(line)));
    });
  });
}
