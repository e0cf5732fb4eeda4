/**
 * What every transport must do. The same tests run on the simulated network in virtual time and on
 * QUIC in real time; the setup says how a transport is opened and how time passes.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Address } from '../../../src/core/names.ts';
import { BarrelError } from '../../../src/errors.ts';
import {
  FRAME_BYTES_MAX,
  HANDSHAKE_TIMEOUT_MS,
  LANE_COUNT,
  LINK_QUEUE_BYTES_MAX,
  LINK_QUEUE_HIGH_WATER_BYTES,
  UNADMITTED_BYTES_MAX,
} from '../../../src/limits.ts';
import {
  type Channel,
  type Closure,
  CONTROL,
  type Connection,
  type OnConnection,
  type Transport,
  type TransportIdentity,
} from '../../../src/transport/transport.ts';
import { byteStreamTests } from './byte-stream-conformance.ts';
import { migrationTests } from './migration-tests.ts';

export interface OpenedTransport {
  readonly transport: Transport;
  readonly publicKey: Uint8Array;
}

export interface ConformanceWorld {
  open(onConnection: OnConnection): Promise<OpenedTransport>;
  /** Another identity for a transport of this world. */
  identity(): Promise<TransportIdentity>;
  /** Lets time pass until the condition holds; rejects after `timeoutMs` of that time. */
  settle(condition: () => boolean, timeoutMs?: number): Promise<void>;
  /** Nobody listens there. */
  readonly nobody: Address;
  /** Another host of the machine on which transports are open. */
  readonly otherHost: string;
  /** Connections lead through tunnels. */
  readonly isTunnelled?: boolean;
  /** Frees what the transports do not free themselves. */
  close(): Promise<void>;
}

/** A dial to nobody has failed by then. */
const DIAL_BOUND_MS = 15_000;
const ALL_CHANNELS: readonly Channel[] = Array.from(
  { length: LANE_COUNT + 1 },
  (_, index) => index,
);

/** Registers the suite under that name. The setup is called once for each test. */
export function transportConformance(name: string, setup: () => Promise<ConformanceWorld>): void {
  describe(name, () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = new Bench(await setup());
    });
    afterEach(() => bench.close());
    handshakeTests(() => bench);
    frameTests(() => bench);
    boundTests(() => bench);
    admissionTests(() => bench);
    endTests(() => bench);
    byteStreamTests(() => bench);
    migrationTests(() => bench);
  });
}

