/** What the byte streams of every transport must do; part of the conformance suite. */
import { describe, expect, test } from 'vitest';
import type { ByteStream } from '../../../src/transport/byte-stream.ts';
import {
  RESET_REFUSED,
  STREAM_WINDOW_BYTES_INITIAL,
  STREAMS_PER_END_MAX,
} from '../../../src/transport/streams/stream-limits.ts';
import { CONTROL, type Connection } from '../../../src/transport/transport.ts';
import type { Bench } from './conformance.ts';

/** What a stalled reader can cost: its window, and what waits on the way to it. */
const STALLED_BYTES_MAX = STREAM_WINDOW_BYTES_INITIAL;

export function byteStreamTests(bench: () => Bench): void {
  describe('byte streams', () => {
    flowTests(bench);
    pressureTests(bench);
    resetTests(bench);
    endTests(bench);
  });
}

function flowTests(bench: () => Bench): void {
  test('carry bytes of both ends whole and in order, each direction by itself', async () => {
    const { here, there } = await pair(bench());
    here.send(pattern(1, 700_001));
    here.end();
    await bench().world.settle(() => there().isAtEnd, 60_000);
    expect(there().isPattern(1, 700_001)).toBe(true);
    there().send(pattern(2, 300_000));
    there().end();
    await bench().world.settle(() => here.isAtEnd, 60_000);
    expect(here.isPattern(2, 300_000)).toBe(true);
    expect([here.resets, there().resets, here.losses]).toEqual([[], [], []]);
  });

  test('of which there are many at once do not mix', async () => {
    const { near, far } = await ends(bench());
    const opened = Array.from({ length: 60 }, () => new Recorder(near.open()));
    for (const [index, one] of opened.entries()) {
      one.send(pattern(index, 10_000 + index));
      one.end();
    }
    await bench().world.settle(() => far.accepted.length === 60, 60_000);
    await bench().world.settle(() => far.accepted.every(({ isAtEnd }) => isAtEnd), 60_000);
    for (const one of far.accepted) {
      const index = opened.findIndex(({ stream }) => stream.id === one.stream.id);
      expect(one.isPattern(index, 10_000 + index)).toBe(true);
    }
  });

  test('can be opened by either end, and have numbers of their own', async () => {
    const { near, far } = await ends(bench());
    const [a, b] = [new Recorder(near.open()), new Recorder(far.open())];
    a.send(pattern(1, 10));
    b.send(pattern(2, 20));
    await bench().world.settle(() => near.accepted.length + far.accepted.length === 2);
    await bench().world.settle(() => near.accepted[0]?.bytes === 20);
    expect(near.accepted[0]?.isPattern(2, 20)).toBe(true);
    expect(far.accepted[0]?.isPattern(1, 10)).toBe(true);
    expect(a.stream.id).not.toBe(b.stream.id);
  });

  test('can be empty', async () => {
    const { here, there } = await pair(bench());
    here.end();
    await bench().world.settle(() => there().isAtEnd);
    expect(there().bytes).toBe(0);
  });

  test('by the thousand, one after another, leave room for the next', async () => {
    const { near, far } = await ends(bench());
    for (let round = 0; round < 12; round += 1) {
      const opened = Array.from({ length: 100 }, () => new Recorder(near.open()));
      for (const [index, one] of opened.entries()) {
        one.send(pattern(index, 100));
        if (index % 2 === 0) one.end();
      }
      await bench().world.settle(() => far.accepted.length === 100, 30_000);
      for (const one of far.accepted) {
        if (one.isAtEnd) one.end();
        else one.stream.reset(7);
      }
      await bench().world.settle(() => opened.every(({ isOver }) => isOver), 30_000);
      far.accepted.length = 0;
    }
  });
}

