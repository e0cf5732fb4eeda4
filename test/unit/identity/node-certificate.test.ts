import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WireError } from '../../../src/core/wire/wire-error.ts';
import { Authority, type CertifiedClaim } from '../../../src/identity/authority.ts';
import { endorse } from '../../../src/identity/endorsement.ts';
import { CERTIFICATE_BYTES_MAX } from '../../../src/identity/identity-limits.ts';
import { createKeyPair, type KeyPair } from '../../../src/identity/keys.ts';
import { isNamePattern, matchesName } from '../../../src/identity/name-pattern.ts';
import {
  type CertificateFields,
  type CertificateQuestion,
  decodeCertificates,
  issue,
  judgeCertificates,
} from '../../../src/identity/node-certificate.ts';
import {
  Revocations,
  readRevocation,
  revoke,
  revokedId,
} from '../../../src/identity/revocation.ts';
import { START_MS, testHost } from './fixtures.ts';

const DAY_MS = 86_400_000;
const { random } = testHost('certificates');
const [operator, issuer, node, other] = Array.from({ length: 4 }, () => createKeyPair(random)) as [
  ReturnType<typeof createKeyPair>,
  ReturnType<typeof createKeyPair>,
  ReturnType<typeof createKeyPair>,
  ReturnType<typeof createKeyPair>,
];

describe('patterns of names', () => {
  test('match literally, by a star for a half, or by its beginning, and none without an @ (I28)', () => {
    expect(matchesName('a@host', 'a@host')).toBe(true);
    expect(matchesName('a@*', 'a@host')).toBe(true);
    expect(matchesName('*@host', 'a@host')).toBe(true);
    expect(matchesName('web-*@rack1', 'web-7@rack1')).toBe(true);
    expect(matchesName('b@host', 'a@host')).toBe(false);
    expect(matchesName('A@host', 'a@host')).toBe(false);
    expect(matchesName('', 'a@host')).toBe(false);
    expect(matchesName('*', 'a@host')).toBe(false);
    expect(matchesName('*@*', 'no name')).toBe(false);
  });

  test('have one star at most in a half, at its end', () => {
    for (const text of ['*a@host', 'a@h*t', 'a**@host', '@host', 'a@', 'a@b@*', 'a b@*']) {
      expect([text, isNamePattern(text)]).toEqual([text, false]);
    }
  });
});