function handshakeTests(bench: () => Bench): void {
  test('a dial resolves with the keys of both ends proven', async () => {
    const [a, b] = await bench().openMany(2);
    const [near, far] = await bench().connect(a, b);
    expect(near.connection.peerKey).toEqual(b.publicKey);
    expect(far.connection.peerKey).toEqual(a.publicKey);
    expect([near.connection.role, far.connection.role]).toEqual(['dialer', 'acceptor']);
    expect(near.connection.remoteAddress).toBe(b.transport.address);
  });

  test('another identity is shown in new connections, and those there are go on', async () => {
    const [a, b] = await bench().openMany(2);
    const [near, far] = await bench().connect(a, b);
    const other = await bench().world.identity();
    a.transport.setIdentity(other);
    near.connection.send(CONTROL, new TextEncoder().encode('as before'));
    await bench().world.settle(() => far.texts(CONTROL).includes('as before'));
    expect([near.connection.ownKey, far.connection.peerKey]).toEqual([a.publicKey, a.publicKey]);
    const [, newFar] = await bench().connect(a, b);
    expect(newFar.connection.peerKey).toEqual(other.publicKey);
    const [newNear, dialler] = await bench().connect(b, a);
    expect(newNear.connection.peerKey).toEqual(other.publicKey);
    expect(dialler.connection.ownKey).toEqual(other.publicKey);
  });

  test('a dial to nobody fails as unreachable or timed out', async () => {
    const [a] = await bench().openMany(1);
    const dialled = bench().dial(a, bench().world.nobody);
    await expect(bench().within(dialled, DIAL_BOUND_MS)).rejects.toSatisfy(
      (error) =>
        error instanceof BarrelError && ['ERR_UNREACHABLE', 'ERR_TIMEOUT'].includes(error.code),
    );
  });

  test('a dial rejects with the reason of a signal that is aborted already', async () => {
    const [a, b] = await bench().openMany(2);
    const reason = new Error('not wanted');
    const dialled = a.transport.dial(b.transport.address, { signal: AbortSignal.abort(reason) });
    await expect(bench().within(dialled)).rejects.toBe(reason);
  });

  test('a dial rejects with the reason of a signal that aborts on the way', async () => {
    const [a] = await bench().openMany(1);
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    const { nobody } = bench().world;
    const dialled = a.transport.dial(nobody, { signal: controller.signal });
    controller.abort(reason);
    await expect(bench().within(dialled)).rejects.toBe(reason);
  });

  test('two that dial each other at once have two connections', async () => {
    const [a, b] = await bench().openMany(2);
    const dials = [bench().dial(a, b.transport.address), bench().dial(b, a.transport.address)];
    const [first, second] = await bench().within(Promise.all(dials));
    await bench().world.settle(() => a.accepted.length === 1 && b.accepted.length === 1);
    first?.connection.send(CONTROL, text('from a'));
    second?.connection.send(CONTROL, text('from b'));
    await bench().world.settle(() => (a.accepted[0]?.frames.length ?? 0) > 0);
    await bench().world.settle(() => (b.accepted[0]?.frames.length ?? 0) > 0);
    expect(b.accepted[0]?.texts(CONTROL)).toEqual(['from a']);
    expect(a.accepted[0]?.texts(CONTROL)).toEqual(['from b']);
  });

  test('one transport carries many connections', async () => {
    const [hub, ...others] = await bench().openMany(9);
    const dials = others.map((other) => bench().dial(other, hub.transport.address));
    const ends = await bench().within(Promise.all(dials));
    for (const [index, end] of ends.entries()) end.connection.send(CONTROL, text(`from ${index}`));
    await bench().world.settle(
      () => hub.accepted.length === 8 && hub.accepted.every((end) => end.frames.length === 1),
    );
    const heard = hub.accepted.map((end) => [toHex(end.connection.peerKey), end.texts(CONTROL)[0]]);
    const sent = others.map((other, index) => [toHex(other.publicKey), `from ${index}`]);
    expect(heard.sort()).toEqual(sent.sort());
  });
}

function frameTests(bench: () => Bench): void {
  test('frames of any size arrive whole and in order on every channel, both ways', async () => {
    const [near, far] = await bench().connectPair();
    const sizes = [0, 1, 1_024, 1_048_576];
    for (const end of [near, far]) {
      for (const channel of ALL_CHANNELS) {
        for (const size of sizes) end.connection.send(channel, pattern(channel, size));
      }
    }
    const expected = sizes.length * ALL_CHANNELS.length;
    await bench().world.settle(
      () => near.frames.length === expected && far.frames.length === expected,
    );
    for (const end of [near, far]) {
      for (const channel of ALL_CHANNELS) {
        expect(end.on(channel).map((frame) => frame.byteLength)).toEqual(sizes);
        expect(end.on(channel).every((frame) => isPattern(channel, frame))).toBe(true);
      }
    }
  });

  test('ten thousand small frames arrive once and in order', async () => {
    const [near, far] = await bench().connectPair();
    for (let index = 0; index < 10_000; index += 1) near.connection.send(3, text(`${index}`));
    await bench().world.settle(() => far.frames.length >= 10_000);
    const expected = Array.from({ length: 10_000 }, (_, index) => `${index}`);
    expect(far.texts(3)).toEqual(expected);
  });

  test('the sender may change its buffer as soon as send has returned', async () => {
    const [near, far] = await bench().connectPair();
    const buffer = text('before');
    near.connection.send(1, buffer);
    buffer.fill(0);
    await bench().world.settle(() => far.frames.length === 1);
    expect(far.texts(1)).toEqual(['before']);
  });

  test('events never come from within a call', async () => {
    const [near, far] = await bench().connectPair();
    near.connection.send(1, text('x'));
    near.connection.close('closed');
    expect(near.closures).toEqual([]);
    expect(far.frames).toEqual([]);
    await bench().world.settle(() => near.closures.length === 1);
  });

  test('what is heard of the peer moves its last sign of life and the round trip', async () => {
    const [near, far] = await bench().connectPair();
    const before = far.connection.lastHeardMs;
    await bench().world.settle(() => near.connection.rttMs > 0);
    near.connection.send(1, text('hello'));
    await bench().world.settle(() => far.frames.length === 1);
    expect(far.connection.lastHeardMs).toBeGreaterThanOrEqual(before);
    await bench().world.settle(() => near.connection.queuedBytes === 0);
  });
}