function pressureTests(bench: () => Bench): void {
  test('that nobody reads hold up their writer, and nobody else', async () => {
    const { near, far, connections } = await ends(bench());
    far.isReading = false;
    const stalled = Array.from({ length: 20 }, () => new Recorder(near.open()));
    for (const one of stalled) one.send(pattern(3, 2_000_000));
    await bench().world.settle(() => far.accepted.length === 20, 30_000);
    far.isReading = true;
    const passing = new Recorder(near.open());
    passing.send(pattern(4, 1_000_000));
    const frames = countFrames(connections.far);
    for (let index = 0; index < 100; index += 1) connections.near.send(1, new Uint8Array(1_000));
    await bench().world.settle(() => frames() === 100, 30_000);
    await bench().world.settle(() => far.accepted[20]?.bytes === 1_000_000, 60_000);
    for (const one of stalled) {
      expect(one.sentBytes).toBeLessThanOrEqual(STALLED_BYTES_MAX);
      expect(one.sentBytes).toBeGreaterThan(0);
    }
    for (const one of far.accepted.slice(0, 20)) one.resume();
    await bench().world.settle(() => far.accepted.every(({ bytes }) => bytes >= 1_000_000), 60_000);
    await bench().world.settle(() => stalled.every((one) => one.sentBytes === 2_000_000), 60_000);
    await bench().world.settle(
      () => far.accepted.slice(0, 20).every(({ bytes }) => bytes === 2_000_000),
      60_000,
    );
    expect(far.accepted[7]?.isPattern(3, 2_000_000)).toBe(true);
  });

  test('opened before the peer admits wait for it', async () => {
    const [a, b] = await bench().openMany(2);
    const [near, far] = await bench().connect(a, b);
    const accepted = new Acceptor(far.connection);
    near.connection.admit();
    const early = new Recorder(near.connection.streams.open());
    early.send(pattern(5, 5_000));
    near.connection.send(CONTROL, new Uint8Array(3));
    await bench().world.settle(() => far.on(CONTROL).length === 1);
    await bench().pass(100);
    expect(accepted.accepted).toEqual([]);
    far.connection.admit();
    await bench().world.settle(() => accepted.accepted[0]?.bytes === 5_000);
    expect(early.resets).toEqual([]);
  });

  test('above the bound of one end are refused where they are opened', async () => {
    const { near } = await ends(bench());
    const opened = Array.from({ length: STREAMS_PER_END_MAX }, () => new Recorder(near.open()));
    expect(() => near.open()).toThrowError(expect.objectContaining({ code: 'ERR_OVERLOADED' }));
    opened[9]?.stream.reset(0);
    expect(near.open().id).toBeGreaterThan(0);
  });
}

function resetTests(bench: () => Bench): void {
  test('are reset by who opened them, with a code', async () => {
    const { here, there } = await pair(bench());
    here.send(pattern(1, 100));
    await bench().world.settle(() => there().bytes === 100);
    here.stream.reset(4_294_967_295);
    await bench().world.settle(() => there().resets.length === 1);
    expect(there().resets).toEqual([4_294_967_295]);
    expect([here.resets, here.stream.write(new Uint8Array(1))]).toEqual([[], 0]);
    expect(there().stream.write(new Uint8Array(1))).toBe(0);
  });

  test('are reset by who was given them, in the middle of what comes', async () => {
    const { near, far } = await ends(bench());
    far.isReading = false;
    const here = new Recorder(near.open());
    here.send(pattern(1, 3_000_000));
    await bench().world.settle(() => far.accepted.length === 1);
    far.accepted[0]?.stream.reset(9);
    await bench().world.settle(() => here.resets.length === 1);
    expect(here.resets).toEqual([9]);
    expect(far.accepted[0]?.resets).toEqual([]);
  });

  test('are told of a reset also when they only wait to read, or have ended already', async () => {
    const { here, there } = await pair(bench());
    here.send(pattern(1, 10));
    here.end();
    await bench().world.settle(() => there().isAtEnd);
    there().stream.reset(3);
    await bench().world.settle(() => here.resets.length === 1);
    expect(here.resets).toEqual([3]);
  });

  test('are told of a reset by whoever has ended, while they write', async () => {
    const { here, there } = await pair(bench());
    here.end();
    await bench().world.settle(() => there().isAtEnd);
    here.stream.reset(5);
    there().send(pattern(1, 3_000_000));
    await bench().world.settle(() => there().resets.length === 1);
    expect(there().resets).toEqual([5]);
  });

  test('reset at both ends at once are over at both', async () => {
    const { near, far } = await ends(bench());
    const here = new Recorder(near.open());
    here.send(pattern(1, 10));
    await bench().world.settle(() => far.accepted.length === 1);
    here.stream.reset(1);
    far.accepted[0]?.stream.reset(2);
    await bench().pass(200);
    expect([here.resets, far.accepted[0]?.resets]).toEqual([[], []]);
    const next = new Recorder(near.open());
    next.send(pattern(2, 10));
    await bench().world.settle(() => far.accepted[1]?.bytes === 10);
  });

  test('are reset where nobody listens, and where nobody takes them', async () => {
    const [first, second] = await bench().connectPair();
    const unheard = new Recorder(first.connection.streams.open());
    unheard.send(pattern(1, 10));
    await bench().world.settle(() => unheard.resets.length === 1);
    second.connection.streams.listen(() => {});
    const untaken = new Recorder(first.connection.streams.open());
    untaken.send(pattern(1, 10));
    await bench().world.settle(() => untaken.resets.length === 1);
    expect([unheard.resets, untaken.resets]).toEqual([[RESET_REFUSED], [RESET_REFUSED]]);
  });
}

