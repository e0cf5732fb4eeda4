import { type Duplex, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BarrelError } from '../../../src/errors.ts';
import {
  ACCEPTED_PER_PEER_MAX,
  PREAMBLE_TIMEOUT_MS,
  PREAMBLES_PER_PEER_MAX,
  STREAM_BUFFER_BYTES,
} from '../../../src/streams/stream-limits.ts';
import {
  STREAM_WINDOW_BYTES_INITIAL,
  STREAM_WINDOW_BYTES_MAX,
} from '../../../src/transport/streams/stream-limits.ts';
import { errorOf, preamble, readAll, type StreamNode, StreamWorld } from './linked-streams.ts';

let world: StreamWorld;
let a: StreamNode;
let b: StreamNode;

beforeEach(async () => {
  world = new StreamWorld();
  const [first, second] = await world.start('a@test', 'b@test');
  if (first === undefined || second === undefined) throw new Error('two were started');
  [a, b] = [first, second];
});

/** The next stream that `b` is given under the tag. */
function accepted(tag: string): Promise<Duplex> {
  return new Promise((resolve) => b.streams.accept(tag, resolve));
}

/** Both ends of a new stream. */
async function pair(tag: string = 'pair'): Promise<readonly [near: Duplex, far: Duplex]> {
  const far = accepted(tag);
  const near = await world.settled(a.streams.open(tag, 'b@test'));
  return [near, await far];
}

describe('a tag', () => {
  test('has one handler, taken again without a change, until it is given back (I42)', () => {
    const handler = (): void => {};
    const handle = b.streams.accept('chat', handler);
    b.streams.accept('audit', () => {});
    b.streams.accept('chat', handler);
    expect(b.streams.tags()).toEqual(['audit', 'chat']);
    const other = (): unknown => b.streams.accept('chat', () => {});
    expect(other).toThrowError(expect.objectContaining({ code: 'ERR_CONFLICT' }));
    handle[Symbol.dispose]();
    expect(b.streams.tags()).toEqual(['audit']);
    b.streams.accept('chat', () => {});
  });

  test('that nobody accepts resets the stream, and `open` says so (I46)', async () => {
    const opened = world.settled(a.streams.open('nobody', 'b@test'));
    await expect(opened).rejects.toMatchObject({ code: 'ERR_STREAM_RESET', resetCode: 0x100 });
    expect(b.count('barrel_streams_refused_total')).toBe(1);
    expect(b.count('barrel_streams_open')).toBe(0);
  });

  test('is checked before anything is opened', async () => {
    await expect(a.streams.open('barrel:x', 'b@test')).rejects.toMatchObject({
      code: 'ERR_OPTION',
    });
    await expect(a.streams.open('x', 'a@test')).rejects.toMatchObject({ code: 'ERR_SELF' });
    await expect(a.streams.open('x', 'c@test')).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
  });
});