function boundTests(bench: () => Bench): void {
  test('a frame over the limit is refused at the sender', async () => {
    const [near] = await bench().connectPair();
    const frame = new Uint8Array(FRAME_BYTES_MAX + 1);
    expect(() => near.connection.send(1, frame)).toThrowError(
      expect.objectContaining({ code: 'ERR_VALUE' }),
    );
  });

  test('send answers false above the high-water mark, then the connection drains', async () => {
    const [near, far] = await bench().connectPair();
    const frame = new Uint8Array(LINK_QUEUE_HIGH_WATER_BYTES / 4);
    let sent = 1;
    while (near.connection.send(1, frame) && sent < 16) sent += 1;
    expect(near.connection.queuedBytes).toBeGreaterThan(LINK_QUEUE_HIGH_WATER_BYTES - 1);
    expect(near.drained).toBe(0);
    await bench().world.settle(() => near.drained === 1);
    await bench().world.settle(() => far.frames.length === sent);
    expect(near.drained).toBe(1);
    expect(near.connection.send(1, text('again'))).toBe(true);
  });

  test('send throws at the hard limit and what was taken still arrives', async () => {
    const [near, far] = await bench().connectPair();
    const frame = new Uint8Array(1_048_576);
    const most = LINK_QUEUE_BYTES_MAX / frame.byteLength;
    let taken = 0;
    const fill = (): void => {
      for (; taken <= most; taken += 1) near.connection.send(1, frame);
    };
    expect(fill).toThrowError(expect.objectContaining({ code: 'ERR_OVERLOADED' }));
    expect(taken).toBeGreaterThanOrEqual(most - 2);
    expect(near.connection.send(CONTROL, text('control has room'))).toBe(false);
    await bench().world.settle(() => far.frames.length === taken + 1, 60_000);
    expect(far.texts(CONTROL)).toEqual(['control has room']);
  });
}

function admissionTests(bench: () => Bench): void {
  test('an unadmitted peer that sends too much is closed for breaking the protocol', async () => {
    const [a, b] = await bench().openMany(2);
    const [near, far] = await bench().connect(a, b);
    for (let sent = 0; sent <= UNADMITTED_BYTES_MAX; sent += 1_024) {
      near.connection.send(CONTROL, new Uint8Array(1_024));
    }
    await bench().world.settle(() => near.closures.length === 1 && far.closures.length === 1);
    expect(far.closures[0]).toMatchObject({ reason: 'protocol', by: 'local' });
    expect(near.closures[0]).toMatchObject({ reason: 'protocol', by: 'peer' });
    expect(far.bytes(CONTROL)).toBeLessThanOrEqual(UNADMITTED_BYTES_MAX);
  });

  test('messages sent before the peer admits wait for it, in order', async () => {
    const [a, b] = await bench().openMany(2);
    const [near, far] = await bench().connect(a, b);
    near.connection.admit();
    near.connection.send(CONTROL, text('hello'));
    for (let index = 0; index < 200; index += 1) near.connection.send(2, pattern(2, 1_024 + index));
    await bench().world.settle(() => far.on(CONTROL).length === 1);
    expect(far.on(2)).toEqual([]);
    far.connection.admit();
    await bench().world.settle(() => far.on(2).length === 200);
    const sizes = far.on(2).map((frame) => frame.byteLength - 1_024);
    expect(sizes).toEqual(Array.from({ length: 200 }, (_, index) => index));
  });

  test('a paused connection holds everything back until it admits', async () => {
    const [a, b] = await bench().openMany(2);
    const [near, far] = await bench().connect(a, b);
    far.connection.pause();
    near.connection.admit();
    near.connection.send(CONTROL, text('control'));
    near.connection.send(4, text('message'));
    await bench().pass(300);
    expect(far.frames).toEqual([]);
    far.connection.admit();
    await bench().world.settle(() => far.frames.length === 2);
    expect([far.texts(CONTROL), far.texts(4)]).toEqual([['control'], ['message']]);
  });

  test('a connection that is never admitted ends', async () => {
    const [a, b] = await bench().openMany(2);
    const [near, far] = await bench().connect(a, b);
    near.connection.admit();
    const boundMs = HANDSHAKE_TIMEOUT_MS + 5_000;
    await bench().world.settle(() => near.closures.length + far.closures.length === 2, boundMs);
    expect(far.closures).toMatchObject([{ reason: 'lost', by: 'local' }]);
    expect(near.closures).toMatchObject([{ reason: 'lost', by: 'peer' }]);
  });
}

