import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WireError } from '../../../src/core/wire/wire-error.ts';
import { Writer } from '../../../src/core/wire/writer.ts';
import { type AdmissionContext, claimOf, judge } from '../../../src/identity/admission.ts';
import {
  decodeAdmission,
  encodeAccept,
  encodeAsk,
  encodeHello,
  encodeKeys,
  encodeReject,
  type Hello,
} from '../../../src/identity/hello.ts';
import type { Pin } from '../../../src/identity/pin.ts';
import { proofOf } from '../../../src/identity/secret.ts';
import { keyOf, START_MS } from './fixtures.ts';

describe('messages of admission', () => {
  test('a hello arrives as it was sent (I23)', () => {
    fc.assert(
      fc.property(anyHello, (hello) => {
        expect(decodeAdmission(encodeHello(hello))).toEqual(hello);
      }),
    );
  });

  test('accept, reject, ask and keys arrive as they were sent', () => {
    const reject = {
      kind: 'reject',
      reason: 'stale-incarnation',
      seenIncarnation: 7n,
      detail: 'a later start was seen',
    } as const;

    expect(decodeAdmission(encodeAccept())).toEqual({ kind: 'accept' });
    expect(decodeAdmission(encodeAsk())).toEqual({ kind: 'ask' });
    const keys = { kind: 'keys', endorsements: [Uint8Array.of(1), Uint8Array.of(2)] };
    expect(decodeAdmission(encodeKeys(keys.endorsements))).toEqual(keys);
    expect(decodeAdmission(encodeReject(reject))).toEqual(reject);
  });

  test('a detail is cut to its bound and to what a terminal can print', () => {
    const message = encodeReject({
      reason: 'name',
      seenIncarnation: undefined,
      detail: `\u001b[31m\n\u202e\ud800${'é'.repeat(2_000)}`,
    });

    const decoded = decodeAdmission(message);
    const detail = decoded.kind === 'reject' ? decoded.detail : '';
    expect(detail).toMatch(/^\?\[31m\?\?\?\?+$/);
    expect(detail).toHaveLength(1_024);
  });

  test('a detail is made printable by the end that reads it too', () => {
    const hostile = new Writer().uint(3).string('name').bool(false).string('\u001b]0;x\u0007');

    expect(decodeAdmission(hostile.take())).toMatchObject({ detail: '?]0;x?' });
  });

  test('of a release that shares no version only the versions are read (I26)', () => {
    const later = new Writer().uint(1).uint(2).uint(9).string('whatever comes then').take();

    expect(decodeAdmission(later)).toEqual({ kind: 'foreignHello', versionMin: 2, versionMax: 9 });
  });

  test('every message that is cut short or goes on is refused', () => {
    const messages = [
      encodeHello({ ...hello(), dialled: 'b@host', proof: new Uint8Array(32) }),
      encodeReject({ reason: 'stale-incarnation', seenIncarnation: 1n, detail: 'x' }),
      encodeAccept(),
      encodeAsk(),
      encodeKeys([new Uint8Array(9)]),
    ];
    for (const message of messages) {
      for (let length = 0; length < message.length; length++) {
        expect(() => decodeAdmission(message.subarray(0, length))).toThrow(WireError);
      }
      expect(() => decodeAdmission(Buffer.concat([message, Buffer.from([0])]))).toThrow(WireError);
    }
  });

  test('hostile bytes are refused or read, and never throw anything else (I24)', () => {
    const valid = encodeHello(hello());
    const mutated = fc
      .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
      .map((changes) => {
        const bytes = Uint8Array.from(valid);
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), (bytes) => {
        try {
          const message = decodeAdmission(bytes);
          if (message.kind === 'hello') judge(message, context());
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test.each<readonly [string, Partial<Hello>]>([
    ['nine addresses', { addresses: Array.from({ length: 9 }, (_, i) => `h:${i + 1}`) }],
    ['an address without a port', { addresses: ['host'] }],
    ['a huge address', { addresses: [`${'a'.repeat(300)}:1`] }],
    ['a huge cluster name', { cluster: 'c'.repeat(256) }],
    ['a huge name', { name: 'n'.repeat(513) }],
    ['a huge name dialled', { dialled: 'n'.repeat(513) }],
    ['a huge proof', { proof: new Uint8Array(65) }],
    ['an incarnation of 64 bits', { incarnation: 2n ** 63n }],
    ['17 endorsements', { endorsements: Array.from({ length: 17 }, () => new Uint8Array(1)) }],
    ['a huge endorsement', { endorsements: [new Uint8Array(513)] }],
  ])('a hello with %s is refused (I25)', (_, changes) => {
    expect(() => decodeAdmission(encodeHello({ ...hello(), ...changes }))).toThrow(WireError);
  });

  test('the largest hello stays below what is fed to an unadmitted connection', () => {
    const largest = encodeHello({
      ...hello(),
      cluster: 'c'.repeat(255),
      name: 'n'.repeat(512),
      dialled: 'n'.repeat(512),
      addresses: Array.from({ length: 8 }, () => `${'a'.repeat(256)}:65535`),
      endorsements: Array.from({ length: 16 }, () => new Uint8Array(512)),
      proof: new Uint8Array(64),
    });

    expect(decodeAdmission(largest).kind).toBe('hello');
    expect(largest.length).toBeLessThan(16_384 - 256);
  });

  test('an unknown reason or kind is refused (I26)', () => {
    const reason = new Writer().uint(3).string('because').bool(false).string('').take();

    expect(() => decodeAdmission(reason)).toThrow(WireError);
    expect(() => decodeAdmission(new Writer().uint(6).take())).toThrow(WireError);
  });

  test('proof and endorsements outlive the frame they came in', () => {
    const sent = { ...hello(), proof: new Uint8Array(32), endorsements: [new Uint8Array(4)] };
    const frame = Buffer.from(encodeHello(sent));

    const decoded = decodeAdmission(frame);
    frame.fill(0xff);

    expect(decoded).toEqual(sent);
  });
});

describe('judging a hello', () => {
  test('one that breaks no rule is accepted, by the acceptor and by the dialer', () => {
    expect(judge(hello(), context())).toEqual({ kind: 'accept' });
    expect(judge(hello({ role: 'acceptor' }), context({ role: 'dialer' }))).toEqual({
      kind: 'accept',
    });
  });

  test.each<readonly [string, Partial<Hello>, Partial<AdmissionContext>, RegExp]>([
    ['protocol-version', { versionMin: 2, versionMax: 3 }, {}, /2 to 3, here 1 to 1/],
    ['protocol-version', { versionMin: 1, versionMax: 0 }, {}, /1 to 0/],
    ['cluster', { cluster: 'other' }, {}, /"other", here "default"/],
    ['secret', {}, { secretKey: keyOf('secret') }, /required/],
    ['secret', { proof: keyOf('proof') }, {}, /no join secret/],
    ['secret', { proof: keyOf('proof') }, { secretKey: keyOf('secret') }, /differ/],
    ['clock', { wallMs: START_MS + 60_001 }, {}, /60 s ahead of/],
    ['clock', { wallMs: START_MS - 90_000 }, {}, /90 s behind/],
    ['parameters', { role: 'acceptor' }, {}, /role acceptor on both ends/],
    ['parameters', { heartbeatMs: 250 }, {}, /heartbeatMs 250, here 500/],
    ['parameters', { ringSize: 64 }, {}, /ringSize 64, here 4096/],
    ['name', { name: 'no name' }, {}, /"no name"/],
    ['name', { name: '../../evil@x' }, {}, /evil/],
    ['name-taken', { name: 'b@host' }, {}, /has this name/],
    ['name-taken', { name: 'b@host' }, { peerKey: keyOf('b') }, /same node/],
    ['key-mismatch', {}, { peerKey: keyOf('b') }, /key of b@host under the name a@host/],
    ['name', {}, { dialledName: 'c@host' }, /a@host answered for c@host/],
    ['name', { dialled: 'c@host' }, {}, /this is b@host, not "c@host"/],
    ['key-mismatch', {}, { pin: pinOf('other') }, /another key/],
    ['key-mismatch', {}, { pin: pinOf('other'), mode: 'strict' }, /another key/],
    ['not-trusted', {}, { mode: 'strict' }, /no key is pinned/],
    ['not-trusted', { ephemeral: true }, { mode: 'strict', pin: pinOf('a') }, /ephemeral/],
    ['stale-incarnation', { incarnation: 9n }, { seenIncarnation: 10n }, /later start/],
  ])('%s, case %#', (reason, helloChanges, contextChanges, detail) => {
    const verdict = judge(hello(helloChanges), context(contextChanges));

    expect(verdict).toMatchObject({ kind: 'reject', reason });
    expect(verdict).toMatchObject({ detail: expect.stringMatching(detail) });
  });

  test.each<readonly [string, Partial<Hello>, Partial<AdmissionContext>]>([
    ['a wider version range', { versionMax: 9 }, {}],
    ['clocks 60 s apart', { wallMs: START_MS + 60_000 }, {}],
    ['a ring size that is not set there', { ringSize: 0 }, {}],
    ['the pinned key', {}, { pin: pinOf('a') }],
    ['the pinned key in strict', {}, { pin: pinOf('a'), mode: 'strict' }],
    ['the name that was dialled', { dialled: 'b@host' }, {}],
    ['the same incarnation again', { incarnation: 10n }, { seenIncarnation: 10n }],
    ['an ephemeral key on first contact', { ephemeral: true }, {}],
  ])('%s is accepted', (_, helloChanges, contextChanges) => {
    expect(judge(hello(helloChanges), context(contextChanges))).toEqual({ kind: 'accept' });
  });

  test('a foreign hello is refused for its version', () => {
    const foreign = { kind: 'foreignHello', versionMin: 4, versionMax: 5 } as const;

    expect(judge(foreign, context())).toMatchObject({ reason: 'protocol-version' });
    const later = context({ self: { ...context().self, versionMax: 4 } });
    expect(judge(foreign, later)).toMatchObject({ reason: 'protocol-version' });
  });

  test('the rule that comes first in the order gives the reason', () => {
    const broken: [keyof Hello | keyof AdmissionContext, unknown, string][] = [
      ['versionMin', 2, 'protocol-version'],
      ['cluster', 'other', 'cluster'],
      ['proof', keyOf('proof'), 'secret'],
      ['wallMs', 0, 'clock'],
      ['heartbeatMs', 1, 'parameters'],
      ['name', '?', 'name'],
    ];
    for (let first = 0; first < broken.length; first++) {
      const changes = Object.fromEntries(broken.slice(first));
      const verdict = judge({ ...hello(), versionMax: 9, ...changes }, context({ mode: 'strict' }));
      expect(verdict).toMatchObject({ reason: broken[first]?.[2] });
    }
  });

  test('the right proof admits, and holds on this connection only (I18, I22)', () => {
    const secretKey = keyOf('secret');
    const parts = {
      key: secretKey,
      role: 'dialer',
      ownKey: keyOf('a'),
      peerKey: keyOf('b'),
      cluster: 'default',
      name: 'a@host',
    } as const;
    const proof = proofOf(parts);

    expect(judge(hello({ proof }), context({ secretKey }))).toEqual({ kind: 'accept' });
    const relayed = context({ secretKey, peerKey: keyOf('relay') });
    expect(judge(hello({ proof }), relayed)).toMatchObject({ reason: 'secret' });
    const renamed = hello({ proof, name: 'c@host' });
    expect(judge(renamed, context({ secretKey }))).toMatchObject({ reason: 'secret' });
    const reflected = hello({ proof: proofOf({ ...parts, role: 'acceptor' }) });
    expect(judge(reflected, context({ secretKey }))).toMatchObject({ reason: 'secret' });
  });

  test('a stale incarnation is told which one was seen, but only the holder of the key', () => {
    const seen = { seenIncarnation: 10n };
    const stale = hello({ incarnation: 9n });

    expect(judge(stale, context(seen))).toMatchObject({ seenIncarnation: 10n });
    const stranger = judge(stale, context({ ...seen, pin: pinOf('other') }));
    expect(stranger).toMatchObject({ reason: 'key-mismatch' });
    expect(stranger).not.toHaveProperty('seenIncarnation');
  });

  test('an ephemeral key follows another one with a proven secret and a later start only', () => {
    const secretKey = keyOf('secret');
    const proof = proofOf({
      key: secretKey,
      role: 'dialer',
      ownKey: keyOf('a'),
      peerKey: keyOf('b'),
      cluster: 'default',
      name: 'a@host',
    });
    const pin = { ...pinOf('before'), ephemeral: true, incarnation: 10n };
    const later = { ephemeral: true, incarnation: 11n, proof };

    expect(judge(hello(later), context({ secretKey, pin }))).toEqual({ kind: 'accept' });
    const mismatch = { reason: 'key-mismatch' };
    const { proof: _, ...unproven } = later;
    expect(judge(hello(unproven), context({ pin }))).toMatchObject(mismatch);
    const lasting = hello({ ...later, ephemeral: false });
    expect(judge(lasting, context({ secretKey, pin }))).toMatchObject(mismatch);
    const durable = context({ secretKey, pin: { ...pin, ephemeral: false } });
    expect(judge(hello(later), durable)).toMatchObject(mismatch);
    const early = judge(hello({ ...later, incarnation: 10n }), context({ secretKey, pin }));
    expect(early).toMatchObject({ reason: 'stale-incarnation', seenIncarnation: 10n });
  });

  test('the claim for the trust table has what was proven', () => {
    expect(claimOf(hello({ ephemeral: true }), context({ secretKey: keyOf('secret') }))).toEqual({
      publicKey: keyOf('a'),
      ephemeral: true,
      incarnation: 10n,
      secretProven: true,
      endorsements: [],
      cluster: 'default',
    });
  });
});

/** A dialer's hello, of the node `a@host` with the key `a`. */
function hello(changes: Partial<Hello> = {}): Hello {
  return {
    kind: 'hello',
    role: 'dialer',
    versionMin: 1,
    versionMax: 1,
    cluster: 'default',
    name: 'a@host',
    incarnation: 10n,
    addresses: ['127.0.0.1:4000', '[::1]:4000'],
    ephemeral: false,
    heartbeatMs: 500,
    ringSize: 4_096,
    wallMs: START_MS,
    features: 0,
    endorsements: [],
    dialled: undefined,
    proof: undefined,
    certificate: undefined,
    ...changes,
  };
}

/** Of the acceptor `b@host` with the key `b`. */
function context(changes: Partial<AdmissionContext> = {}): AdmissionContext {
  return {
    self: {
      name: 'b@host',
      publicKey: keyOf('b'),
      cluster: 'default',
      versionMin: 1,
      versionMax: 1,
      heartbeatMs: 500,
      ringSize: 4_096,
    },
    role: 'acceptor',
    peerKey: keyOf('a'),
    wallMs: START_MS,
    pin: undefined,
    mode: 'tofu',
    ...changes,
  };
}

function pinOf(key: string): Pin {
  return {
    node: 'a@host',
    publicKey: keyOf(key),
    by: 'tofu',
    ephemeral: false,
    incarnation: 0n,
    formerKeys: [],
    sinceMs: START_MS,
    seenMs: START_MS,
  };
}

const anyHello: fc.Arbitrary<Hello> = fc.record({
  kind: fc.constant('hello' as const),
  role: fc.constantFrom('dialer' as const, 'acceptor' as const),
  versionMin: fc.constant(1),
  versionMax: fc.integer({ min: 1, max: 1_000 }),
  cluster: fc.string({ unit: 'grapheme', maxLength: 20 }),
  name: fc.string({ unit: 'grapheme', maxLength: 20 }),
  incarnation: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  addresses: fc.array(fc.constantFrom('h:1', '127.0.0.1:65535', '[::1]:9'), { maxLength: 8 }),
  ephemeral: fc.boolean(),
  heartbeatMs: fc.maxSafeNat(),
  ringSize: fc.nat(),
  wallMs: fc.maxSafeNat(),
  features: fc.maxSafeNat(),
  endorsements: fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 16 }),
  dialled: fc.option(fc.string({ maxLength: 100 }), { nil: undefined }),
  proof: fc.option(fc.uint8Array({ maxLength: 64 }), { nil: undefined }),
  certificate: fc.option(fc.uint8Array({ maxLength: 1_024 }), { nil: undefined }),
});
