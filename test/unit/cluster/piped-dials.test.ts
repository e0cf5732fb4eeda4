/** Links through pipes that a user makes, on the simulated transport. */
import { describe, expect, test } from 'vitest';
import type { Link } from '../../../src/cluster/link.ts';
import type { Address } from '../../../src/core/names.ts';
import type { DatagramPipe, PipeEvents, PipeTarget } from '../../../src/transport/pipe.ts';
import { SimulatedClusters, type TestNode } from './simulated-cluster.ts';

/** Two ends of a pipe, as a user would write it; `cut` ends it as a failure would. */
class Wire {
  readonly ends: readonly [WireEnd, WireEnd];
  carried = 0;

  constructor() {
    const pass = (to: 0 | 1) => (datagram: Uint8Array) => {
      this.carried += 1;
      this.ends[to].events?.onDatagram(datagram.slice());
    };
    this.ends = [new WireEnd(pass(1)), new WireEnd(pass(0))];
  }

  cut(): void {
    for (const { events } of this.ends) events?.onClosed();
  }
}

class WireEnd implements DatagramPipe {
  readonly send: (datagram: Uint8Array) => void;
  events: PipeEvents | undefined;
  closed = 0;

  constructor(send: (datagram: Uint8Array) => void) {
    this.send = send;
  }

  attach(events: PipeEvents): void {
    this.events = events;
  }

  close(): void {
    this.closed += 1;
  }
}

describe('a hook that gives a pipe', () => {
  test('carries the link, which proves both keys and is as any other', async () => {
    const { clusters, a, b, wire, asked } = await piped();
    const link = await linked(clusters, a, b);
    expect([link.node, link.isRelayed]).toEqual(['b@test', false]);
    expect(link.key).toEqual(b.publicKey);
    expect(asked).toMatchObject([{ node: 'b@test', address: b.cluster.address }]);
    a.cluster.messages.send('b@test', 0, Buffer.from('there'));
    b.cluster.messages.send('a@test', 0, Buffer.from('back'));
    await clusters.time.advance(1_000);
    expect([a, b].map(({ messages }) => messages.frames.map(({ text }) => text))).toEqual([
      ['back'],
      ['there'],
    ]);
    expect(wire.carried).toBeGreaterThan(4);
  });

  test('loses the link when the pipe ends, and gives the next one another', async () => {
    const { clusters, a, b, wire, next } = await piped();
    await linked(clusters, a, b);
    wire.cut();
    await clusters.time.advance(10);
    expect(a.messages.downs.map(({ reason }) => reason)).toEqual(['lost']);
    expect(b.messages.downs.map(({ reason }) => reason)).toEqual(['lost']);
    expect(wire.ends.map(({ closed }) => closed)).toEqual([1, 1]);
    const second = next();
    await linked(clusters, a, b);
    expect(second.carried).toBeGreaterThan(0);
  });

  test('has the pipe closed when the link through it has ended', async () => {
    const { clusters, a, b, wire } = await piped();
    const link = await linked(clusters, a, b);
    link.connection.close('closed');
    await clusters.time.advance(1_000);
    expect(b.messages.downs.map(({ reason }) => reason)).toEqual(['closed']);
    await clusters.time.advance(2_000);
    expect(wire.ends.map(({ closed }) => closed)).toEqual([1, 0]);
    expect(a.meter.snapshot()['barrel_pipes']).toBe(0);
  });

  test('has it closed, too, when nobody answers there or who answers is another node', async () => {
    const { clusters, a, b, wire, next } = await piped();
    const other = a.cluster.dialler.toNode('c@test', { hints: [b.cluster.address] });
    await expect(clusters.settled(other)).rejects.toMatchObject({ code: 'ERR_REFUSED' });
    const dead = next();
    dead.ends[1].events = undefined;
    await expect(clusters.settled(reach(a, b))).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
    await clusters.time.advance(10_000);
    expect([wire, dead].map(({ ends }) => ends[0].closed)).toEqual([1, 1]);
  });

  test('fails at once when the pipe ends while nobody has answered', async () => {
    const { clusters, a, b, next } = await piped();
    const dead = next();
    dead.ends[1].events = undefined;
    const dial = reach(a, b).catch((error: unknown) => error);
    await clusters.time.advance(50);
    dead.cut();
    const since = clusters.time.monotonicMs();
    expect(await clusters.settled(dial)).toMatchObject({ code: 'ERR_UNREACHABLE' });
    expect(clusters.time.monotonicMs() - since).toBeLessThan(100);
  });

  test('carries on when the pipe throws, as if the datagram were lost', async () => {
    const { clusters, a, b, wire } = await piped();
    await linked(clusters, a, b);
    Object.assign(wire.ends[0], {
      send: () => {
        throw new Error('broken');
      },
    });
    a.cluster.messages.send('b@test', 0, Buffer.from('x'));
    await clusters.time.advance(60_000);
    expect(a.messages.downs.map(({ reason }) => reason)).toEqual(['lost']);
  });
});