function endTests(bench: () => Bench): void {
  test('are lost with their connection, at both ends, once', async () => {
    const { here, there, connections } = await pair(bench());
    here.send(pattern(1, 10));
    await bench().world.settle(() => there().bytes === 10);
    connections.near.close('leaving');
    await bench().world.settle(() => here.losses.length + there().losses.length === 2);
    expect([here.losses, there().losses]).toEqual([['leaving'], ['leaving']]);
    expect(here.stream.write(new Uint8Array(1))).toBe(0);
    const open = (): unknown => connections.near.streams.open();
    expect(open).toThrowError(expect.objectContaining({ code: 'ERR_NO_CONNECTION' }));
  });

  test('that have ended are there whole when the connection closes behind them', async () => {
    const { here, there, connections } = await pair(bench());
    here.send(pattern(6, 1));
    await bench().world.settle(() => there().bytes === 1);
    there().end();
    await bench().world.settle(() => here.isAtEnd);
    here.send(pattern(7, 10_000));
    here.end();
    connections.near.close('leaving');
    await bench().world.settle(() => there().isAtEnd || there().losses.length > 0, 30_000);
    expect([there().bytes, there().losses]).toEqual([10_001, []]);
  });
}

/** Writes what it is given as the stream takes it, and reads all that comes. */
class Recorder {
  readonly stream: ByteStream;
  readonly resets: number[] = [];
  readonly losses: string[] = [];
  readonly #chunks: Uint8Array[] = [];
  #waiting: Uint8Array = new Uint8Array(0);
  #endsAfter = false;
  #isReading: boolean;
  bytes = 0;
  sentBytes = 0;
  isAtEnd = false;

  constructor(stream: ByteStream, isReading = true) {
    this.stream = stream;
    this.#isReading = isReading;
    stream.attach({
      onReadable: () => this.#read(),
      onWritable: () => this.#write(),
      onReset: (code) => this.resets.push(code),
      onLost: (reason) => this.losses.push(reason),
    });
  }

  get isOver(): boolean {
    return this.isAtEnd || this.resets.length > 0;
  }

  send(bytes: Uint8Array): void {
    this.#waiting = bytes;
    this.#write();
  }

  end(): void {
    if (this.#waiting.length > 0) this.#endsAfter = true;
    else this.stream.end();
  }

  resume(): void {
    this.#isReading = true;
    this.#read();
  }

  isPattern(seed: number, length: number): boolean {
    return Buffer.compare(Buffer.concat(this.#chunks), pattern(seed, length)) === 0;
  }

  #read(): void {
    if (!this.#isReading) return;
    for (let bytes = this.stream.read(); bytes !== undefined; bytes = this.stream.read()) {
      this.#chunks.push(bytes);
      this.bytes += bytes.length;
    }
    this.isAtEnd = this.stream.isAtEnd;
  }

  #write(): void {
    const taken = this.stream.write(this.#waiting);
    this.sentBytes += taken;
    this.#waiting = this.#waiting.subarray(taken);
    if (this.#waiting.length === 0 && this.#endsAfter) this.stream.end();
  }
}

/** One end of a connection, and all streams that it was given. */
class Acceptor {
  readonly accepted: Recorder[] = [];
  readonly #connection: Connection;
  isReading = true;

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.streams.listen((stream) => {
      this.accepted.push(new Recorder(stream, this.isReading));
    });
  }

  open(): ByteStream {
    return this.#connection.streams.open();
  }
}

interface Ends {
  readonly near: Acceptor;
  readonly far: Acceptor;
  readonly connections: { readonly near: Connection; readonly far: Connection };
}

async function ends(bench: Bench): Promise<Ends> {
  const [first, second] = await bench.connectPair();
  const connections = { near: first.connection, far: second.connection };
  return {
    near: new Acceptor(first.connection),
    far: new Acceptor(second.connection),
    connections,
  };
}

interface Pair extends Ends {
  readonly here: Recorder;
  readonly there: () => Recorder;
}

/** One stream; the far end is there when the first bytes are. */
async function pair(bench: Bench): Promise<Pair> {
  const both = await ends(bench);
  const here = new Recorder(both.near.open());
  const there = (): Recorder => {
    const [only] = both.far.accepted;
    return only ?? NOBODY;
  };
  return { ...both, here, there };
}

/** Stands for an end that was not given to anybody yet. */
const NOBODY = new Recorder({
  id: -1,
  isAtEnd: false,
  attach: () => {},
  write: () => 0,
  end: () => {},
  read: () => undefined,
  reset: () => {},
});

function countFrames(connection: Connection): () => number {
  let count = 0;
  connection.attach({
    onFrame: () => {
      count += 1;
    },
    onDrained: () => {},
    onClosed: () => {},
  });
  return () => count;
}

function pattern(seed: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index += 1)
    bytes[index] = (index * 13 + (index >> 9) + seed) & 0xff;
  return bytes;
}
