/** Real nodes on QUIC whose datagrams go through a relay process, or a pipe inside this one. */
import { type ChildProcess, fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type BarrelNode,
  createNode,
  type DatagramPipe,
  type NodeOptions,
  type PipeEvents,
} from '../../src/index.ts';
import { until } from './fixtures/fleet.ts';

const RELAY = fileURLToPath(new URL('./fixtures/udp-relay.mjs', import.meta.url));

const nodes: BarrelNode[] = [];
const relays: Relay[] = [];

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()));
  for (const { child } of relays.splice(0)) child.kill('SIGKILL');
});

describe('a link through a relay of the user', () => {
  test('comes up, carries calls of any size, and is lost with the relay', async () => {
    const { a, b, relay } = await relayed(0);
    await a.join(b.address);
    const pid = b.processes.serve({ size: (bytes: Uint8Array) => bytes.length });
    expect(await a.processes.call(pid, ['size', [new Uint8Array(300_000)]])).toBe(300_000);
    expect(await relay.carried()).toBeGreaterThan(200);
    const downs: unknown[] = [];
    a.processes.monitor(pid, ({ reason }) => downs.push(reason));
    await relay.kill();
    await until(async () => downs.length > 0, 10_000);
    expect(downs).toEqual(['noconnection']);
  });

  test('works through one that changes every tenth datagram: those are thrown away', async () => {
    const { a, b, relay } = await relayed(0.1);
    await a.join(b.address, { timeoutMs: 30_000 });
    const pid = b.processes.serve({ echo: (text: string) => text });
    for (let count = 0; count < 50; count += 1) {
      expect(await a.processes.call(pid, ['echo', [`${count}`]])).toBe(`${count}`);
    }
    expect(await relay.carried()).toBeGreaterThan(50);
    const refusals = Object.keys(a.metrics.snapshot()).filter((name) => name.includes('_refused_'));
    expect(refusals.filter((name) => name.startsWith('barrel_admission'))).toEqual([]);
  });

  test('to somebody else than the holder of the pinned key is refused', async () => {
    const { a, b } = await relayed(0);
    await a.join(b.address);
    await b.close();
    const impostor = await start({ name: 'b@relayed', contacts: [] });
    const elsewhere = await Relay.start(impostor, 0);
    led.set(b.address, elsewhere);
    await until(async () => a.activeView().length === 0, 10_000);
    const pinned = { code: 'ERR_REFUSED', reason: 'key-mismatch' };
    await a.trust.pin('b@relayed', b.identity.publicKey);
    await expect(a.join(`b@relayed/${b.address}`)).rejects.toMatchObject(pinned);
    expect(await elsewhere.carried()).toBeGreaterThan(0);
  });
});

test('a pipe between two nodes, given by the hook of one and taken by the other, carries a link', async () => {
  const [near, far] = wire();
  const b = await start({ name: 'b@piped' });
  const taken = b.acceptPipe(far);
  const a = await start({
    name: 'a@piped',
    // Nobody has that address.
    dial: ({ address }) => (address === '192.0.2.1:9' ? near : undefined),
  });
  await a.join('192.0.2.1:9');
  const pid = b.processes.serve({ echo: (text: string) => text });
  expect(await a.processes.call(pid, ['echo', ['hello']])).toBe('hello');
  expect(a.metrics.snapshot()['barrel_pipes']).toBe(1);
  const downs: unknown[] = [];
  b.on('peerDown', ({ node }) => downs.push(node));
  taken[Symbol.dispose]();
  await until(async () => downs.length > 0, 10_000);
  expect(downs).toEqual(['a@piped']);
});

/** Which relay stands for which address. */
const led = new Map<string, Relay>();

/** `a` reaches `b` through a relay that changes that share of the datagrams. */
async function relayed(share: number): Promise<{
  readonly a: BarrelNode;
  readonly b: BarrelNode;
  readonly relay: Relay;
}> {
  const b = await start({ name: 'b@relayed' });
  const relay = await Relay.start(b, share);
  led.set(b.address, relay);
  const a = await start({ name: 'a@relayed', dial: ({ address }) => led.get(address)?.pipe() });
  return { a, b, relay };
}

async function start(options: NodeOptions): Promise<BarrelNode> {
  const node = await createNode({ drainMs: 0, ...options });
  nodes.push(node);
  return node;
}

class Relay {
  readonly child: ChildProcess;
  readonly #port: number;

  private constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.#port = port;
  }

  static async start(to: BarrelNode, share: number): Promise<Relay> {
    const port = to.address.split(':')[1] ?? '';
    const child = fork(RELAY, [port, `${share}`]);
    const relay = new Relay(child, (await told<{ readonly port: number }>(child)).port);
    relays.push(relay);
    return relay;
  }

  /** As a user would write it. */
  pipe(): DatagramPipe {
    const socket = createSocket('udp4');
    return {
      attach: ({ onDatagram, onClosed }) => {
        socket.on('message', (datagram) => onDatagram(datagram));
        this.child.once('exit', onClosed);
      },
      send: (datagram) => socket.send(datagram, this.#port, '127.0.0.1'),
      close: () => socket.close(),
    };
  }

  async carried(): Promise<number> {
    const answer = told<{ readonly carried: number }>(this.child);
    this.child.send('carried');
    return (await answer).carried;
  }

  async kill(): Promise<void> {
    const exited = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await exited;
  }
}

function told<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve) => child.once('message', (message) => resolve(message as T)));
}

/** Both ends of a way for datagrams inside this process. */
function wire(): readonly [DatagramPipe, DatagramPipe] {
  const events: (PipeEvents | undefined)[] = [undefined, undefined];
  const end = (own: 0 | 1): DatagramPipe => ({
    attach: (given) => {
      events[own] = given;
    },
    send: (datagram) => queueMicrotask(() => events[1 - own]?.onDatagram(datagram)),
    close: () => events[1 - own]?.onClosed(),
  });
  return [end(0), end(1)];
}