describe('a hook', () => {
  test('that gives nothing leaves the dial to the socket', async () => {
    const clusters = new SimulatedClusters();
    const asked: (string | undefined)[] = [];
    const a = await clusters.start('a@test', {
      dialHook: ({ node }) => {
        asked.push(node);
        return undefined;
      },
    });
    const b = await clusters.start('b@test');
    const link = await clusters.settled(a.cluster.dialler.toAddress(b.cluster.address));
    expect([link.node, asked]).toEqual(['b@test', [undefined]]);
  });

  test('that throws or never answers is an address that cannot be reached', async () => {
    for (const dialHook of [
      () => Promise.reject(new Error('no relay')),
      () => {
        throw new Error('no relay');
      },
      () => new Promise<undefined>(() => {}),
    ]) {
      const clusters = new SimulatedClusters();
      const a = await clusters.start('a@test', { dialHook });
      const b = await clusters.start('b@test');
      await expect(clusters.settled(reach(a, b))).rejects.toMatchObject({
        code: 'ERR_UNREACHABLE',
      });
    }
  });

  test('whose pipe throws as it is attached leaves nothing open, and so does one that is taken', async () => {
    const clusters = new SimulatedClusters();
    const wire = new Wire();
    const [pipe, taken] = wire.ends;
    const cause = new Error('no pipe');
    for (const end of wire.ends) {
      end.attach = () => {
        throw cause;
      };
    }
    const a = await clusters.start('a@test', { dialHook: () => pipe });
    const dialled = a.cluster.dialler.toAddress('10.9.9.9:1');
    await expect(clusters.settled(dialled)).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      cause,
    });
    const accept = (): unknown => a.cluster.acceptPipe(taken);
    expect(accept).toThrowError(expect.objectContaining({ code: 'ERR_UNREACHABLE', cause }));
    expect([pipe.closed, taken.closed, a.meter.snapshot()['barrel_pipes']]).toEqual([1, 1, 0]);
  });

  test('whose answer comes when nobody waits any more has its pipe closed', async () => {
    const clusters = new SimulatedClusters();
    const wire = new Wire();
    let answer: (pipe: DatagramPipe) => void = () => {};
    const a = await clusters.start('a@test', {
      dialHook: () => new Promise<DatagramPipe>((resolve) => (answer = resolve)),
    });
    const b = await clusters.start('b@test');
    await expect(clusters.settled(reach(a, b))).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
    answer(wire.ends[0]);
    await clusters.time.advance(1);
    expect(wire.ends[0].closed).toBe(1);
  });
});

describe('a pipe that is taken', () => {
  test('is closed with its handle, and a connection through it is lost', async () => {
    const { clusters, a, b, wire, handle } = await piped();
    await linked(clusters, a, b);
    handle[Symbol.dispose]();
    handle[Symbol.dispose]();
    expect(b.messages.downs.map(({ reason }) => reason)).toEqual(['lost']);
    expect(wire.ends[1].closed).toBe(1);
  });

  test('serves one connection after the other', async () => {
    const { clusters, a, b, wire } = await piped();
    for (let count = 1; count <= 3; count += 1) {
      const link = await linked(clusters, a, b);
      expect(b.messages.ups).toHaveLength(count);
      link.connection.close('closed');
      await clusters.time.advance(10_000);
    }
    expect(wire.ends[1].closed).toBe(0);
  });

  test('is closed with the node', async () => {
    const { clusters, b, wire } = await piped();
    await clusters.settled(b.cluster.close());
    expect(wire.ends[1].closed).toBe(1);
  });
});

/** Two nodes with no path but the wire that the hook of `a` gives; `b` has the other end. */
async function piped(): Promise<{
  readonly clusters: SimulatedClusters;
  readonly a: TestNode;
  readonly b: TestNode;
  readonly wire: Wire;
  readonly handle: Disposable;
  readonly asked: PipeTarget[];
  /** A new wire, in the place of the one before. */
  readonly next: () => Wire;
}> {
  const clusters = new SimulatedClusters();
  const asked: PipeTarget[] = [];
  let wire = new Wire();
  const b = await clusters.start('b@test');
  const a = await clusters.start('a@test', {
    dialHook: async (target) => {
      asked.push(target);
      return wire.ends[0];
    },
  });
  const isolate = (from: Address, to: Address): void => clusters.network.cut(from, to);
  isolate(a.cluster.address, b.cluster.address);
  isolate(b.cluster.address, a.cluster.address);
  const handle = b.cluster.acceptPipe(wire.ends[1]);
  const next = (): Wire => {
    wire = new Wire();
    b.cluster.acceptPipe(wire.ends[1]);
    return wire;
  };
  return { clusters, a, b, wire, handle, asked, next };
}

/** On both ends. */
async function linked(clusters: SimulatedClusters, a: TestNode, b: TestNode): Promise<Link> {
  const link = await clusters.settled(reach(a, b));
  await clusters.time.advance(10);
  return link;
}

function reach(from: TestNode, to: TestNode): Promise<Link> {
  const { node } = to.cluster.self;
  return from.cluster.dialler.toNode(node, { hints: [to.cluster.address] });
}
