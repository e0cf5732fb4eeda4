import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeMembership,
  encodeMembership,
  isMembershipKind,
  type MembershipMessage,
} from '../../../../src/core/membership/messages.ts';
import type { PeerDescriptor } from '../../../../src/core/membership/peer.ts';
import { Reader } from '../../../../src/core/wire/reader.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { Writer } from '../../../../src/core/wire/writer.ts';
import { expectNoOtherError, expectWholeFramesOnly } from '../hostile-bytes.ts';
import { anyMembershipMessage } from './any-message.ts';

const peer: fc.Arbitrary<PeerDescriptor> = fc
  .record({
    name: fc.stringMatching(/^[a-z][a-z0-9_.-]{0,10}$/),
    incarnation: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    ports: fc.array(fc.integer({ min: 1, max: 65_535 }), { maxLength: 8 }),
    fingerprint: fc.option(fc.stringMatching(/^[ -~]{0,40}$/), { nil: undefined }),
    ageMs: fc.nat(3_600_000),
  })
  .map(({ name, incarnation, ports, fingerprint, ageMs }) => ({
    node: `${name}@host`,
    incarnation,
    addresses: ports.map((port) => `[::1]:${port}`),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ageMs,
  }));

const serial = fc.nat();
const hopsLeft = fc.nat(16);
const peers = fc.array(peer, { maxLength: 32 });
const message = anyMembershipMessage({ peer, peers, serial, hopsLeft });

const someone: PeerDescriptor = {
  node: 'a@host',
  incarnation: 5n,
  addresses: ['127.0.0.1:4433'],
  fingerprint: 'SHA256:x',
  ageMs: 12,
};
const samples: readonly MembershipMessage[] = [
  { kind: 'join', requestId: 300 },
  { kind: 'joinReply', requestId: 1, outcome: 'redirected', peers: [someone] },
  { kind: 'forwardJoin', newcomer: someone, hopsLeft: 6 },
  { kind: 'neighbor', requestId: 70_000, priority: 'low' },
  { kind: 'neighborReply', requestId: 2, accepted: true },
  { kind: 'disconnect', reason: 'left' },
  { kind: 'shuffle', shuffleId: 1, origin: someone, hopsLeft: 3, peers: [someone, someone] },
  { kind: 'shuffleReply', shuffleId: 9, peers: [someone] },
  { kind: 'keepAlive' },
];

describe('frames of membership', () => {
  test('carry every message unchanged (M1)', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodeMembership(encodeMembership(sent))).toEqual(sent);
      }),
    );
  });

  test('begin with a kind of their own, 16 to 31', () => {
    for (const sample of samples) {
      expect(isMembershipKind(new Reader(encodeMembership(sample)).uint())).toBe(true);
    }
    expect([15, 16, 31, 32].map(isMembershipKind)).toEqual([false, true, true, false]);
  });

  test('are refused when cut at any byte or followed by more', () => {
    for (const sample of samples) expectWholeFramesOnly(decodeMembership, encodeMembership(sample));
  });

  test('of random bytes decode or end in a WireError, nothing else', () => {
    expectNoOtherError(decodeMembership, samples.map(encodeMembership));
  });

  test('with a walk, list, age or name above its bound are refused', () => {
    const tooMany = Array.from({ length: 33 }, () => someone);
    const bad: MembershipMessage[] = [
      { kind: 'forwardJoin', newcomer: someone, hopsLeft: 17 },
      { kind: 'shuffle', shuffleId: 1, origin: someone, hopsLeft: 99, peers: [] },
      { kind: 'shuffleReply', shuffleId: 1, peers: tooMany },
      { kind: 'forwardJoin', newcomer: { ...someone, node: '../etc/passwd' }, hopsLeft: 1 },
      { kind: 'forwardJoin', newcomer: { ...someone, addresses: ['nowhere'] }, hopsLeft: 1 },
      { kind: 'forwardJoin', newcomer: { ...someone, incarnation: 2n ** 63n }, hopsLeft: 1 },
      {
        kind: 'forwardJoin',
        newcomer: { ...someone, addresses: Array.from({ length: 9 }, () => '1.2.3.4:5') },
        hopsLeft: 1,
      },
      {
        kind: 'forwardJoin',
        newcomer: { ...someone, fingerprint: 'x'.repeat(129) },
        hopsLeft: 1,
      },
    ];
    for (const sample of bad) {
      expect(() => decodeMembership(encodeMembership(sample)), JSON.stringify(sample.kind)).toThrow(
        WireError,
      );
    }
  });

  test('that announce 10^9 peers, or an unknown kind or word, are refused at once', () => {
    const huge = new Writer().uint(23).uint(1).uint(1_000_000_000).take();
    const unknownKind = new Writer().uint(31).take();
    const unknownWord = new Writer().uint(21).uint(3).take();
    const ofOthers = new Writer().uint(40).uint(0).take();
    for (const frame of [huge, unknownKind, unknownWord, ofOthers]) {
      expect(() => decodeMembership(frame)).toThrow(WireError);
    }
  });

  test('state an age of at most an hour', () => {
    const old = { ...someone, ageMs: 1e12 };
    const back = decodeMembership(
      encodeMembership({ kind: 'forwardJoin', newcomer: old, hopsLeft: 0 }),
    );
    expect(back).toMatchObject({ newcomer: { ageMs: 3_600_000 } });
  });
});