describe('a certificate', () => {
  test('of the operator for the key and the name is taken', () => {
    expect(judge(certificate())).toMatchObject({ serial: 7n, serials: [7n] });
  });

  test.each<readonly [RegExp, Partial<CertificateFields>, Partial<CertificateQuestion>]>([
    [/not of this authority/, {}, { authorityKey: other.publicKey }],
    [/another key/, {}, { publicKey: other.publicKey }],
    [/for web-\*@host, not a@host/, { pattern: 'web-*@host' }, {}],
    [/not valid yet/, { notBeforeMs: START_MS + 60_001 }, {}],
    [/expired at 20/, { notAfterMs: START_MS - 1 }, {}],
    [/issuer where a node should be/, { mayIssue: true }, {}],
  ])('is refused: %s', (why, fields, question) => {
    expect(judge(certificate(fields), question)).toMatch(why);
  });

  test('that is missing or unreadable is refused', () => {
    expect(judge(undefined)).toMatch(/required/);
    expect(judge(new Uint8Array(9))).toMatch(/unreadable/);
  });

  test('counts for the key that the certified key has endorsed', () => {
    const words = { oldKey: node.publicKey, newKey: other.publicKey, seq: 1 };
    const statement = endorse(node.privateKeyPem, words, OWNER);
    const question = { publicKey: other.publicKey, endorsements: [statement] };
    expect(judge(certificate(), question)).toMatchObject({ serial: 7n });
  });

  test('of an issuer counts within the names and the time of both', () => {
    type Changes = Partial<CertificateFields>;
    const chain = (first: Changes, second: Changes): Uint8Array => {
      const own = decodeCertificates(
        issue(operator.privateKeyPem, fields({ ...ISSUER, ...first })),
      );
      return issue(issuer.privateKeyPem, fields({ serial: 9n, ...second }), own);
    };
    expect(judge(chain({}, {}))).toMatchObject({ serial: 9n, serials: [8n, 9n] });
    expect(judge(chain({ pattern: 'b@*' }, {}))).toMatch(/for b@\*/);
    expect(judge(chain({ notAfterMs: START_MS - 1 }, {}))).toMatch(/expired/);
    expect(judge(chain({ mayIssue: false }, {}))).toMatch(/issuer/);
    expect(judge(chain({}, { mayIssue: true }))).toMatch(/issuer/);
    expect(judge(chain({ publicKey: other.publicKey }, {}))).toMatch(/not of this authority/);
  });

  test('with one bit changed is refused, and hostile bytes throw nothing', () => {
    const valid = certificate();
    expect(valid.length).toBeLessThan(CERTIFICATE_BYTES_MAX);
    for (let at = 0; at < valid.length; at += 1) {
      const changed = valid.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(judge(changed)).toBeTypeOf('string');
      expect(judge(valid.subarray(0, at))).toBeTypeOf('string');
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_200 }), (bytes) => {
        expect(judge(bytes)).toBeTypeOf('string');
        expect(() => decodeCertificates(bytes)).toThrow(WireError);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a second key under a living name', () => {
  test('has the name by a later certificate, and by no other', () => {
    const authority = new Authority({
      publicKey: operator.publicKey,
      certificate: certificate(),
    });
    const claim = (serial: bigint, publicKey: Uint8Array, incarnation = 1n): CertifiedClaim => ({
      publicKey,
      certificate: certificate({ serial, publicKey }),
      endorsements: [],
      owner: OWNER,
      incarnation,
    });
    const first = claim(7n, node.publicKey);
    const verdict = authority.judge(first, START_MS);
    expect(verdict).toMatchObject({ kind: 'new' });
    if (verdict.kind !== 'reject') authority.bind(first, verdict.certified);
    expect(authority.judge(first, START_MS)).toMatchObject({ kind: 'known' });
    const mismatch = { kind: 'reject', reason: 'key-mismatch' };
    expect(authority.judge(claim(6n, other.publicKey, 9n), START_MS)).toMatchObject(mismatch);
    expect(authority.judge(claim(7n, other.publicKey, 9n), START_MS)).toMatchObject(mismatch);
    const later = authority.judge(claim(8n, other.publicKey), START_MS);
    expect(later).toMatchObject({ kind: 'successor' });
    authority.release(OWNER.name, 1n);
    expect(authority.judge(claim(6n, other.publicKey), START_MS)).toMatchObject({ kind: 'new' });
  });
});

describe('a rotation of a certified key', () => {
  const keys = Array.from({ length: 19 }, () => createKeyPair(random));
  const at = (index: number): KeyPair => keys[index] ?? node;
  const statement = (index: number): Uint8Array => {
    const words = { oldKey: at(index).publicKey, newKey: at(index + 1).publicKey, seq: index + 1 };
    return endorse(at(index).privateKeyPem, words, OWNER);
  };

  test('leaves all keys on which it rests in the binding, those in the middle too', () => {
    const authority = bound(2);
    for (const index of [0, 1, 2]) {
      expect(authority.binding(OWNER.name)?.certified.keys).toContainEqual(at(index).publicKey);
    }
  });

  test('is one of sixteen at most: then it is refused, and no key is forgotten', () => {
    const authority = bound(2);
    for (let index = 2; index < 16; index += 1) {
      expect(authority.mayRebind(OWNER.name, 1)).toBe(true);
      authority.rebind(OWNER.name, at(index + 1).publicKey, [at(index).publicKey]);
    }
    expect(authority.mayRebind(OWNER.name, 1)).toBe(false);
    const { keys: known = [] } = authority.binding(OWNER.name)?.certified ?? {};
    for (let index = 0; index <= 16; index += 1) {
      expect(known).toContainEqual(at(index).publicKey);
    }
  });

  test('that is told again adds nothing', () => {
    const authority = bound(2);
    const before = authority.binding(OWNER.name);
    authority.rebind(OWNER.name, at(2).publicKey, []);
    expect(authority.binding(OWNER.name)).toEqual(before);
  });

  /** A node that was admitted after so many rotations. */
  function bound(rotations: number): Authority {
    const { publicKey } = operator;
    const authority = new Authority({ publicKey, certificate: new Uint8Array(0) });
    const claim = {
      publicKey: at(rotations).publicKey,
      certificate: certificate({ publicKey: at(0).publicKey }),
      endorsements: Array.from({ length: rotations }, (_, index) => statement(index)),
      owner: OWNER,
      incarnation: 1n,
    };
    const verdict = authority.judge(claim, START_MS);
    if (verdict.kind === 'reject') throw new Error(verdict.detail);
    authority.bind(claim, verdict.certified);
    return authority;
  }
});

describe('a revocation', () => {
  test('of a certificate and of a key counts when the operator has signed it', () => {
    const revocations = new Revocations();
    for (const revoked of [
      { kind: 'serial', serial: 7n },
      { kind: 'key', publicKey: node.publicKey },
    ] as const) {
      const bytes = revoke(operator.privateKeyPem, revoked, START_MS);
      const read = readRevocation(bytes, operator.publicKey);
      expect(read?.revoked).toEqual(revoked);
      if (read !== undefined) expect(revocations.add(read, bytes)).toBe(true);
      expect(revocations.has(revokedId(revoked))).toBe(true);
    }
    expect([revocations.hasSerial(7n), revocations.hasSerial(8n)]).toEqual([true, false]);
    expect(revocations.hasKey(node.publicKey)).toBe(true);
    expect(revocations.hasKey(other.publicKey)).toBe(false);
  });

  test('of somebody else, or changed, counts nothing', () => {
    const revoked = { kind: 'serial', serial: 7n } as const;
    const forged = revoke(node.privateKeyPem, revoked, START_MS);
    expect(readRevocation(forged, operator.publicKey)).toBe(undefined);
    const valid = revoke(operator.privateKeyPem, revoked, START_MS);
    for (let at = 0; at < valid.length; at += 1) {
      const changed = valid.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(readRevocation(changed, operator.publicKey)).toBe(undefined);
      expect(readRevocation(valid.subarray(0, at), operator.publicKey)).toBe(undefined);
    }
  });
});

const OWNER = { cluster: 'default', name: 'a@host' };
const ISSUER = { pattern: 'a*@*', publicKey: issuer.publicKey, serial: 8n, mayIssue: true };

function fields(changes: Partial<CertificateFields> = {}): CertificateFields {
  return {
    pattern: 'a@host',
    publicKey: node.publicKey,
    serial: 7n,
    notBeforeMs: START_MS,
    notAfterMs: START_MS + DAY_MS,
    mayIssue: false,
    ...changes,
  };
}

function certificate(changes: Partial<CertificateFields> = {}): Uint8Array {
  return issue(operator.privateKeyPem, fields(changes));
}

function judge(
  bytes: Uint8Array | undefined,
  changes: Partial<CertificateQuestion> = {},
): ReturnType<typeof judgeCertificates> {
  return judgeCertificates(bytes, {
    authorityKey: operator.publicKey,
    owner: OWNER,
    publicKey: node.publicKey,
    endorsements: [],
    wallMs: START_MS,
    ...changes,
  });
}
