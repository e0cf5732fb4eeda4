/** Copies of files between two nodes on the simulated network, and the disk of this machine. */
import { appendFileSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FILES_TAG, lineFor } from '../../../src/admin/file-protocol.ts';
import { receiveFiles } from '../../../src/admin/file-receiving.ts';
import { sendFile } from '../../../src/admin/file-sending.ts';
import { type StreamNode, StreamWorld } from '../streams/linked-streams.ts';

/** More than a stream takes before its reader has read. */
const BIG_BYTES = 20_000_000;
const FILES_MAX = 16;
const IDLE_MS = 60_000;
const PATIENCE_MS = 10_000;

let world: StreamWorld;
let a: StreamNode;
let b: StreamNode;
let dir: string;
let refused: string[];

beforeEach(async () => {
  world = new StreamWorld();
  const [first, second] = await world.start('a@test', 'b@test');
  if (first === undefined || second === undefined) throw new Error('two were started');
  [a, b] = [first, second];
  dir = await mkdtemp(join(tmpdir(), 'barrel-copies-'));
  refused = [];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(async () => {
  vi.useRealTimers();
  await rm(dir, { recursive: true });
});

describe('a copy', () => {
  test('that is refused in the middle ends with what the receiver says', async () => {
    const code = 'ERR_CONFLICT';
    b.streams.accept(FILES_TAG, async (stream) => {
      stream.write(lineFor({ ready: true }));
      stream.once('readable', () => {
        stream.read(1_000);
        stream.end(lineFor({ error: { code, message: 'no room' } }));
      });
    });
    await expect(settled(copied(await file(BIG_BYTES)))).rejects.toMatchObject({ code });
  });

  test('of a file that grows meanwhile is refused in the middle, and leaves nothing behind', async () => {
    const folder = await receiving();
    const path = await file(1_000_000);
    const grown = copied(path, undefined, () => appendFileSync(path, Buffer.alloc(BIG_BYTES)));
    await expect(settled(grown)).rejects.toMatchObject({ code: 'ERR_VALUE' });
    await until(() => readdirSync(folder).length === 0 && b.count('barrel_streams_open') === 0);
  });

  test('that waits for its receiver ends with its signal, and its file is closed', async () => {
    b.streams.accept(FILES_TAG, (stream) => stream.write(lineFor({ ready: true })));
    const path = await file(BIG_BYTES);
    const abort = new AbortController();
    const copy = copied(path, abort.signal);
    copy.catch(() => {});
    // About as much as it may send: the first window.
    await until(() => a.count('barrel_streams_bytes_total{direction="out"}') > 60_000);
    const reason = new Error('not wanted');
    abort.abort(reason);
    await expect(settled(copy)).rejects.toBe(reason);
    await until(() => b.count('barrel_streams_open') === 0);
  });
});

describe('a receiver', () => {
  test('takes a file, and nothing is open or partial behind it', async () => {
    const folder = await receiving();
    const path = await file(1_000_000);
    expect(await settled(copied(path))).toBe('copied');
    expect((await readFile(join(folder, 'copy'))).equals(await readFile(path))).toBe(true);
    await until(() => readdirSync(folder).join() === 'copy');
    await until(() => a.count('barrel_streams_open') + b.count('barrel_streams_open') === 0);
    expect(a.count('barrel_streams_reset_total') + b.count('barrel_streams_reset_total')).toBe(0);
  });

  test('that has refused throws the rest away, so that its sender comes to read why', async () => {
    await receiving();
    const stream = await settled(a.streams.open(FILES_TAG, 'b@test'));
    stream.write(lineFor({ target: 'copy', size: 1, force: false }));
    stream.end(Buffer.alloc(BIG_BYTES));
    let answer = '';
    // The sender looks at nothing before all is sent.
    stream.once('finish', () => stream.on('data', (bytes) => (answer += String(bytes))));
    await until(() => stream.closed);
    expect(answer).toContain('ERR_VALUE');
    await until(() => b.count('barrel_streams_open') === 0);
  });

  test('keeps no place for those that it has refused, and lets them go after a minute', async () => {
    const folder = await receiving();
    const strangers: Duplex[] = [];
    for (let index = 0; index < FILES_MAX; index += 1) {
      const stream = await settled(a.streams.open(FILES_TAG, 'b@test'));
      stream.on('error', () => {});
      stream.write('{}\n');
      strangers.push(stream);
    }
    await until(() => refused.length === FILES_MAX);
    expect(await settled(copied(await file(5)))).toBe('copied');
    await until(() => readdirSync(folder).join() === 'copy');
    expect(strangers.filter(({ destroyed }) => destroyed)).toEqual([]);
    vi.advanceTimersByTime(IDLE_MS);
    await until(() => strangers.every(({ destroyed }) => destroyed));
    expect(b.count('barrel_streams_open')).toBe(0);
  });

  test('waits a minute for bytes of a file, and its place is free again', async () => {
    await receiving();
    const stream = await settled(a.streams.open(FILES_TAG, 'b@test'));
    stream.on('error', () => {});
    stream.write(lineFor({ target: 'copy', size: 10, force: false }));
    let ready = '';
    stream.on('data', (bytes) => (ready += String(bytes)));
    await until(() => ready !== '');
    vi.advanceTimersByTime(IDLE_MS);
    await until(() => stream.destroyed && refused.length === 1);
    expect(refused).toEqual(['ERR_TIMEOUT']);
  });
});

/** The folder of `b`. */
async function receiving(): Promise<string> {
  const folder = join(dir, 'files');
  await receiveFiles({
    streams: b.streams,
    folder,
    onFile: () => {},
    onRefused: (_from, error) => refused.push(String(Reflect.get(Object(error), 'code'))),
  });
  return folder;
}

async function file(size: number): Promise<string> {
  const path = join(dir, 'file');
  await writeFile(path, Buffer.alloc(size, 'file'));
  return path;
}

/** The type of the last event of a copy to `b`. */
async function copied(
  path: string,
  signal: AbortSignal = new AbortController().signal,
  onFirst: () => void = () => {},
): Promise<string> {
  let last = '';
  const words = { file: path, node: 'b@test', target: 'copy' };
  for await (const { type } of sendFile(a.streams, words, signal)) {
    if (last === '') onFirst();
    last = type;
  }
  return last;
}

/** Lets the disk, as slow as it may be, and the simulated network go on until it holds. */
async function until(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!holds() && performance.now() < endMs) {
    await world.time.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(holds()).toBe(true);
}

async function settled<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  promise.then(settle, settle);
  await until(() => isSettled);
  return promise;
}
