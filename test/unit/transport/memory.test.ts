import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { type EventLoop, plainLoop } from '../../../src/transport/memory/event-loop.ts';
import { openMemoryTransport } from '../../../src/transport/memory/memory-transport.ts';
import {
  type LinkRule,
  SimulatedNetwork,
  type SimulatedNetworkOptions,
} from '../../../src/transport/memory/network.ts';
import type { Closure, Connection, Transport } from '../../../src/transport/transport.ts';
import { type ConformanceWorld, transportConformance } from './conformance.ts';

transportConformance('the memory transport', () => memoryWorld({}));
transportConformance('the memory transport on a lossy network of uneven delays', () =>
  memoryWorld({ latencyMs: [5, 60], loss: 0.05 }),
);

transportConformance('the memory transport on a network that doubles and reorders datagrams', () =>
  memoryWorld({ latencyMs: [5, 60], loss: 0.05 }, { duplicate: 0.5, reorder: 0.3 }),
);

describe('the simulated network', () => {
  test('duplicates cost traffic and are delivered once', async () => {
    const world = new World({});
    const { near, far } = await world.pair();
    world.network.link({ duplicate: 1 });
    const before = world.network.traffic.datagrams;
    near.connection.send(1, bytes('once'));
    await world.time.advance(100);
    expect(far.texts).toEqual(['once']);
    expect(world.network.traffic.datagrams - before).toBe(2);
  });

  test('a frame on a detour is overtaken on other channels, never on its own', async () => {
    const world = new World({ latencyMs: [10, 10] });
    const { near, far } = await world.pair();
    const sent = Array.from({ length: 200 }, (_, index) => `${index % 4} ${index}`);
    world.network.link({ reorder: 0.3 });
    for (const text of sent) {
      near.connection.send(1 + Number(text[0]), bytes(text));
      await world.time.advance(1);
    }
    await world.time.advance(1_000);
    expect(far.texts).not.toEqual(sent);
    for (const channel of ['0', '1', '2', '3']) {
      const inChannel = (text: string): boolean => text[0] === channel;
      expect(far.texts.filter(inChannel)).toEqual(sent.filter(inChannel));
    }
  });

  test('a node that does nothing for longer than the idle time-out is lost to its peer', async () => {
    const world = new World({});
    const stalling = { ...plainLoop({ clock: world.time, timers: world.time }), isStalled: false };
    const { near, b } = await world.pair(stalling);
    stalling.isStalled = true;
    world.network.endpointAt(b.address)?.onStallChanged();
    await world.time.advance(14_999);
    expect(near.closures).toEqual([]);
    await world.time.advance(1);
    expect(near.closures).toMatchObject([{ reason: 'lost', by: 'local' }]);
  });

  test('a frame takes the latency of its path', async () => {
    const world = new World({ latencyMs: [20, 20] });
    const { near, far } = await world.pair();
    near.connection.send(1, bytes('x'));
    await world.time.advance(19);
    expect(far.texts).toEqual([]);
    await world.time.advance(1);
    expect(far.texts).toEqual(['x']);
  });

  test('a lost frame arrives a probe time-out later and holds back its channel only', async () => {
    const world = new World({ latencyMs: [10, 10] });
    const { near, far, a, b } = await world.pair();
    await world.time.advance(1_000);
    world.network.link({ from: a.address, to: b.address, loss: 0.999_999 });
    near.connection.send(1, bytes('lost'));
    await world.time.advance(0);
    world.network.link({ from: a.address, to: b.address, loss: 0 });
    near.connection.send(1, bytes('behind it'));
    near.connection.send(2, bytes('beside it'));
    await world.time.advance(10);
    expect(far.texts).toEqual(['beside it']);
    await world.time.advance(600_000);
    expect(far.texts).toEqual(['beside it', 'lost', 'behind it']);
  });

  test('a cut in one direction lets the other one through', async () => {
    const world = new World({});
    const { near, far, a, b } = await world.pair();
    world.network.cut(a.address, b.address);
    near.connection.send(1, bytes('cut'));
    far.connection.send(1, bytes('through'));
    await world.time.advance(5_000);
    expect([near.texts, far.texts]).toEqual([['through'], []]);
  });

  test('what was sent during a short cut arrives in order after it healed', async () => {
    const world = new World({});
    const { near, far, a, b } = await world.pair();
    near.connection.send(1, bytes('on the wire'));
    await world.time.advance(0);
    world.network.cut(a.address, b.address);
    near.connection.send(1, bytes('during'));
    await world.time.advance(3_000);
    world.network.heal();
    near.connection.send(1, bytes('after'));
    await world.time.advance(6_000);
    expect(far.texts).toEqual(['on the wire', 'during', 'after']);
    expect([near.closures, far.closures]).toEqual([[], []]);
  });

  test('of a node that crashed nothing arrives behind what was lost', async () => {
    const world = new World({ latencyMs: [10, 10] });
    const { near, far, a, b } = await world.pair();
    world.network.cut(a.address, b.address);
    near.connection.send(1, bytes('lost'));
    await world.time.advance(5);
    world.network.heal();
    near.connection.send(1, bytes('behind it'));
    await world.time.advance(1);
    world.network.crash(a.address);
    await world.time.advance(1_000);
    expect(far.texts).toEqual([]);
  });

  test('a cut longer than the idle time-out loses the connection at both ends', async () => {
    const world = new World({});
    const { near, far, a, b } = await world.pair();
    world.network.cut(a.address, b.address);
    await world.time.advance(14_999);
    expect(far.closures).toEqual([]);
    await world.time.advance(1);
    expect(far.closures).toMatchObject([{ reason: 'lost', by: 'local' }]);
    expect(near.closures).toEqual([]);
    await world.time.advance(15_000);
    expect(near.closures).toMatchObject([{ reason: 'lost', by: 'local' }]);
  });

  test('peers of a crashed address lose it by silence and it hears nothing any more', async () => {
    const world = new World({});
    const { near, far, b } = await world.pair();
    near.connection.send(1, bytes('too late'));
    world.network.crash(b.address);
    await world.time.advance(15_000);
    expect(near.closures).toMatchObject([{ reason: 'lost', by: 'local' }]);
    expect([far.texts, far.closures]).toEqual([[], []]);
  });

  test('an address can be bound again after a crash or a close, and not before', async () => {
    const world = new World({});
    const { b } = await world.pair();
    const port = Number(b.address.split(':')[1]);
    await expect(world.open({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    world.network.crash(b.address);
    const again = await world.open({ port });
    expect(again.address).toBe(b.address);
    const closing = again.close();
    await world.time.advance(1);
    await closing;
    await expect(world.open({ port })).resolves.toMatchObject({ address: b.address });
  });

  test('a dial reaches an acceptor that is there only a little later', async () => {
    const world = new World({});
    const a = await world.open({});
    const dialled = a.dial('127.0.0.1:4000').then((connection) => new Recorder(connection));
    await world.time.advance(500);
    await world.open({ port: 4_000 });
    await world.time.advance(2_000);
    expect((await dialled).connection.remoteAddress).toBe('127.0.0.1:4000');
  });

  test('nothing crosses a partition until it is healed', async () => {
    const world = new World({});
    const [a, b, c] = [await world.open({}), await world.open({}), await world.open({})];
    world.network.partition([a.address], [b.address]);
    const across = a.dial(b.address).then((connection) => new Recorder(connection));
    const beside = a.dial(c.address).then((connection) => new Recorder(connection));
    let isAcross = false;
    void across.then(() => {
      isAcross = true;
    });
    await world.time.advance(2_000);
    expect((await beside).closures).toEqual([]);
    expect(isAcross).toBe(false);
    world.network.heal();
    await world.time.advance(8_000);
    expect(isAcross).toBe(true);
  });

  test('a frame belongs to its receiver during the call only', async () => {
    const world = new World({});
    const { near, far } = await world.pair();
    let kept: Uint8Array = new Uint8Array();
    far.onView = (frame) => {
      kept = frame;
    };
    near.connection.send(1, bytes('abc'));
    await world.time.advance(10);
    expect([...kept]).toEqual([0xee, 0xee, 0xee]);
  });

  test('one seed gives one course of events', async () => {
    const course = async (seed: number): Promise<readonly number[]> => {
      const world = new World({ latencyMs: [1, 50], loss: 0.2, random: new SeededRandom(seed) });
      const { near, far } = await world.pair();
      const times: number[] = [];
      far.onView = () => times.push(world.time.monotonicMs());
      for (let index = 0; index < 50; index += 1) near.connection.send(1 + (index % 8), bytes('x'));
      await world.time.advance(60_000);
      return times;
    };
    expect(await course(7)).toEqual(await course(7));
    expect(await course(7)).not.toEqual(await course(8));
  });
});

class Recorder {
  readonly connection: Connection;
  readonly texts: string[] = [];
  readonly closures: Closure[] = [];
  onView: (frame: Uint8Array) => void = () => {};

  constructor(connection: Connection) {
    this.connection = connection;
    connection.attach({
      onFrame: (_channel, frame) => {
        this.texts.push(new TextDecoder().decode(frame));
        this.onView(frame);
      },
      onDrained: () => {},
      onClosed: (closure) => this.closures.push(closure),
    });
    connection.admit();
  }
}

class World {
  readonly time = new VirtualTime();
  readonly network: SimulatedNetwork;
  readonly accepted: Recorder[] = [];

  constructor(options: Partial<SimulatedNetworkOptions>) {
    this.network = new SimulatedNetwork({
      clock: this.time,
      timers: this.time,
      random: new SeededRandom(1),
      ...options,
    });
  }

  open(listen: { readonly port?: number }, loop?: EventLoop): Promise<Transport> {
    return openMemoryTransport({
      loop,
      network: this.network,
      identity: { publicKey: this.network.random.bytes(32) },
      listen,
      onConnection: (connection) => this.accepted.push(new Recorder(connection)),
    });
  }

  async pair(loopOfAcceptor?: EventLoop): Promise<{
    readonly a: Transport;
    readonly b: Transport;
    readonly near: Recorder;
    readonly far: Recorder;
  }> {
    const [a, b] = [await this.open({}), await this.open({}, loopOfAcceptor)];
    const dialled = a.dial(b.address).then((connection) => new Recorder(connection));
    await this.time.runUntil(() => this.accepted.length === 1, 10_000);
    const [far] = this.accepted;
    if (far === undefined) throw new Error('the acceptor was told of no connection');
    return { a, b, near: await dialled, far };
  }
}

async function memoryWorld(
  options: Partial<SimulatedNetworkOptions>,
  rule: LinkRule = {},
): Promise<ConformanceWorld> {
  const world = new World(options);
  world.network.link(rule);
  return {
    nobody: '127.0.0.1:9',
    otherHost: '127.0.0.2',
    open: async (onConnection) => {
      const publicKey = world.network.random.bytes(32);
      const { network } = world;
      const transport = await openMemoryTransport({
        network,
        identity: { publicKey },
        onConnection,
      });
      return { transport, publicKey };
    },
    identity: async () => {
      const publicKey = world.network.random.bytes(32);
      return { publicKey, privateKeyPem: '', certificatePem: '' };
    },
    settle: (condition, timeoutMs = 30_000) => world.time.runUntil(condition, timeoutMs),
    close: async () => {},
  };
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
