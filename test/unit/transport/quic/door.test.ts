/**
 * The door on its own: first datagrams of the native library in, decisions and answers out. Time is
 * virtual, nothing is sent.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../../src/host/logger.ts';
import { Meter } from '../../../../src/host/meter.ts';
import type { Endpoint } from '../../../../src/host/udp.ts';
import { HALF_OPEN_MAX, HALF_OPEN_PER_ADDRESS_MAX } from '../../../../src/limits.ts';
import { SeededRandom } from '../../../../src/testing/seeded-random.ts';
import { DatagramTag } from '../../../../src/transport/quic/datagram-tag.ts';
import { Door, type Entry } from '../../../../src/transport/quic/door.ts';
import {
  NETWORK_OPENINGS_AT_ONCE_MAX,
  NETWORK_OPENINGS_PER_SECOND_MAX,
  NETWORK_REFUSALS_AT_ONCE_MAX,
  NETWORK_RETRIES_AT_ONCE_MAX,
  OPENINGS_AT_ONCE_MAX,
  REFUSALS_AT_ONCE_MAX,
  RETRIES_AT_ONCE_MAX,
  RETRY_TOKEN_MS,
  TAG_BYTES,
} from '../../../../src/transport/quic/door-limits.ts';
import type { PathPair } from '../../../../src/transport/quic/path-pair.ts';
import { isSecretRefusal } from '../../../../src/transport/quic/secret-refusal.ts';
import { QuicClient } from './quic-client.ts';

const KEY = new Uint8Array(32).fill(1);
const FROM: Endpoint = { host: '10.0.0.1', port: 4_000 };

let nowMs: number;
let meter: Meter;
const HERE: Endpoint = { host: '10.0.0.1', port: 4_433 };

function cameFrom(remote: Endpoint): PathPair {
  return { local: HERE, remote };
}

let warnings: number;
let sent: { readonly datagram: Uint8Array; readonly to: Endpoint }[];

beforeEach(() => {
  nowMs = 1_000;
  meter = new Meter();
  warnings = 0;
  sent = [];
});

describe('a door of a node with a join secret', () => {
  test('opens to the right tag, and hands on what is inside', () => {
    const first = new QuicClient().first();
    const entry = doorOf(KEY).welcome(sealed(first, KEY), cameFrom(FROM));
    expect(entry?.datagram).toEqual(first);
    expect(entry?.originalId).toBeNull();
    expect(sent).toEqual([]);
  });

  test('answers a wrong or a missing tag with a refusal, and nothing of it goes on', () => {
    const door = doorOf(KEY);
    const first = new QuicClient().first();
    expect(
      door.welcome(
        sealed(
          first,
          KEY.map((byte) => byte + 1),
        ),
        cameFrom(FROM),
      ),
    ).toBeUndefined();
    expect(door.welcome(first, cameFrom(FROM))).toBeUndefined();
    expect(sent.map(({ datagram, to }) => [isSecretRefusal(datagram), to])).toEqual([
      [true, FROM],
      [true, FROM],
    ]);
    expect(dropped('tag')).toBe(2);
  });

  test('refuses one network so often, and all together so often; then it is silent', () => {
    const door = doorOf(KEY);
    const first = new QuicClient().first();
    for (let index = 0; index < 1_000; index += 1) door.welcome(first, cameFrom(FROM));
    expect(sent.length).toBe(NETWORK_REFUSALS_AT_ONCE_MAX);
    expect(warnings).toBe(1);
    for (let index = 0; index < 1_000; index += 1) {
      door.welcome(first, cameFrom({ host: `10.0.${index % 200}.7`, port: 9 }));
    }
    expect(sent.length).toBe(REFUSALS_AT_ONCE_MAX);
    expect(dropped('tag')).toBe(2_000);
  });

  test('names a network in the log once a minute', () => {
    const door = doorOf(KEY);
    const first = new QuicClient().first();
    for (let second = 0; second < 119; second += 1) {
      door.welcome(first, cameFrom(FROM));
      nowMs += 1_000;
    }
    expect(warnings).toBe(2);
  });

  test('lets nobody come back with what the other side said', () => {
    const door = doorOf(KEY);
    const first = new QuicClient().first();
    const room = Uint8Array.of(...first, ...new Uint8Array(TAG_BYTES));
    const reflected = door.seal(room.subarray(0, first.length), 'acceptor');
    expect(door.welcome(reflected, cameFrom(FROM))).toBeUndefined();
    expect(door.unseal(reflected, 'acceptor')).toEqual(first);
  });

  test('does not tag what a finished handshake has keys for', () => {
    const short = new Uint8Array(40).fill(0x41);
    expect(doorOf(KEY).seal(short, 'dialer')).toBe(short);
    expect(doorOf(KEY).unseal(short, 'dialer')).toBe(short);
  });
});

test('a node without a join secret refuses a tagged datagram, and takes a padded one', () => {
  const door = doorOf(undefined);
  const first = new QuicClient().first();
  expect(door.welcome(sealed(first, KEY), cameFrom(FROM))).toBeUndefined();
  expect(sent.map(({ datagram }) => isSecretRefusal(datagram))).toEqual([true]);
  expect(door.welcome(first, cameFrom(FROM))?.datagram).toBe(first);
});

describe('with many half-open connections of one network', () => {
  test('a stranger is asked to come again, and is let in when it does', () => {
    for (const key of [undefined, KEY]) {
      sent = [];
      const door = doorOf(key);
      press(door);
      const client = new QuicClient();
      expect(door.welcome(sealed(client.first(), key), cameFrom(FROM))).toBeUndefined();
      const again = client.answer(unsealed(sent[0]?.datagram, key));
      const entry = door.welcome(sealed(again, key), cameFrom(FROM));
      expect(entry?.originalId).toEqual(client.originalId);
      expect(sent.length).toBe(1);
    }
  });

  test('retries are bounded for one network, and in all', () => {
    const door = doorOf(undefined);
    const first = new QuicClient().first();
    press(door);
    for (let index = 0; index < 1_000; index += 1) door.welcome(first, cameFrom(FROM));
    expect(sent.length).toBe(NETWORK_RETRIES_AT_ONCE_MAX);
    press(door, HALF_OPEN_MAX / 4);
    for (let index = 0; index < 5_000; index += 1) {
      door.welcome(first, cameFrom({ host: `10.1.${index % 250}.1`, port: 1 }));
    }
    expect(sent.length).toBe(RETRIES_AT_ONCE_MAX);
    expect(dropped('overload')).toBe(6_000 - RETRIES_AT_ONCE_MAX);
  });

  test('a retry is smaller than a tenth of what it answers', () => {
    const door = doorOf(KEY);
    press(door);
    const first = sealed(new QuicClient().first(), KEY);
    door.welcome(first, cameFrom(FROM));
    expect(sent[0]?.datagram.length).toBeLessThan(first.length / 8);
  });

  test('a token from elsewhere, or an old one, is met with silence', () => {
    const door = doorOf(undefined);
    press(door);
    const client = new QuicClient();
    door.welcome(client.first(), cameFrom(FROM));
    const again = client.answer(sent[0]?.datagram);
    expect(door.welcome(again, cameFrom({ ...FROM, port: 4_001 }))).toBeUndefined();
    nowMs += RETRY_TOKEN_MS + 2;
    expect(door.welcome(again, cameFrom(FROM))).toBeUndefined();
    expect(dropped('token')).toBe(2);
    expect(sent.length).toBe(1);
  });

  test('over the bound there is silence, also for who is where it says', () => {
    const door = doorOf(undefined);
    press(door);
    const client = new QuicClient();
    door.welcome(client.first(), cameFrom(FROM));
    const again = client.answer(sent[0]?.datagram);
    press(door, HALF_OPEN_PER_ADDRESS_MAX);
    expect(door.welcome(again, cameFrom(FROM))).toBeUndefined();
    expect(door.welcome(new QuicClient().first(), cameFrom(FROM))).toBeUndefined();
    expect([dropped('overload'), sent.length]).toEqual([2, 1]);
  });
});

describe('the rate of new connections', () => {
  test('is bounded for one network', () => {
    const door = doorOf(undefined);
    const first = new QuicClient().first();
    expect(openedOf(door, first, () => FROM)).toBe(NETWORK_OPENINGS_AT_ONCE_MAX);
    nowMs += 1_000;
    expect(openedOf(door, first, () => FROM)).toBe(NETWORK_OPENINGS_PER_SECOND_MAX);
    expect(door.welcome(first, cameFrom({ host: '10.0.0.2', port: 1 }))).toBeDefined();
  });

  test('is bounded in all', () => {
    const door = doorOf(undefined);
    const first = new QuicClient().first();
    const opened = openedOf(door, first, (index) => ({ host: `10.0.1.${index % 250}`, port: 1 }));
    expect(opened).toBe(OPENINGS_AT_ONCE_MAX);
    expect(dropped('rate')).toBe(4_000 - OPENINGS_AT_ONCE_MAX);
  });
});

test('a flood from addresses that nobody hears leaves room for those that answer', () => {
  const door = doorOf(undefined);
  const first = new QuicClient().first();
  for (let index = 0; index < 5_000; index += 1) {
    const from = { host: `10.${index >> 8}.${index & 255}.1`, port: 1 };
    const entry = door.welcome(first, cameFrom(from));
    if (entry !== undefined) door.halfOpen.add(entry, from);
  }
  expect(door.halfOpen.size).toBe(HALF_OPEN_MAX / 4);
  nowMs += 1_000;
  sent = [];
  const client = new QuicClient();
  door.welcome(client.first(), cameFrom(FROM));
  expect(door.welcome(client.answer(sent[0]?.datagram), cameFrom(FROM))).toBeDefined();
});

function doorOf(secretKey: Uint8Array | undefined): Door {
  const warn = (): void => {
    warnings += 1;
  };
  return new Door({
    host: {
      clock: { monotonicMs: () => nowMs, wallMs: () => nowMs },
      logger: { ...silentLogger, warn },
      meter,
      random: new SeededRandom(1),
    },
    secretKey,
    send: (datagram, { remote }) => sent.push({ datagram: datagram.slice(), to: remote }),
  });
}

function press(door: Door, count: number = HALF_OPEN_PER_ADDRESS_MAX / 2): void {
  for (let index = 0; index < count; index += 1) door.halfOpen.add({ index }, FROM);
}

function openedOf(door: Door, first: Uint8Array, from: (index: number) => Endpoint): number {
  const opened: Entry[] = [];
  for (let index = 0; index < 4_000; index += 1) {
    const entry = door.welcome(first, cameFrom(from(index)));
    if (entry !== undefined) opened.push(entry);
  }
  return opened.length;
}

function dropped(reason: string): number {
  return meter.snapshot()[`barrel_transport_datagrams_dropped_total{reason="${reason}"}`] ?? 0;
}

function sealed(datagram: Uint8Array, key: Uint8Array | undefined): Uint8Array {
  if (key === undefined) return datagram;
  const room = Uint8Array.of(...datagram, ...new Uint8Array(TAG_BYTES));
  return new DatagramTag(key).seal(room, 'dialer');
}

function unsealed(
  datagram: Uint8Array | undefined,
  key: Uint8Array | undefined,
): Uint8Array | undefined {
  if (datagram === undefined || key === undefined) return datagram;
  return new DatagramTag(key).open(datagram, 'acceptor');
}
