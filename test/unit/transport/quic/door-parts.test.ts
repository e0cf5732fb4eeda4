import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HALF_OPEN_MAX, HALF_OPEN_PER_ADDRESS_MAX } from '../../../../src/limits.ts';
import { initialHeaderOf } from '../../../../src/transport/quic/datagram.ts';
import { DatagramTag } from '../../../../src/transport/quic/datagram-tag.ts';
import {
  RETRY_TOKEN_MS,
  TAG_BYTES,
  UNADMITTED_DATAGRAMS_MAX,
} from '../../../../src/transport/quic/door-limits.ts';
import { HalfOpen } from '../../../../src/transport/quic/half-open.ts';
import { networkOf } from '../../../../src/transport/quic/network.ts';
import { NetworkBuckets } from '../../../../src/transport/quic/network-buckets.ts';
import { RetryTokens } from '../../../../src/transport/quic/retry-tokens.ts';
import {
  encodeSecretRefusal,
  isSecretRefusal,
} from '../../../../src/transport/quic/secret-refusal.ts';

const KEY = new Uint8Array(32).fill(7);
const ID = new Uint8Array(16).fill(0xaa);

describe('the tag of a datagram', () => {
  const tag = new DatagramTag(KEY);

  test('lets the datagram through as it was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 1_400 }), (bytes) => {
        const sealed = tag.seal(Uint8Array.of(...bytes, ...new Uint8Array(TAG_BYTES)), 'dialer');
        expect(tag.open(sealed, 'dialer')).toEqual(bytes);
      }),
    );
  });

  test('is wrong for the other direction, under another secret, and for any changed bit', () => {
    const sealed = tag.seal(new Uint8Array(100 + TAG_BYTES), 'dialer');
    expect(tag.open(sealed, 'acceptor')).toBeUndefined();
    expect(new DatagramTag(new Uint8Array(32)).open(sealed, 'dialer')).toBeUndefined();
    for (let bit = 0; bit < 8 * sealed.length; bit += 1) {
      const changed = sealed.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(tag.open(changed, 'dialer')).toBeUndefined();
    }
  });

  test('is missing where there is no room for it', () => {
    for (const length of [0, 1, TAG_BYTES]) {
      expect(tag.open(new Uint8Array(length), 'dialer')).toBeUndefined();
    }
  });
});

describe('a refusal without a connection', () => {
  const header = { destinationId: ID, sourceId: ID.map((byte) => byte + 1), token: ID, end: 0 };

  test('names the connection of the dialer, and is far smaller than what it answers', () => {
    const refusal = encodeSecretRefusal(header);
    expect(isSecretRefusal(refusal)).toBe(true);
    expect(refusal.subarray(1, 5)).toEqual(new Uint8Array(4));
    expect(refusal.subarray(6, 22)).toEqual(header.sourceId);
    expect(refusal.length).toBe(43);
  });

  test('is nothing else: no other version, none more, nothing cut', () => {
    const refusal = encodeSecretRefusal(header);
    expect(isSecretRefusal(Uint8Array.of(...refusal.subarray(0, -1), 1))).toBe(false);
    expect(isSecretRefusal(Uint8Array.of(...refusal, 0, 0, 0, 1))).toBe(false);
    for (let length = 0; length < refusal.length; length += 1) {
      expect(isSecretRefusal(refusal.subarray(0, length))).toBe(false);
    }
  });
});

describe('a retry token', () => {
  const tokens = new RetryTokens(KEY);
  const claim = { from: { host: '10.0.0.1', port: 9 }, retryId: ID };

  test('gives back what the client addressed first, for ten seconds', () => {
    const token = tokens.issue(claim, ID.subarray(0, 8), 5_000.7);
    expect(tokens.open(claim, token, 5_000)).toEqual(ID.subarray(0, 8));
    expect(tokens.open(claim, token, 5_000 + RETRY_TOKEN_MS)).toEqual(ID.subarray(0, 8));
    expect(tokens.open(claim, token, 5_002 + RETRY_TOKEN_MS)).toBeUndefined();
  });

  test('is worth nothing from another address, port or connection, or of another start', () => {
    const token = tokens.issue(claim, ID, 0);
    const others = [
      { ...claim, from: { host: '10.0.0.2', port: 9 } },
      { ...claim, from: { host: '10.0.0.1', port: 10 } },
      { ...claim, retryId: ID.subarray(1) },
    ];
    for (const other of others) expect(tokens.open(other, token, 0)).toBeUndefined();
    expect(new RetryTokens(new Uint8Array(32)).open(claim, token, 0)).toBeUndefined();
  });

  test('cannot be made by changing or guessing bytes', () => {
    const token = tokens.issue(claim, ID, 0);
    for (let at = 0; at < token.length; at += 1) {
      const changed = token.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(tokens.open(claim, changed, 0)).toBeUndefined();
      expect(tokens.open(claim, token.subarray(0, at), 0)).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(tokens.open(claim, bytes, 0)).toBeUndefined();
      }),
    );
  });
});

