/** What an acceptor does with its new address while its dialer has not said whether it comes. */
import { beforeEach, expect, test } from 'vitest';
import type { Link } from '../../../src/cluster/link.ts';
import type { LinkListener, LinkPort } from '../../../src/cluster/ports.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { decodeMove, encodeMove, type MoveFault } from '../../../src/paths/move-frames.ts';
import { NodePaths } from '../../../src/paths/node-paths.ts';
import { MOVED_TIMEOUT_MS } from '../../../src/paths/path-watch-limits.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

const HOME = '10.0.0.1:7000';
const PEER = 'b@test';

let time: VirtualTime;
let paths: NodePaths;
let linkDown: () => void;
let hear: (frame: Uint8Array) => void;
/** What the dialer was asked, oldest first. */
let asked: { readonly id: number; readonly addresses: readonly string[] }[];
let open: string[];
let lastPort: number;
let answered: number;

beforeEach(() => {
  time = new VirtualTime();
  asked = [];
  open = [];
  lastPort = 7_000;
  answered = 0;
  const connection = { role: 'acceptor', canMigrate: true, localAddress: HOME };
  const link = { node: PEER, connection } as unknown as Link;
  const listeners: LinkListener[] = [];
  linkDown = () => {
    for (const listener of listeners) listener.onLinkDown?.(link, { reason: 'lost', by: 'local' });
  };
  const links = {
    link: () => link,
    listen: (listener: LinkListener) => listeners.push(listener),
    read: (_kinds: unknown, read: (from: Link, frame: Uint8Array) => void) => {
      hear = (frame) => read(link, frame);
    },
    send: (_node: string, frame: Uint8Array) => {
      const message = decodeMove(frame);
      if (message.kind === 'move') asked.push(message);
      return true;
    },
    sockets: { address: HOME, bind, rehome: async () => {} },
  } as unknown as LinkPort;
  const host = {
    clock: time,
    timers: time,
    meter: new Meter(),
    logger: silentLogger,
    externalAddresses: () => [],
  };
  paths = new NodePaths({ host, links, auto: false, listenHost: '10.0.0.1' });
});

test('the address is open until the dialer has come, and it is asked back then', async () => {
  await givenUp();
  expect([asked.length, open]).toEqual([1, ['10.0.0.1:7001']]);
  await answer();
  expect(asked.map(({ addresses }) => addresses)).toEqual([['10.0.0.1:7001'], [HOME]]);
  // What it leaves and where it goes: on either it may still be heard.
  expect(open).toEqual(['10.0.0.1:7001', HOME]);
  await answer();
  expect([asked.length, open]).toEqual([2, []]);
});

test('the address is closed when the dialer says that it does not come', async () => {
  await givenUp();
  await answer('ERR_TIMEOUT');
  expect([asked.length, open]).toEqual([1, []]);
});

test('the address is closed when the dialer says nothing for long', async () => {
  await givenUp();
  await time.advance(MOVED_TIMEOUT_MS - 1_000);
  expect(open).toHaveLength(1);
  await time.advance(1_000);
  expect([asked.length, open]).toEqual([1, []]);
});

test('the address is closed when the connection or the node ends', async () => {
  await givenUp();
  linkDown();
  await time.advance(0);
  expect(open).toEqual([]);
  await givenUp();
  paths.close();
  await time.advance(0);
  expect([asked.length, open]).toEqual([2, []]);
});

test('a dialer that is asked to come elsewhere meanwhile is not asked back', async () => {
  await givenUp();
  const second = paths.migrate(PEER);
  await time.advance(0);
  await answer();
  await answer();
  await second;
  expect(asked.map(({ addresses }) => addresses)).toEqual([['10.0.0.1:7001'], ['10.0.0.1:7002']]);
  expect(open).toEqual([]);
});

/** A move of which nobody waits for the end. */
async function givenUp(): Promise<void> {
  const moved = paths.migrate(PEER, { timeoutMs: 100 });
  moved.catch(() => {});
  await time.advance(100);
  await expect(moved).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
}

/** The dialer answers the oldest question that it has not answered. */
async function answer(fault?: MoveFault): Promise<void> {
  const { id } = asked[answered] ?? { id: 0 };
  answered += 1;
  hear(encodeMove({ kind: 'moved', id, fault }));
  await time.advance(0);
}

async function bind({
  host,
  port = 0,
}: {
  readonly host: string;
  readonly port?: number;
}): Promise<Disposable & { readonly address: string }> {
  if (port === 0) lastPort += 1;
  const address = `${host}:${port === 0 ? lastPort : port}`;
  open.push(address);
  return {
    address,
    [Symbol.dispose]: () => {
      open = open.filter((other) => other !== address);
    },
  };
}
