/** Every reason of a refusal, at either end, and the page that lists them. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { RefusalReason } from '../../../src/errors.ts';
import { type AdmissionContext, judge } from '../../../src/identity/admission.ts';
import { Authority } from '../../../src/identity/authority.ts';
import type { Hello } from '../../../src/identity/hello.ts';
import { createKeyPair } from '../../../src/identity/keys.ts';
import type { Pin } from '../../../src/identity/pin.ts';
import { readRevocation, revoke } from '../../../src/identity/revocation.ts';
import { openTrustTable } from '../../../src/identity/trust.ts';
import { claim, keyOf, START_MS, testHost } from './fixtures.ts';

interface Fault {
  readonly hello?: Partial<Hello>;
  readonly context?: Partial<AdmissionContext>;
}

type Cell = Fault | 'pinning' | 'never';

const operator = createKeyPair(testHost('operator').random);

/** The compiler asks for a row for each reason. */
const MATRIX = {
  'protocol-version': same({ hello: { versionMin: 8, versionMax: 9 } }),
  cluster: same({ hello: { cluster: 'other' } }),
  secret: same({ context: { secretKey: keyOf('secret') } }),
  name: {
    acceptor: { hello: { dialled: 'c@host' } },
    dialer: { context: { dialledName: 'c@host' } },
  },
  'name-taken': same({ hello: { name: 'b@host' } }),
  'key-mismatch': same({ context: { pin: pinOf('other') } }),
  'not-trusted': same({ context: { mode: 'strict' } }),
  revoked: same({ context: { authority: revoking('a') } }),
  certificate: same({ context: { authority: revoking('other'), mode: 'authority' } }),
  'stale-incarnation': same({ context: { seenIncarnation: 11n } }),
  parameters: same({ hello: { heartbeatMs: 1 } }),
  clock: same({ hello: { wallMs: START_MS + 60_001 } }),
  overloaded: { acceptor: 'pinning', dialer: 'pinning' },
  blocked: { acceptor: 'never', dialer: 'never' },
} as const satisfies Record<RefusalReason, Readonly<Record<AdmissionContext['role'], Cell>>>;

const cells = Object.entries(MATRIX).flatMap(([reason, ends]) =>
  Object.entries(ends).map(([role, cell]: [string, Cell]) => ({ reason, role, cell })),
);
const judged = cells.flatMap(({ reason, role, cell }) =>
  typeof cell === 'string' ? [] : [{ reason, role: role as AdmissionContext['role'], ...cell }],
);

test.each(judged)('the $role refuses with $reason', ({ reason, role, hello, context }) => {
  expect(judge(helloTo(role, hello), contextOf(role, context))).toMatchObject({ reason });
  // Without the fault nobody is refused: the reason is its own.
  expect(judge(helloTo(role), contextOf(role))).toEqual({ kind: 'accept' });
});

test('either end refuses with overloaded when it may pin no more keys', async () => {
  const host = testHost();
  const table = await openTrustTable({
    host,
    dataDir: undefined,
    mode: 'tofu',
    onRemoved: () => {},
  });
  const verdicts = [];
  for (let at = 0; at < 61; at += 1) verdicts.push(await table.admit(`n${at}@h`, claim(`${at}`)));
  expect(verdicts.at(-2)).toEqual({ kind: 'accept' });
  expect(verdicts.at(-1)).toMatchObject({ reason: 'overloaded' });
});

describe('the page of refusals', () => {
  test('has a row for each reason, and says never where there is no such refusal', async () => {
    const page = await readFile(
      new URL('../../../docs/reference/refusals.md', import.meta.url),
      'utf8',
    );
    const rows = [...page.matchAll(/^\| `([a-z-]+)` \| ([^|]+) \| ([^|]+) \| /gm)];
    const told = rows.map(([, reason, acceptor, dialer]) => [
      reason,
      acceptor?.trim() === 'never',
      dialer?.trim() === 'never',
    ]);
    const known = Object.entries(MATRIX).map(([reason, { acceptor, dialer }]) => [
      reason,
      acceptor === 'never',
      dialer === 'never',
    ]);
    expect(told).toEqual(known);
  });
});

function same(fault: Fault): { readonly acceptor: Fault; readonly dialer: Fault } {
  return { acceptor: fault, dialer: fault };
}

/** An operator that has revoked that key. */
function revoking(key: string): Authority {
  const authority = new Authority({
    publicKey: operator.publicKey,
    certificate: new Uint8Array(0),
  });
  const revoked = { kind: 'key', publicKey: keyOf(key) } as const;
  const bytes = revoke(operator.privateKeyPem, revoked, START_MS);
  const revocation = readRevocation(bytes, operator.publicKey);
  if (revocation !== undefined) authority.revocations.add(revocation, bytes);
  return authority;
}

/** Of `a@host` with the key `a`, to `b@host`. */
function helloTo(role: AdmissionContext['role'], changes: Partial<Hello> = {}): Hello {
  return {
    kind: 'hello',
    role: role === 'dialer' ? 'acceptor' : 'dialer',
    versionMin: 1,
    versionMax: 1,
    cluster: 'default',
    name: 'a@host',
    incarnation: 10n,
    addresses: [],
    ephemeral: false,
    heartbeatMs: 500,
    ringSize: 0,
    wallMs: START_MS,
    features: 0,
    endorsements: [],
    dialled: undefined,
    proof: undefined,
    certificate: undefined,
    ...changes,
  };
}

function contextOf(
  role: AdmissionContext['role'],
  changes: Partial<AdmissionContext> = {},
): AdmissionContext {
  const versions = { versionMin: 1, versionMax: 1 };
  const self = { name: 'b@host', publicKey: keyOf('b'), cluster: 'default', ...versions };
  return {
    self: { ...self, heartbeatMs: 500, ringSize: 0 },
    role,
    peerKey: keyOf('a'),
    wallMs: START_MS,
    pin: undefined,
    mode: 'tofu',
    ...changes,
  };
}

function pinOf(key: string): Pin {
  const times = { sinceMs: START_MS, seenMs: START_MS };
  const publicKey = keyOf(key);
  return { node: 'a@host', publicKey, by: 'tofu', ephemeral: false, incarnation: 0n, ...times };
}