describe('the header of a first packet', () => {
  test('is read with ids, token and end', () => {
    const packet = initialPacket({ token: [1, 2, 3], body: 5, padding: 7 });
    const header = initialHeaderOf(packet);
    expect(header?.token).toEqual(Uint8Array.of(1, 2, 3));
    expect(header?.sourceId).toEqual(Uint8Array.of(9, 9));
    expect(header?.end).toBe(packet.length - 7);
  });

  test('that is cut anywhere is none', () => {
    const packet = initialPacket({ token: [1, 2, 3], body: 5, padding: 0 });
    for (let length = 6; length < packet.length; length += 1) {
      expect(initialHeaderOf(packet.subarray(0, length))).toBeUndefined();
    }
  });

  test('of any bytes does not throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 100 }), (bytes) => {
        expect(initialHeaderOf(bytes)?.end ?? 0).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('the network of a host', () => {
  test.each([
    ['10.1.2.3', '10.1.2.3'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['100::1:beef', '100::1:beef'],
  ])('of %s is %s', (host, network) => {
    expect(networkOf(host)).toBe(network);
  });
});

describe('buckets of networks', () => {
  test('bound each network by itself', () => {
    const buckets = new NetworkBuckets({ atOnce: 2, perSecond: 1 });
    expect([1, 2, 3].map(() => buckets.take('a', 0))).toEqual([true, true, false]);
    expect(buckets.take('b', 0)).toBe(true);
    expect([buckets.take('a', 1_000), buckets.take('a', 1_000)]).toEqual([true, false]);
  });

  test('forget only who owes nothing; more at once than they hold share one bucket', () => {
    const buckets = new NetworkBuckets({ atOnce: 2, perSecond: 1 }, 3);
    for (const network of ['a', 'b', 'c']) buckets.take(network, 0);
    expect(['d', 'e', 'f'].map((network) => buckets.take(network, 0))).toEqual([true, true, false]);
    expect(buckets.size).toBe(3);
    expect(buckets.take('g', 10_000)).toBe(true);
    expect(buckets.size).toBe(3);
  });

  test('do not grow with the senders that a flood makes up', () => {
    const buckets = new NetworkBuckets({ atOnce: 4, perSecond: 1 });
    let taken = 0;
    for (let index = 0; index < 50_000; index += 1) {
      if (buckets.take(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, index / 50)) {
        taken += 1;
      }
    }
    expect(buckets.size).toBeLessThanOrEqual(4_096);
    expect(taken).toBeLessThan(6_000);
  });
});

describe('half-open connections', () => {
  test('are full for one network before they are full in all, and pressed before that', () => {
    const halfOpen = new HalfOpen<number>();
    const host = '10.0.0.1';
    for (let index = 0; index < HALF_OPEN_PER_ADDRESS_MAX; index += 1) {
      expect(halfOpen.isPressed(host)).toBe(index >= HALF_OPEN_PER_ADDRESS_MAX / 2);
      halfOpen.add(index, { host, port: index });
    }
    expect([halfOpen.hasRoom(host), halfOpen.hasRoom('10.0.0.2')]).toEqual([false, true]);
    // A quarter of all are open.
    expect(halfOpen.isPressed('10.0.0.2')).toBe(true);
    for (let index = 0; halfOpen.size < HALF_OPEN_MAX; index += 1) {
      halfOpen.add(1_000 + index, { host: `10.0.1.${index % 8}`, port: 1 });
    }
    expect(halfOpen.hasRoom('10.0.0.2')).toBe(false);
    halfOpen.delete(0);
    halfOpen.delete(0);
    expect([halfOpen.size, halfOpen.hasRoom(host)]).toEqual([HALF_OPEN_MAX - 1, true]);
  });
});

describe('a half-open connection', () => {
  const from = { host: '10.0.0.1', port: 4 };

  test('is heard from one address only, and so many times, until it is admitted', () => {
    const halfOpen = new HalfOpen<string>();
    halfOpen.add('c', from);
    expect(halfOpen.takes('c', { ...from, port: 5 }, 9)).toBe(false);
    expect(halfOpen.takes('c', { ...from, host: '10.0.0.2' }, 9)).toBe(false);
    let taken = 0;
    while (halfOpen.takes('c', from, 9)) taken += 1;
    expect(taken).toBe(UNADMITTED_DATAGRAMS_MAX);
    halfOpen.delete('c');
    expect(halfOpen.takes('c', { ...from, port: 5 }, 9)).toBe(true);
  });

  test('is told at most three times what was heard of it, until it is admitted', () => {
    const halfOpen = new HalfOpen<string>();
    halfOpen.add('c', from);
    expect(halfOpen.maySay('c', 1)).toBe(false);
    halfOpen.takes('c', from, 1_200);
    halfOpen.takes('c', { ...from, port: 5 }, 1_200);
    expect([1_350, 1_350, 901, 900, 1].map((bytes) => halfOpen.maySay('c', bytes))).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
    halfOpen.delete('c');
    expect(halfOpen.maySay('c', 100_000)).toBe(true);
  });
});

interface PacketParts {
  readonly token: readonly number[];
  readonly body: number;
  readonly padding: number;
}

function initialPacket({ token, body, padding }: PacketParts): Uint8Array {
  const ids = [16, ...ID, 2, 9, 9];
  const zeros = new Uint8Array(body + padding);
  return Uint8Array.of(0xc0, 0, 0, 0, 1, ...ids, token.length, ...token, 0x40, body, ...zeros);
}