function endTests(bench: () => Bench): void {
  test('the peer gets everything queued before the end, then its reason', async () => {
    const [near, far] = await bench().connectPair();
    for (let index = 0; index < 100; index += 1) near.connection.send(1, pattern(1, 10_000));
    near.connection.send(CONTROL, text('last word'));
    near.connection.close('leaving', 'had enough');
    await bench().world.settle(() => far.closures.length === 1 && near.closures.length === 1);
    expect(far.on(1).length).toBe(100);
    expect(far.texts(CONTROL)).toEqual(['last word']);
    expect(far.closures).toEqual([{ reason: 'leaving', by: 'peer', detail: 'had enough' }]);
    expect(near.closures).toEqual([{ reason: 'leaving', by: 'local', detail: 'had enough' }]);
    expect(far.framesAfterEnd).toBe(0);
  });

  test('a close right after the dial reaches the acceptor', async () => {
    const [a, b] = await bench().openMany(2);
    const near = await bench().within(bench().dial(a, b.transport.address));
    near.connection.close('superseded');
    await bench().world.settle(() => near.closures.length === 1);
    await bench().world.settle(() => b.accepted[0]?.closures.length === 1);
    expect(b.accepted[0]?.closures).toEqual([{ reason: 'superseded', by: 'peer' }]);
  });

  test('both ends hear of the end exactly once, even when both close', async () => {
    const [near, far] = await bench().connectPair();
    near.connection.close('closed');
    near.connection.close('idle');
    far.connection.close('leaving');
    await bench().world.settle(() => near.closures.length > 0 && far.closures.length > 0);
    await bench().pass(2_000);
    expect([near.closures.length, far.closures.length]).toEqual([1, 1]);
    expect(near.closures[0]?.reason).toMatch(/^(closed|leaving)$/);
  });

  test('send on a closed connection does nothing', async () => {
    const [near, far] = await bench().connectPair();
    near.connection.close('closed');
    near.connection.send(1, text('too late'));
    await bench().world.settle(() => near.closures.length === 1 && far.closures.length === 1);
    near.connection.send(1, text('much too late'));
    near.connection.close('closed');
    expect(far.frames).toEqual([]);
  });

  test('closing a transport ends its connections with its reason and refuses dials', async () => {
    const [hub, ...others] = await bench().openMany(4);
    const dials = others.map((other) => bench().dial(other, hub.transport.address));
    const ends = await bench().within(Promise.all(dials));
    await bench().world.settle(() => hub.accepted.length === 3);
    await bench().within(hub.transport.close('leaving'));
    await bench().world.settle(() => ends.every((end) => end.closures.length === 1));
    for (const end of ends)
      expect(end.closures[0]).toMatchObject({ reason: 'leaving', by: 'peer' });
    for (const end of hub.accepted) {
      expect(end.closures[0]).toMatchObject({ reason: 'leaving', by: 'local' });
    }
    const late = hub.transport.dial(others[0]?.transport.address ?? '');
    await expect(bench().within(late)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('closing a transport ends the dials that are under way', async () => {
    const [a] = await bench().openMany(1);
    const dialled = a.transport.dial(bench().world.nobody);
    const outcome = bench().within(Promise.allSettled([dialled, a.transport.close()]));
    expect((await outcome)[0]).toMatchObject({ reason: { code: 'ERR_CLOSED' } });
  });
}

/** One end of a connection and all it was told. */
export class Recorder {
  readonly connection: Connection;
  readonly frames: (readonly [Channel, Uint8Array])[] = [];
  readonly closures: Closure[] = [];
  drained = 0;
  framesAfterEnd = 0;

  constructor(connection: Connection) {
    this.connection = connection;
    connection.attach({
      onFrame: (channel, frame) => {
        this.frames.push([channel, frame.slice()]);
        if (this.closures.length > 0) this.framesAfterEnd += 1;
      },
      onDrained: () => {
        this.drained += 1;
      },
      onClosed: (closure) => this.closures.push(closure),
    });
  }

  on(channel: Channel): readonly Uint8Array[] {
    return this.frames.filter(([on]) => on === channel).map(([, frame]) => frame);
  }

  texts(channel: Channel): readonly string[] {
    return this.on(channel).map((frame) => new TextDecoder().decode(frame));
  }

  bytes(channel: Channel): number {
    return this.on(channel).reduce((sum, frame) => sum + frame.byteLength, 0);
  }
}

export interface BenchNode extends OpenedTransport {
  readonly accepted: Recorder[];
}

/** Enough of them for any test, so that destructuring needs no checks. */
export type BenchNodes = readonly [BenchNode, BenchNode, ...BenchNode[]];

export class Bench {
  readonly world: ConformanceWorld;
  readonly #nodes: BenchNode[] = [];

  constructor(world: ConformanceWorld) {
    this.world = world;
  }

  async openMany(count: number): Promise<BenchNodes> {
    const opened: BenchNode[] = [];
    for (let index = 0; index < count; index += 1) {
      const accepted: Recorder[] = [];
      const node = await this.world.open((connection) => accepted.push(new Recorder(connection)));
      opened.push({ ...node, accepted });
    }
    this.#nodes.push(...opened);
    return opened as unknown as BenchNodes;
  }

  /** Attaches in the tick in which the connection is handed over, as its owner must. */
  dial(from: BenchNode, address: Address): Promise<Recorder> {
    return from.transport.dial(address).then((connection) => new Recorder(connection));
  }

  async connect(from: BenchNode, to: BenchNode): Promise<readonly [Recorder, Recorder]> {
    const count = to.accepted.length;
    const near = await this.within(this.dial(from, to.transport.address));
    await this.world.settle(() => to.accepted.length > count);
    const far = to.accepted[count];
    if (far === undefined) throw new Error('the acceptor was told of no connection');
    return [near, far];
  }

  /** Two ends that have admitted each other. */
  async connectPair(): Promise<readonly [Recorder, Recorder]> {
    const [a, b] = await this.openMany(2);
    const ends = await this.connect(a, b);
    for (const end of ends) end.connection.admit();
    return ends;
  }

  /** Lets time pass until the promise settles. */
  async within<T>(promise: Promise<T>, timeoutMs?: number): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await this.world.settle(() => isSettled, timeoutMs);
    return promise;
  }

  /** Lets that much time pass. */
  async pass(ms: number): Promise<void> {
    await this.world.settle(() => false, ms).catch(() => {});
  }

  async close(): Promise<void> {
    const closing = this.#nodes.map((node) => node.transport.close());
    await this.within(Promise.all(closing));
    await this.world.close();
  }
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function pattern(channel: Channel, size: number): Uint8Array {
  const frame = new Uint8Array(size);
  for (let index = 0; index < size; index += 1) frame[index] = (index * 7 + channel) & 0xff;
  return frame;
}

function isPattern(channel: Channel, frame: Uint8Array): boolean {
  return Buffer.compare(frame, pattern(channel, frame.byteLength)) === 0;
}
