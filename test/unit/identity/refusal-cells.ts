/** Every reason of a refusal, and at either end what brings it about: a HELLO, or who reads it. */
import type { RefusalReason } from '../../../src/errors.ts';
import type { AdmissionContext } from '../../../src/identity/admission.ts';
import { Authority } from '../../../src/identity/authority.ts';
import type { Hello } from '../../../src/identity/hello.ts';
import { createKeyPair } from '../../../src/identity/keys.ts';
import type { Pin } from '../../../src/identity/pin.ts';
import { readRevocation, revoke } from '../../../src/identity/revocation.ts';
import { keyOf, START_MS, testHost } from './fixtures.ts';

export type Role = AdmissionContext['role'];

export interface Fault {
  readonly hello?: Partial<Hello>;
  readonly context?: Partial<AdmissionContext>;
}

export type Cell = Fault | 'pinning' | 'never';

const operator = createKeyPair(testHost('operator').random);

/** The compiler asks for a row for each reason. */
export const MATRIX: Record<RefusalReason, Readonly<Record<Role, Cell>>> = {
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
};

function same(fault: Fault): { readonly acceptor: Fault; readonly dialer: Fault } {
  return { acceptor: fault, dialer: fault };
}

/** An operator that has revoked that key, or none yet. */
export function revoking(
  key?: string,
  authority: Authority = new Authority({
    publicKey: operator.publicKey,
    certificate: new Uint8Array(0),
  }),
): Authority {
  if (key === undefined) return authority;
  const revoked = { kind: 'key', publicKey: keyOf(key) } as const;
  const bytes = revoke(operator.privateKeyPem, revoked, START_MS);
  const revocation = readRevocation(bytes, operator.publicKey);
  if (revocation !== undefined) authority.revocations.add(revocation, bytes);
  return authority;
}

/** Of `a@host` with the key `a`, to `b@host`. */
export function helloTo(role: Role, changes: Partial<Hello> = {}): Hello {
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

export function contextOf(role: Role, changes: Partial<AdmissionContext> = {}): AdmissionContext {
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

export function pinOf(key: string): Pin {
  const times = { sinceMs: START_MS, seenMs: START_MS };
  const publicKey = keyOf(key);
  const plain = { ephemeral: false, incarnation: 0n, formerKeys: [] };
  return { node: 'a@host', publicKey, by: 'tofu', ...plain, ...times };
}