describe('a stream', () => {
  test('carries bytes both ways, and each end ends its direction alone (I50)', async () => {
    b.streams.accept('echo', async (stream, from) => {
      expect(from).toBe('a@test');
      for await (const chunk of stream.iterator({ destroyOnReturn: false })) stream.write(chunk);
      stream.end('done');
    });
    const near = await world.settled(a.streams.open('echo', 'b@test'));
    const bytes = pattern(1_000_000);
    near.end(bytes);
    const echoed = await world.settled(readAll(near));
    expect(echoed.equals(Buffer.concat([bytes, Buffer.from('done')]))).toBe(true);
    await world.time.advance(100);
    expect([near.closed, a.count('barrel_streams_open')]).toEqual([true, 0]);
    expect(b.count('barrel_streams_reset_total') + a.count('barrel_streams_reset_total')).toBe(0);
    expect(b.count('barrel_streams_bytes_total')).toBeGreaterThan(2_000_000);
  });

  test('gives its handler what came in one piece with its tag (I44)', async () => {
    const raw = await world.settled(a.raw('b@test'));
    const far = accepted('one');
    raw.write(preamble('one', 'payload'));
    raw.stream.end();
    expect((await world.settled(far.then(readAll))).toString()).toBe('payload');
    await world.time.advance(10);
    expect([...raw.received]).toEqual([1]);
  });

  test('of nothing but a tag is opened, and at its end (I47)', async () => {
    const raw = await world.settled(a.raw('b@test'));
    const far = accepted('empty');
    raw.write(preamble('empty'));
    raw.stream.end();
    expect(await world.settled(far.then(readAll))).toHaveLength(0);
  });

  test('is not opened before its tag is whole (I45)', async () => {
    const given: string[] = [];
    b.streams.accept('slow', async (stream) => given.push((await readAll(stream)).toString()));
    const raw = await world.settled(a.raw('b@test'));
    for (const byte of preamble('slow', 'xyz')) {
      expect(given).toEqual([]);
      raw.write(Uint8Array.of(byte));
      await world.time.advance(10);
    }
    raw.stream.end();
    await world.time.advance(10);
    expect(given).toEqual(['xyz']);
  });

  test('whose tag is followed by other bytes of other streams is never read as another tag', async () => {
    const raw = await world.settled(a.raw('b@test'));
    const given = vi.fn();
    b.streams.accept('real', given);
    raw.write(preamble('refused'));
    raw.write(preamble('real'));
    await world.time.advance(50);
    expect(raw.resets).toEqual([0x100]);
    expect(raw.stream.write(preamble('real'))).toBe(0);
    await world.time.advance(50);
    expect(given).not.toHaveBeenCalled();
  });

  test('that is read to its end and left is no error at the other end', async () => {
    b.streams.accept('sink', async (stream) => {
      await readAll(stream);
      // Up to Node 22 a `for await` that is over has done this.
      stream.destroy();
    });
    const near = await world.settled(a.streams.open('sink', 'b@test'));
    near.end('all of it');
    expect(await world.settled(readAll(near))).toHaveLength(0);
    expect([near.closed, near.errored]).toEqual([true, null]);
  });

  test('of which there are many at once do not mix (I50)', async () => {
    b.streams.accept('echo', (stream) => void stream.pipe(stream));
    const opened = Array.from({ length: 100 }, async (_, index) => {
      const stream = await a.streams.open('echo', 'b@test');
      stream.end(`stream ${index}`);
      return (await readAll(stream)).toString();
    });
    const texts = await world.settled(Promise.all(opened));
    expect(texts).toEqual(opened.map((_, index) => `stream ${index}`));
  });

  test('takes writes of a byte each', async () => {
    const [near, far] = await pair();
    const all = readAll(far);
    for (let index = 0; index < 3_000; index += 1) near.write(Uint8Array.of(index & 0xff));
    near.end();
    const got = await world.settled(all);
    expect(got.every((byte, index) => byte === (index & 0xff))).toBe(true);
    expect(got).toHaveLength(3_000);
  });

  test('needs no stream of the user that listens for errors', async () => {
    const [near, far] = await pair();
    near.destroy(new Error('mine'));
    far.resume();
    await world.time.advance(50);
    expect(far.destroyed).toBe(true);
    expect(b.logged).toEqual(['a stream has failed, and nobody listens']);
  });
});

describe('back-pressure', () => {
  test('reaches the writer when the reader stops, and memory stays within the window (W14)', async () => {
    const [near, far] = await pair();
    let written = 0;
    let drains = 0;
    const chunk = Buffer.alloc(16_384);
    const fill = (): void => {
      while (near.write(chunk)) written += chunk.length;
      written += chunk.length;
    };
    near.on('drain', () => {
      drains += 1;
      fill();
    });
    fill();
    await world.time.advance(5_000);
    const most = STREAM_WINDOW_BYTES_INITIAL + 3 * STREAM_BUFFER_BYTES + 2 * chunk.length;
    expect(written).toBeLessThanOrEqual(most);
    const [before, drainsBefore] = [written, drains];
    await world.time.advance(5_000);
    expect(written).toBe(before);
    far.resume();
    await world.time.advance(1_000);
    expect(written).toBeGreaterThan(before + 1_000_000);
    expect(drains).toBeGreaterThan(drainsBefore);
    near.destroy();
  });

  test('of a reader that keeps up grows the window, of one that lags it does not', async () => {
    const [near, far] = await pair();
    far.resume();
    near.write(Buffer.alloc(20_000_000));
    await world.time.advance(5_000);
    far.pause();
    await world.time.advance(100);
    near.write(Buffer.alloc(20_000_000));
    await world.time.advance(5_000);
    const taken = a.count('barrel_streams_bytes_total{direction="out"}') - 20_000_000;
    expect(taken).toBeGreaterThan(STREAM_WINDOW_BYTES_INITIAL);
    expect(taken).toBeLessThanOrEqual(STREAM_WINDOW_BYTES_MAX + STREAM_BUFFER_BYTES + 16_384);
    near.destroy();
  });

  test('of one stream leaves the others alone', async () => {
    const [stalled] = await pair('stalled');
    stalled.write(Buffer.alloc(1_000_000));
    await world.time.advance(1_000);
    b.streams.accept('echo', (stream) => void stream.pipe(stream));
    const near = await world.settled(a.streams.open('echo', 'b@test'));
    near.end(pattern(500_000));
    expect((await world.settled(readAll(near))).equals(pattern(500_000))).toBe(true);
    stalled.destroy();
  });
});

