/**
 * Nodes with their streams and nothing else, on the simulated network and virtual time. What the
 * overlay does for them, links and holds, is the least that will do.
 */
import type { Duplex } from 'node:stream';
import { AdmittedLink, type Link } from '../../../src/cluster/link.ts';
import type { LinkListener, LinkPort, NodeRef } from '../../../src/cluster/ports.ts';
import type { NodeName } from '../../../src/core/names.ts';
import { BarrelError } from '../../../src/errors.ts';
import type { Logger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { NodeStreams } from '../../../src/streams/node-streams.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import type { ByteStream } from '../../../src/transport/byte-stream.ts';
import { openMemoryTransport } from '../../../src/transport/memory/memory-transport.ts';
import { SimulatedNetwork } from '../../../src/transport/memory/network.ts';
import type { Connection, Transport } from '../../../src/transport/transport.ts';

export class StreamWorld {
  readonly time: VirtualTime = new VirtualTime();
  readonly network: SimulatedNetwork;
  readonly #nodes = new Map<NodeName, StreamNode>();

  constructor() {
    const { time } = this;
    const random = new SeededRandom(1);
    this.network = new SimulatedNetwork({ clock: time, timers: time, random, latencyMs: [2, 2] });
  }

  async start(...names: readonly NodeName[]): Promise<StreamNode[]> {
    const started: StreamNode[] = [];
    for (const name of names) {
      const node = new StreamNode(name, this);
      await node.open();
      this.#nodes.set(name, node);
      started.push(node);
    }
    return started;
  }

  node(name: NodeName): StreamNode | undefined {
    return this.#nodes.get(name);
  }

  byKey(key: Uint8Array): StreamNode | undefined {
    return [...this.#nodes.values()].find(({ key: own }) => own[0] === key[0]);
  }

  /** Moves time until the promise settles. */
  async settled<T>(promise: Promise<T>, timeoutMs: number = 60_000): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await this.time.runUntil(() => isSettled, timeoutMs);
    return promise;
  }
}

let lastKey = 0;

/** As much of a link port as streams use, and a look at the link. */
type StreamPort = Pick<LinkPort, 'self' | 'link' | 'connect' | 'hold' | 'listen'>;

export class StreamNode implements StreamPort {
  readonly self: NodeRef;
  readonly key: Uint8Array;
  readonly meter: Meter = new Meter();
  readonly logged: string[] = [];
  readonly streams: NodeStreams;
  readonly held: Map<NodeName, number> = new Map();
  readonly #world: StreamWorld;
  readonly #listeners: LinkListener[] = [];
  readonly #links = new Map<NodeName, Link>();
  #transport: Transport | undefined;

  constructor(name: NodeName, world: StreamWorld) {
    lastKey += 1;
    this.#world = world;
    this.self = { node: name, incarnation: 1n };
    this.key = new Uint8Array(32).fill(lastKey);
    const log = (message: string): void => void this.logged.push(message);
    const logger: Logger = { debug: () => {}, info: log, warn: log, error: log };
    const host = { timers: world.time, logger, meter: this.meter };
    this.streams = new NodeStreams({ host, links: this });
  }

  async open(): Promise<void> {
    this.#transport = await openMemoryTransport({
      network: this.#world.network,
      identity: { publicKey: this.key },
      onConnection: (connection) => void this.#up(connection),
    });
  }

  get address(): string {
    return this.#transport?.address ?? '';
  }

  link(node: NodeName): Link | undefined {
    return this.#links.get(node);
  }

  async connect(node: NodeName, signal?: AbortSignal): Promise<Link> {
    const known = this.#links.get(node);
    if (known !== undefined) return known;
    const address = this.#world.node(node)?.address;
    if (address === undefined || this.#transport === undefined) {
      throw new BarrelError('ERR_UNREACHABLE', `no address for ${node}`);
    }
    return this.#up(await this.#transport.dial(address, { signal }));
  }

  hold(node: NodeName): Disposable {
    this.held.set(node, (this.held.get(node) ?? 0) + 1);
    return { [Symbol.dispose]: () => this.held.set(node, (this.held.get(node) ?? 0) - 1) };
  }

  listen(listener: LinkListener): void {
    this.#listeners.push(listener);
  }

  /** A stream without the help of `NodeStreams`, as a hostile peer would open it. */
  async raw(node: NodeName): Promise<RawStream> {
    const { connection } = await this.connect(node);
    return new RawStream(connection.streams.open());
  }

  /** Sum of the samples of that name. */
  count(name: string): number {
    const samples = Object.entries(this.meter.snapshot());
    const ours = samples.filter(([sample]) => sample === name || sample.startsWith(`${name}{`));
    return ours.reduce((sum, [, value]) => sum + value, 0);
  }

  #up(connection: Connection): Link {
    const peer = this.#world.byKey(connection.peerKey);
    if (peer === undefined) throw new Error('nobody has that key');
    const { self } = peer;
    const hello = { name: self.node, incarnation: self.incarnation, addresses: [] };
    const link = new AdmittedLink(hello, connection, this.#world.time);
    this.#links.set(self.node, link);
    connection.attach({
      onFrame: () => {},
      onDrained: () => {},
      onClosed: () => {
        if (this.#links.get(self.node) === link) this.#links.delete(self.node);
      },
    });
    for (const listener of this.#listeners) listener.onLinkUp?.(link);
    connection.admit();
    return link;
  }
}

/** What happened on a stream of the transport. */
export class RawStream {
  readonly stream: ByteStream;
  readonly resets: number[] = [];
  readonly lost: string[] = [];
  readonly #chunks: Uint8Array[] = [];

  constructor(stream: ByteStream) {
    this.stream = stream;
    stream.attach({
      onReadable: () => {
        for (let bytes = stream.read(); bytes !== undefined; bytes = stream.read()) {
          this.#chunks.push(bytes);
        }
      },
      onWritable: () => {},
      onReset: (code) => this.resets.push(code),
      onLost: (reason) => this.lost.push(reason),
    });
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  write(bytes: Uint8Array | string): void {
    const chunk = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    if (this.stream.write(chunk) !== chunk.length) throw new Error('there was no room');
  }
}

/** A tag as it stands before the bytes of a stream. */
export function preamble(tag: string, rest: string = ''): Uint8Array {
  const bytes = Buffer.from(tag);
  return Buffer.concat([Buffer.of(bytes.length), bytes, Buffer.from(rest)]);
}

/** All bytes that come until the end; rejects with the error of the stream. */
export async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The error with which a stream ends. */
export function errorOf(stream: Duplex): Promise<unknown> {
  return new Promise((resolve) => stream.once('error', resolve));
}
