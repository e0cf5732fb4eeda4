import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PeerDescriptor } from '../../../../src/core/membership/peer.ts';
import { EventQueue } from '../../../../src/testing/lab/event-queue.ts';
import { LabNetwork, type LabNetworkOptions } from '../../../../src/testing/lab/lab-network.ts';
import type { LabNode, LabPort } from '../../../../src/testing/lab/lab-node.ts';
import { regionLatency, uniformLatency } from '../../../../src/testing/lab/latency.ts';
import { REGION_NAMES, REGION_ROUND_TRIPS_MS } from '../../../../src/testing/lab/regions.ts';

describe('the event queue', () => {
  test('gives events by time, and those of one time in the order of asking', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 300 }), (times) => {
        const queue = new EventQueue<readonly [number, number]>();
        times.forEach((atMs, order) => {
          queue.push(atMs, [atMs, order]);
        });
        const sorted = times
          .map((atMs, order) => [atMs, order] as const)
          .sort(([a, first], [b, second]) => a - b || first - second);
        const taken = sorted.map(() => {
          expect(queue.nextMs).toBe(sorted[sorted.length - queue.size]?.[0]);
          return queue.pop();
        });
        expect(taken).toEqual(sorted);
        expect(queue.size).toBe(0);
      }),
    );
  });

  test('takes events while others come', () => {
    const queue = new EventQueue<string>();
    queue.push(5, 'five');
    queue.push(1, 'one');
    expect(queue.pop()).toBe('one');
    queue.push(2, 'two');
    queue.push(5, 'five too');
    expect([queue.pop(), queue.pop(), queue.pop(), queue.pop()]).toEqual([
      'two',
      'five',
      'five too',
      undefined,
    ]);
    expect(queue.nextMs).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('latency', () => {
  test('of a pair is one within the range, the same both ways and in each call', () => {
    const latency = uniformLatency({ lowMs: 10, highMs: 50 }, 7);
    fc.assert(
      fc.property(fc.nat(10_000), fc.nat(10_000), (a, b) => {
        expect(latency(a, b)).toBe(latency(b, a));
        expect(latency(a, b)).toBeGreaterThanOrEqual(10);
        expect(latency(a, b)).toBeLessThan(50);
      }),
    );
  });

  test('between regions is half their round trip and up to a tenth more', () => {
    const latency = regionLatency(REGION_ROUND_TRIPS_MS, 1);
    expect(REGION_ROUND_TRIPS_MS).toHaveLength(REGION_NAMES.length);
    REGION_ROUND_TRIPS_MS.forEach((row, a) => {
      expect(row).toEqual(REGION_ROUND_TRIPS_MS.map((other) => other[a]));
      row.forEach((roundTripMs, b) => {
        expect(latency(a, b)).toBeGreaterThanOrEqual(roundTripMs / 2);
        expect(latency(a + 10, b)).toBeLessThanOrEqual(0.55 * roundTripMs);
      });
    });
  });
});

describe('a link', () => {
  test('stands after three one-way delays, and both ends are told', () => {
    const { network, nodes } = pair();
    nodes[0]?.port.connect('n1@lab');
    network.run(29.9);
    expect(nodes[0]?.heard).toEqual([]);
    network.run(0.2);
    expect(nodes[0]?.heard).toEqual(['up n1@lab']);
    expect(nodes[1]?.heard).toEqual(['up n0@lab']);
  });

  test('that stands already is told at once', () => {
    const { network, nodes } = linked();
    nodes[1]?.port.connect('n0@lab');
    network.run(0);
    expect(nodes[1]?.heard).toEqual(['up n0@lab', 'up n0@lab']);
    expect(nodes[0]?.heard).toEqual(['up n1@lab']);
  });

  test('keeps order when frames are lost, and loses none', () => {
    const { network, nodes } = linked({ loss: 0.4 });
    const sent = Array.from({ length: 50 }, (_, at) => `m${at}`);
    for (const kind of sent) {
      nodes[0]?.port.send('n1@lab', { kind });
      network.run(1);
    }
    network.run(100_000);
    const [, ...received] = nodes[1]?.heard ?? [];
    expect(received).toEqual(sent.map((kind) => `n0@lab says ${kind}`));
    expect(nodes[1]?.heardMs.at(-1)).toBeGreaterThan(30 + 50 + 10 + 20);
  });

  test('to a crashed node stands, silent, until its end is noticed', () => {
    const { network, nodes } = linked();
    network.crash(1);
    nodes[0]?.port.send('n1@lab', { kind: 'hello' });
    network.run(60_000);
    expect(nodes[0]?.heard).toEqual(['up n1@lab']);
    expect(nodes[0]?.port.links.lastHeardMs('n1@lab')).toBe(30);
  });

  test('to a crashed node is lost a round trip after a frame, where senders notice', () => {
    const { network, nodes } = linked({ noticedBy: 'sender' });
    network.crash(1);
    network.run(1_000);
    expect(nodes[0]?.heard).toEqual(['up n1@lab']);
    nodes[0]?.port.send('n1@lab', { kind: 'hello' });
    network.run(20);
    expect(nodes[0]?.heard).toEqual(['up n1@lab', 'down n1@lab lost']);
  });

  test('to a crashed node is lost a round trip later, where all neighbours notice', () => {
    const { network, nodes } = linked({ noticedBy: 'neighbors' });
    network.crash(1);
    network.run(19);
    expect(nodes[0]?.heard).toEqual(['up n1@lab']);
    network.run(1);
    expect(nodes[0]?.heard).toEqual(['up n1@lab', 'down n1@lab lost']);
  });

  test('closes when neither end needs it and nothing crosses it for a while', () => {
    const { network, nodes } = linked();
    nodes[0]?.port.release('n1@lab');
    network.run(4_000);
    nodes[1]?.port.send('n0@lab', { kind: 'hello' });
    network.run(5_000);
    expect(nodes[0]?.heard.at(-1)).toBe('n1@lab says hello');
    network.run(6_000);
    expect(nodes[0]?.heard.at(-1)).toBe('down n1@lab idle');
    expect(nodes[1]?.heard.at(-1)).toBe('down n0@lab idle');
  });

  test('stays while a neighbour needs it', () => {
    const { network, nodes } = linked();
    nodes[1]?.port.neighborUp('n0@lab');
    nodes[0]?.port.release('n1@lab');
    network.run(60_000);
    expect(nodes[0]?.heard).toEqual(['up n1@lab']);
    expect(network.neighbors).toEqual([[], [0]]);
  });

  test('to a dead or cut off node cannot be had, after the time-out', () => {
    const { network, nodes } = pair();
    network.split((index) => index);
    nodes[0]?.port.connect('n1@lab');
    network.run(499);
    expect(nodes[0]?.heard).toEqual([]);
    network.run(1);
    expect(nodes[0]?.heard).toEqual(['failed n1@lab']);
  });
});

describe('a node', () => {
  test('that is paused gets everything later, in order', () => {
    const { network, nodes } = linked();
    network.pause(1, 1_000);
    nodes[0]?.port.send('n1@lab', { kind: 'a' });
    network.run(100);
    nodes[0]?.port.send('n1@lab', { kind: 'b' });
    network.run(2_000);
    expect(nodes[1]?.heard.slice(1)).toEqual(['n0@lab says a', 'n0@lab says b']);
    expect(nodes[1]?.heardMs.slice(1)).toEqual([1_030, 1_030]);
  });

  test('that is slow takes its time for each input', () => {
    const { network, nodes } = linked();
    network.slow(1, 7);
    for (const kind of ['a', 'b', 'c']) nodes[0]?.port.send('n1@lab', { kind });
    network.run(100);
    expect(nodes[1]?.heardMs.slice(1)).toEqual([40, 47, 54]);
  });

  test('gets no timer and no frame once it crashed', () => {
    const { network, nodes } = linked();
    nodes[1]?.port.schedule('tick', 10);
    nodes[0]?.port.send('n1@lab', { kind: 'a' });
    network.crash(1);
    network.run(100);
    expect(nodes[1]?.heard).toEqual(['up n0@lab']);
    expect(network.living).toEqual([0]);
  });
});

test('a datagram needs no link and may be lost', () => {
  const { network, nodes } = pair({ loss: 0.5 });
  for (let at = 0; at < 200; at += 1) nodes[0]?.port.sendDatagram('n1@lab', { kind: 'ping' });
  network.run(10);
  expect(nodes[1]?.heard.length).toBeGreaterThan(60);
  expect(nodes[1]?.heard.length).toBeLessThan(140);
  expect(network.traffic.of('ping')).toBe(200);
});

test('traffic is counted by kind, with bytes where asked', () => {
  const { network, nodes } = linked({ bytesOf: ({ kind }) => kind.length });
  nodes[0]?.port.send('n1@lab', { kind: 'abc' });
  nodes[1]?.port.send('n0@lab', { kind: 'abc' });
  expect(network.traffic.kinds.get('abc')).toEqual({ messages: 2, bytes: 6 });
  network.traffic.reset();
  expect(network.traffic.messages).toBe(0);
});

interface Word {
  readonly kind: string;
}

type Options = Omit<LabNetworkOptions<Word>, 'seed'>;

/** Writes down what it is told and when. */
class Listener implements LabNode<Word, string> {
  readonly heard: string[] = [];
  readonly heardMs: number[] = [];
  readonly port: LabPort<Word, string>;

  constructor(port: LabPort<Word, string>) {
    this.port = port;
  }

  linkUp({ node }: PeerDescriptor): void {
    this.#note(`up ${node}`);
  }

  linkDown(node: string, reason: string): void {
    this.#note(`down ${node} ${reason}`);
  }

  dialFailed(node: string): void {
    this.#note(`failed ${node}`);
  }

  received(from: string, { kind }: Word): void {
    this.#note(`${from} says ${kind}`);
  }

  timerFired(timer: string): void {
    this.#note(timer);
  }

  #note(line: string): void {
    this.heard.push(line);
    this.heardMs.push(this.port.nowMs);
  }
}

interface Pair {
  readonly network: LabNetwork<Word, string>;
  readonly nodes: readonly Listener[];
}

/** Two nodes, 10 ms apart. */
function pair(options: Options = {}): Pair {
  const network = new LabNetwork<Word, string>({ seed: 1, latency: () => 10, ...options });
  const nodes = [0, 1].map(() => network.add((port) => new Listener(port)));
  return { network, nodes };
}

/** Linked at 30 ms. */
function linked(options: Options = {}): Pair {
  const made = pair(options);
  made.nodes[0]?.port.connect('n1@lab');
  made.network.run(30);
  return made;
}