describe('what is lost by destroy() is told', () => {
  test('when it came and nobody has read it', async () => {
    const [near, far] = await pair();
    const seen = errorOf(near);
    near.end(pattern(10_000));
    await world.time.advance(100);
    far.read(1);
    await world.time.advance(100);
    expect(far.readableLength).toBe(9_999);
    far.destroy();
    expect(await world.settled(seen)).toMatchObject({ code: 'ERR_STREAM_RESET', resetCode: 0 });
  });

  test('when it came in one piece with the tag, and nobody has read it', async () => {
    const raw = await world.settled(a.raw('b@test'));
    b.streams.accept('hasty', (stream) => void stream.destroy());
    raw.write(preamble('hasty', 'payload'));
    raw.stream.end();
    await world.time.advance(50);
    expect(raw.resets).toEqual([0]);
  });

  test('when a signal ends the pipeline that reads it', async () => {
    const [near, far] = await pair();
    const seen = errorOf(near);
    near.end(pattern(60_000));
    await world.time.advance(100);
    const abort = new AbortController();
    const slow = new Writable({ highWaterMark: 1, write: () => {} });
    const piped = pipeline(far, slow, { signal: abort.signal });
    await world.time.advance(100);
    abort.abort();
    await expect(world.settled(piped)).rejects.toMatchObject({ code: 'ABORT_ERR' });
    expect(await world.settled(seen)).toMatchObject({ code: 'ERR_STREAM_RESET', resetCode: 0 });
  });

  test('when it was written behind another write', async () => {
    const [near, far] = await pair();
    const seen = errorOf(near);
    near.end();
    far.resume();
    await world.time.advance(100);
    far.write(Buffer.alloc(1_000));
    far.write(Buffer.alloc(1_000));
    far.destroy();
    expect(await world.settled(seen)).toMatchObject({ code: 'ERR_STREAM_RESET', resetCode: 0 });
  });

  test('and what was sent before is not lost: the other end reads it, and the end', async () => {
    const [near, far] = await pair();
    near.end();
    far.resume();
    await world.time.advance(100);
    far.write('the last word');
    far.destroy();
    expect((await world.settled(readAll(near))).toString()).toBe('the last word');
  });
});

describe('a reset', () => {
  test.each([
    [undefined, 0],
    [new Error('broken'), 0x102],
    [new BarrelError('ERR_STREAM_RESET', 'mine', { resetCode: 77 }), 77],
    [new BarrelError('ERR_STREAM_RESET', 'no code', { resetCode: -1 }), 0x102],
    [new BarrelError('ERR_STREAM_RESET', 'no code', { resetCode: 2 ** 32 }), 0x102],
  ])('by destroy(%s) shows at the other end as an error with code %d', async (error, code) => {
    const [near, far] = await pair();
    const seen = errorOf(far);
    near.destroy(error);
    const expected = { code: 'ERR_STREAM_RESET', resetCode: code, node: 'a@test' };
    expect(await world.settled(seen)).toMatchObject(expected);
    await world.time.advance(10);
    expect([a.count('barrel_streams_open'), b.count('barrel_streams_open')]).toEqual([0, 0]);
    expect([a.count('barrel_streams_reset_total'), b.count('barrel_streams_reset_total')]).toEqual([
      1, 1,
    ]);
  });

  test('by the acceptor fails the writes of the opener', async () => {
    const [near, far] = await pair();
    const seen = errorOf(near);
    near.write(Buffer.alloc(5_000_000));
    far.destroy();
    expect(await world.settled(seen)).toMatchObject({ code: 'ERR_STREAM_RESET', resetCode: 0 });
    expect(near.writable).toBe(false);
  });

  test('is what a handler gets that throws or rejects, and nothing else happens', async () => {
    b.streams.accept('throws', () => {
      throw new Error('thrown');
    });
    b.streams.accept('rejects', async () => Promise.reject(new Error('rejected')));
    for (const tag of ['throws', 'rejects']) {
      const failed = a.streams.open(tag, 'b@test').then(errorOf);
      expect(await world.settled(failed)).toMatchObject({ resetCode: 0x102 });
    }
    expect(b.logged.filter((line) => line === 'the handler of a stream failed')).toHaveLength(2);
    await pair('after');
  });
});

