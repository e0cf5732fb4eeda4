import { describe, expect, test } from 'vitest';
import type { Link } from '../../../src/cluster/link.ts';
import { RoutingDriver } from '../../../src/cluster/routing-driver.ts';
import {
  decodeRouting,
  encodeRouting,
  type RoutingMessage,
} from '../../../src/core/routing/messages.ts';
import { WireError } from '../../../src/core/wire/wire-error.ts';
import { Meter } from '../../../src/host/meter.ts';
import { CARRY_QUEUE_BYTES_MAX, QUERIES_MAX } from '../../../src/limits.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { CONTROL } from '../../../src/transport/transport.ts';

const VALUE = Uint8Array.of(1, 2, 3);

describe('a question to other nodes', () => {
  test('brings what the owner says', async () => {
    const { driver, sent, answer } = bench();
    const found = driver.find('mail');
    const id = lastQuery(sent);
    answer({ kind: 'found', id, found: { node: 'z@test', incarnation: 9n, value: VALUE } });
    expect(await found).toEqual({ owner: { node: 'z@test', incarnation: 9n }, value: VALUE });
  });

  test('has a name of its own, which nobody can guess', async () => {
    const { driver, sent, answer } = bench();
    const ids = ['one', 'two', 'three'].map((service) => {
      void driver.find(service);
      return lastQuery(sent);
    });
    expect(new Set(ids).size).toBe(3);
    answer({ kind: 'miss', id: (ids[0] ?? 0n) + 1n, why: 'absent' });
  });

  test('goes past what is remembered of the last one where that is wanted', async () => {
    const { driver, sent, answer } = bench();
    const found = driver.find('mail');
    answer({ kind: 'miss', id: lastQuery(sent), why: 'absent' });
    expect([await found, await driver.find('mail')]).toEqual([undefined, undefined]);
    expect(sent).toHaveLength(1);
    void driver.find('mail', { isAnew: true });
    expect(sent).toHaveLength(2);
  });

  test('takes the time that it is given, of which those that are asked get less', () => {
    const { driver, sent } = bench();
    void driver.find('mail');
    void driver.find('post', { timeLeftMs: 500 });
    expect(sent).toMatchObject([{ timeLeftMs: 1_949 }, { timeLeftMs: 449 }]);
  });

  test('is refused when too many are open', async () => {
    const { driver } = bench();
    for (let index = 0; index < QUERIES_MAX; index += 1) void driver.find(`s${index}`);
    await expect(driver.find('one more')).rejects.toMatchObject({ code: 'ERR_OVERLOADED' });
  });

  test('ends with its signal, and with the node', async () => {
    const { driver } = bench();
    const abort = new AbortController();
    const [aborted, closed] = [driver.find('mail', { signal: abort.signal }), driver.find('post')];
    const reason = new Error('not wanted');
    abort.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    driver.close();
    await expect(closed).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await expect(driver.find('mail')).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('a circuit that this node asked for', () => {
  test('has an address, and datagrams for it go out on a lane', async () => {
    const { driver, sent, answer, tunnels, lanes } = bench();
    const opened = driver.open('c@test');
    const id = lastQuery(sent);
    answer({ kind: 'reached', id });
    expect(await opened).toBe('tunnel 1 through b@test');
    tunnels[0]?.send(VALUE);
    expect(lanes).toEqual([{ kind: 'carry', circuit: id, datagram: VALUE }]);
  });

  test('hands on copies of what comes out of it', async () => {
    const { driver, sent, answer, tunnels, link } = bench();
    const opened = driver.open('c@test');
    const circuit = lastQuery(sent);
    answer({ kind: 'reached', id: circuit });
    await opened;
    const frame = encodeRouting({ kind: 'carry', circuit, datagram: VALUE });
    driver.frame(link, 1, frame);
    frame.fill(0);
    expect(tunnels[0]?.delivered).toEqual([VALUE]);
  });

  test('that comes when nobody waits for it any more is cut', async () => {
    const { driver, sent, answer, tunnels } = bench();
    const abort = new AbortController();
    const opened = driver.open('c@test', abort.signal);
    abort.abort(new Error('not wanted'));
    await expect(opened).rejects.toThrow('not wanted');
    const circuit = lastQuery(sent);
    answer({ kind: 'reached', id: circuit });
    expect(sent.at(-1)).toEqual({ kind: 'cut', circuit });
    expect(tunnels[0]?.isClosed).toBe(true);
  });

  test('goes a while after its connection, which has a last word to say', async () => {
    const { driver, sent, answer, tunnels, time } = bench();
    const opened = driver.open('c@test');
    const circuit = lastQuery(sent);
    answer({ kind: 'reached', id: circuit });
    driver.release(await opened);
    await time.advance(1_500);
    expect(tunnels[0]?.isClosed).toBe(false);
    await time.advance(1_000);
    expect(tunnels[0]?.isClosed).toBe(true);
    expect(sent.at(-1)).toEqual({ kind: 'cut', circuit });
  });

  test('is unreachable when nobody knows the node', async () => {
    const { driver, sent, answer } = bench();
    const opened = driver.open('c@test');
    answer({ kind: 'miss', id: lastQuery(sent), why: 'absent' });
    await expect(opened).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
  });
});

test('what is carried is lost where too much waits for the next link, and counted', async () => {
  const { driver, sent, answer, tunnels, lanes, queue, meter } = bench();
  const opened = driver.open('c@test');
  answer({ kind: 'reached', id: lastQuery(sent) });
  await opened;
  queue.bytes = CARRY_QUEUE_BYTES_MAX + 1;
  tunnels[0]?.send(VALUE);
  queue.bytes = 0;
  tunnels[0]?.send(VALUE);
  expect(lanes).toHaveLength(1);
  expect(meter.snapshot()).toMatchObject({
    'barrel_routing_total{what="dropped"}': 1,
    'barrel_routing_total{what="carried"}': 1,
    barrel_routing_circuits: 1,
  });
});

test('a frame on the wrong channel is a fault of its sender', () => {
  const { driver, link } = bench();
  const carry = encodeRouting({ kind: 'carry', circuit: 1n, datagram: VALUE });
  expect(() => driver.frame(link, CONTROL, carry)).toThrow(WireError);
  const cut = encodeRouting({ kind: 'cut', circuit: 1n });
  expect(() => driver.frame(link, 3, cut)).toThrow(WireError);
  expect(() => driver.frame(link, 3, Uint8Array.of(70))).toThrow(WireError);
});

interface FakeTunnel {
  readonly send: (datagram: Uint8Array) => void;
  readonly delivered: Uint8Array[];
  isClosed: boolean;
}

/** A driver whose one neighbour is b@test; what it sends there is noted. */
function bench(): {
  readonly driver: RoutingDriver;
  readonly link: Link;
  /** On the control channel. */
  readonly sent: RoutingMessage[];
  readonly lanes: RoutingMessage[];
  readonly tunnels: FakeTunnel[];
  readonly queue: { bytes: number };
  readonly meter: Meter;
  readonly time: VirtualTime;
  readonly answer: (message: RoutingMessage) => void;
} {
  const time = new VirtualTime();
  const meter = new Meter();
  const sent: RoutingMessage[] = [];
  const lanes: RoutingMessage[] = [];
  const tunnels: FakeTunnel[] = [];
  const queue = { bytes: 0 };
  const link = {
    node: 'b@test',
    isRelayed: false,
    connection: {
      rttMs: 1,
      get queuedBytes() {
        return queue.bytes;
      },
    },
    send: (_channel: number, frame: Uint8Array) => lanes.push(decodeRouting(frame)) > 0,
  } as unknown as Link;
  const driver = new RoutingDriver({
    host: { clock: time, timers: time, random: new SeededRandom(1), meter },
    self: { node: 'a@test', incarnation: 1n },
    links: {
      get: (node) => (node === 'b@test' ? link : undefined),
      all: () => [link].values(),
      close: () => {},
    },
    control: { send: (_node, frame) => sent.push(decodeRouting(frame)) > 0 },
    tunnels: {
      open: (through, send) => {
        const tunnel: FakeTunnel = { send, delivered: [], isClosed: false };
        tunnels.push(tunnel);
        return {
          address: `tunnel ${tunnels.length} through ${through}`,
          deliver: (datagram) => tunnel.delivered.push(datagram),
          close: () => {
            tunnel.isClosed = true;
          },
        };
      },
    },
    activeView: () => ['b@test'],
    nextHop: () => undefined,
  });
  const answer = (message: RoutingMessage): void =>
    driver.frame(link, CONTROL, encodeRouting(message));
  return { driver, link, sent, lanes, tunnels, queue, meter, time, answer };
}

function lastQuery(sent: readonly RoutingMessage[]): bigint {
  const message = sent.at(-1);
  if (message?.kind !== 'query') throw new Error('no query was sent');
  return message.id;
}