describe('the end of a connection', () => {
  test('ends its streams with ERR_NO_CONNECTION at both ends', async () => {
    const [near, far] = await pair();
    const errors = Promise.all([errorOf(near), errorOf(far)]);
    a.link('b@test')?.connection.close('lost');
    for (const error of await world.settled(errors)) {
      expect(error).toMatchObject({ code: 'ERR_NO_CONNECTION' });
    }
    expect(a.count('barrel_streams_open') + b.count('barrel_streams_open')).toBe(0);
  });

  test('ends an `open` that waits', async () => {
    await world.settled(a.connect('b@test'));
    const opened = a.streams.open('x', 'b@test');
    opened.catch(() => {});
    world.network.cut(b.address, a.address);
    await expect(world.settled(opened)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    const second = a.streams.open('x', 'b@test', { timeoutMs: 60_000 });
    await expect(world.settled(second)).rejects.toMatchObject({ code: 'ERR_NO_CONNECTION' });
    expect(a.held.get('b@test')).toBe(0);
  });
});

describe('opening', () => {
  test('connects on demand, and holds the connection as long as a stream is open (I37): weakness W15', async () => {
    expect(a.link('b@test')).toBe(undefined);
    const [near, far] = await pair();
    expect([a.held.get('b@test'), b.held.get('a@test')]).toEqual([1, 1]);
    near.end();
    far.end();
    far.resume();
    near.resume();
    await world.time.advance(50);
    expect([a.held.get('b@test'), b.held.get('a@test')]).toEqual([0, 0]);
  });

  test('carries a mebibyte whole, and again over the next connection (I39)', async () => {
    const bytes = Buffer.from(Uint8Array.from({ length: 1_048_576 }, (_, i) => (i * i) >> 7));
    for (let connection = 0; connection < 2; connection += 1) {
      const [near, far] = await pair(`file ${connection}`);
      const read = readAll(far);
      near.end(bytes);
      expect(bytes.equals(await world.settled(read))).toBe(true);
      near.resume();
      far.end();
      await world.time.advance(50);
      a.link('b@test')?.connection.close('closed');
      await world.time.advance(50);
      expect(a.link('b@test')).toBe(undefined);
    }
  });

  test('many streams at once right after the connection resets none (W14)', async () => {
    b.streams.accept('echo', (stream) => void stream.pipe(stream));
    const opened = Array.from({ length: 50 }, () => a.streams.open('echo', 'b@test'));
    const streams = await world.settled(Promise.all(opened));
    expect(b.count('barrel_streams_reset_total')).toBe(0);
    for (const stream of streams) stream.destroy();
  });

  test('ends with the reason of the signal, and the acceptor is told', async () => {
    const [near] = await pair('before');
    near.destroy();
    const given: Duplex[] = [];
    b.streams.accept('late', (stream) => given.push(stream));
    const abort = new AbortController();
    const opened = a.streams.open('late', 'b@test', { signal: abort.signal });
    const reason = new Error('not wanted');
    world.time.after(3, () => abort.abort(reason));
    await expect(world.settled(opened)).rejects.toBe(reason);
    await world.time.advance(50);
    expect(given.map(({ destroyed }) => destroyed)).toEqual([true]);
    expect(a.held.get('b@test')).toBe(0);
  });

  test('is refused with ERR_OVERLOADED when too many are open', async () => {
    b.streams.accept('many', () => {});
    const opened = Array.from({ length: ACCEPTED_PER_PEER_MAX }, () =>
      a.streams.open('many', 'b@test'),
    );
    const streams = await world.settled(Promise.all(opened));
    const more = world.settled(a.streams.open('many', 'b@test'));
    await expect(more).rejects.toMatchObject({ code: 'ERR_OVERLOADED' });
    streams[0]?.destroy();
    await world.time.advance(10);
    await world.settled(a.streams.open('many', 'b@test'));
  });
});

describe('halves of tags', () => {
  test('are 64 for a peer, and one more is reset (I48)', async () => {
    const parked = await park(a, PREAMBLES_PER_PEER_MAX);
    const [more] = await park(a, 1);
    await world.time.advance(10);
    expect(more?.resets).toEqual([0x101]);
    expect(parked.every(({ resets }) => resets.length === 0)).toBe(true);
  });

  test('of one peer take no place of another (W11)', async () => {
    const [c] = await world.start('c@test');
    await park(a, PREAMBLES_PER_PEER_MAX);
    const far = accepted('split');
    const raw = await world.settled(c?.raw('b@test') ?? Promise.reject());
    raw.write(preamble('split').subarray(0, 3));
    await world.time.advance(10);
    raw.write(preamble('split').subarray(3));
    await world.settled(far);
  });

  test('give their places back when the peer resets, goes, or lets time pass (W11)', async () => {
    const parked = await park(a, PREAMBLES_PER_PEER_MAX);
    for (const { stream } of parked) stream.reset(0);
    await world.time.advance(10);
    await park(a, PREAMBLES_PER_PEER_MAX);
    a.link('b@test')?.connection.close('closed');
    await world.time.advance(50);
    const again = await park(a, PREAMBLES_PER_PEER_MAX);
    expect(again.every(({ resets }) => resets.length === 0)).toBe(true);
    await world.time.advance(PREAMBLE_TIMEOUT_MS + 10);
    expect(again.map(({ resets }) => resets)).toEqual(again.map(() => [0x104]));
    const [last] = await park(a, 1);
    expect(last?.resets).toEqual([]);
  });

  async function park(
    node: StreamNode,
    count: number,
  ): Promise<Awaited<ReturnType<StreamNode['raw']>>[]> {
    await world.settled(node.connect('b@test'));
    const raws = await Promise.all(Array.from({ length: count }, () => node.raw('b@test')));
    for (const raw of raws) raw.write(Uint8Array.of(9, 0x61));
    await world.time.advance(20);
    return raws;
  }
});

describe('a handler', () => {
  test('of two tags that goes away leaves nothing registered (W12)', async () => {
    const handler = (stream: Duplex): void => void stream.resume();
    const handles = ['one', 'two'].map((tag) => b.streams.accept(tag, handler));
    for (const handle of handles) handle[Symbol.dispose]();
    expect(b.streams.tags()).toEqual([]);
    for (const tag of ['one', 'two']) {
      const opened = world.settled(a.streams.open(tag, 'b@test'));
      await expect(opened).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' });
    }
    b.streams.accept('one', () => {});
  });
});

describe('messages', () => {
  test('are not behind the bytes of streams on their connection (W13)', async () => {
    const [near, far] = await pair();
    far.resume();
    near.write(Buffer.alloc(4_000_000));
    await world.time.advance(1);
    const arrivals: number[] = [];
    const link = b.link('a@test');
    link?.connection.attach({
      onFrame: () => arrivals.push(world.time.monotonicMs()),
      onDrained: () => {},
      onClosed: () => {},
    });
    const sentMs = world.time.monotonicMs();
    a.link('b@test')?.send(1, new Uint8Array(100));
    await world.time.runUntil(() => arrivals.length === 1, 10_000);
    expect((arrivals[0] ?? 0) - sentMs).toBeLessThanOrEqual(4);
    expect(a.count('barrel_streams_bytes_total{direction="out"}')).toBeLessThan(4_000_000);
    near.destroy();
  });
});

describe('a node that closes', () => {
  test('lets ended directions be read, resets the rest, and opens nothing more', async () => {
    const [near, far] = await pair();
    const [idle, idleFar] = await pair('idle');
    const reset = errorOf(idleFar);
    near.end(pattern(3_000_000));
    const all = readAll(far);
    const answered = all.then(() => far.end());
    await world.settled(a.streams.close(10_000));
    await answered;
    expect((await all).equals(pattern(3_000_000))).toBe(true);
    expect(await reset).toMatchObject({ code: 'ERR_STREAM_RESET', resetCode: 0x103 });
    expect(idle.destroyed).toBe(true);
    await expect(a.streams.open('pair', 'b@test')).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    const accept = (): unknown => a.streams.accept('x', () => {});
    expect(accept).toThrowError(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  test('waits no longer than it may for a reader that does not read', async () => {
    const [near] = await pair();
    const failed = errorOf(near);
    near.end(Buffer.alloc(3_000_000));
    const startMs = world.time.monotonicMs();
    await world.settled(a.streams.close(500));
    expect(world.time.monotonicMs() - startMs).toBe(500);
    expect(await failed).toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('ends what is being opened', async () => {
    await world.settled(a.connect('b@test'));
    const opened = a.streams.open('x', 'b@test');
    opened.catch(() => {});
    await world.settled(a.streams.close(0));
    await expect(opened).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});

afterEach(async () => {
  await world.settled(Promise.all([a.streams.close(0), b.streams.close(0)]));
});

function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let index = 0; index < size; index += 1) bytes[index] = (index * 31 + (index >> 11)) & 0xff;
  return bytes;
}
