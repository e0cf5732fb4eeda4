/**
 * Judges a HELLO: pure, in a fixed order, the first rule that is broken gives the reason. Both ends
 * of a connection judge by the same rules. What depends on other connections (two links at once,
 * caps) is decided by the caller, and the pin is stored by `TrustTable.admit` afterwards.
 */
import { isNodeName, type NodeName } from '../core/names.ts';
import { CLOCK_SKEW_MS_MAX } from '../limits.ts';
import type { Authority, CertifiedClaim } from './authority.ts';
import { keysBefore, statementsOf } from './endorsement.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { ForeignHello, Hello } from './hello.ts';
import { isOfTheFuture } from './incarnation.ts';
import {
  type Claim,
  isSameKey,
  judgePin,
  lineOf,
  type Pin,
  type Refusal,
  refuse,
  type TrustMode,
} from './pin.ts';
import { isProof } from './secret.ts';

/** What this node says in its own HELLO, as far as judging needs it. */
export interface AdmissionSelf {
  readonly name: NodeName;
  /** The key that this end has proven on the connection. Raw, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly cluster: string;
  readonly versionMin: number;
  readonly versionMax: number;
  readonly heartbeatMs: number;
  /** 0 = not set. */
  readonly ringSize: number;
}

/** Of a node that lives, whether it was met here or not. */
export interface LivingKey {
  readonly fingerprint: string;
  readonly ephemeral?: boolean | undefined;
}

export interface AdmissionContext {
  readonly self: AdmissionSelf;
  /** This node's role on the connection. */
  readonly role: 'dialer' | 'acceptor';
  /** The key that TLS proved for the other end. */
  readonly peerKey: Uint8Array;
  /** Whom this node meant to dial, where it knows. */
  readonly dialledName?: NodeName | undefined;
  /** Derived join secret; undefined without one. */
  readonly secretKey?: Uint8Array | undefined;
  /** Own wall clock. */
  readonly wallMs: number;
  /** Greatest incarnation known for the claimed name. */
  readonly seenIncarnation?: bigint | undefined;
  /** What others say of the key that has the claimed name now. */
  readonly living?: LivingKey | undefined;
  /** What the trust table has for the claimed name. */
  readonly pin: Pin | undefined;
  readonly mode: TrustMode;
  /** True for a key that this node had before a rotation. */
  readonly isFormerKey?: ((key: Uint8Array) => boolean) | undefined;
  /** The operator's key and what it has revoked; undefined where none is known. */
  readonly authority?: Authority | undefined;
}

export type Verdict = { readonly kind: 'accept' } | Refusal;

type Rule = (hello: Hello, context: AdmissionContext) => Refusal | undefined;

const RULES: readonly Rule[] = [
  clusterFault,
  proofFault,
  clockFault,
  parametersFault,
  nameFault,
  ownFault,
  dialledFault,
  revokedFault,
  trustFault,
  livingFault,
  incarnationFault,
];

/** Accepts a HELLO, or says which rule it breaks first. Never throws, whatever the HELLO says. */
export function judge(hello: Hello | ForeignHello, context: AdmissionContext): Verdict {
  const version = versionFault(hello, context);
  if (version !== undefined || hello.kind === 'foreignHello') {
    return version ?? refuse('protocol-version', 'unreadable hello');
  }
  for (const rule of RULES) {
    const refusal = rule(hello, context);
    if (refusal !== undefined) return refusal;
  }
  return { kind: 'accept' };
}

/** What `TrustTable.admit` needs to know of a HELLO that `judge` accepted. */
export function claimOf(hello: Hello, context: AdmissionContext): Claim {
  return {
    publicKey: context.peerKey,
    ephemeral: hello.ephemeral,
    incarnation: hello.incarnation,
    secretProven: context.secretKey !== undefined,
    endorsements: hello.endorsements,
    cluster: hello.cluster,
    certificate: hello.certificate,
  };
}

/** The same of one that shows a certificate. */
export function certifiedClaimOf(hello: Hello, { peerKey }: AdmissionContext): CertifiedClaim {
  const { certificate, endorsements, incarnation, cluster, name } = hello;
  return { publicKey: peerKey, certificate, endorsements, incarnation, owner: { cluster, name } };
}

function versionFault(
  hello: Hello | ForeignHello,
  { self }: AdmissionContext,
): Refusal | undefined {
  const isShared = hello.versionMin <= self.versionMax && hello.versionMax >= self.versionMin;
  if (isShared && hello.versionMin <= hello.versionMax) return undefined;
  return refuse(
    'protocol-version',
    `${hello.versionMin} to ${hello.versionMax}, here ${self.versionMin} to ${self.versionMax}`,
  );
}

function clusterFault(hello: Hello, { self }: AdmissionContext): Refusal | undefined {
  if (hello.cluster === self.cluster) return undefined;
  return refuse('cluster', `${quote(hello.cluster)}, here ${quote(self.cluster)}`);
}

function proofFault(hello: Hello, context: AdmissionContext): Refusal | undefined {
  const { secretKey, self, peerKey, role } = context;
  if (secretKey === undefined) {
    return hello.proof === undefined ? undefined : refuse('secret', 'no join secret is set here');
  }
  if (hello.proof === undefined) return refuse('secret', 'a join secret is required here');
  const isProven = isProof(hello.proof, {
    key: secretKey,
    role: other(role),
    ownKey: peerKey,
    peerKey: self.publicKey,
    cluster: hello.cluster,
    name: hello.name,
  });
  return isProven ? undefined : refuse('secret', 'the join secrets differ');
}

function clockFault(hello: Hello, { wallMs }: AdmissionContext): Refusal | undefined {
  const aheadMs = hello.wallMs - wallMs;
  if (isOfTheFuture(hello.incarnation, wallMs)) {
    return refuse('clock', 'a start of a time that has not come');
  }
  if (Math.abs(aheadMs) <= CLOCK_SKEW_MS_MAX) return undefined;
  const side = aheadMs > 0 ? 'ahead of' : 'behind';
  return refuse('clock', `${Math.round(Math.abs(aheadMs) / 1000)} s ${side} the clock here`);
}

function parametersFault(hello: Hello, context: AdmissionContext): Refusal | undefined {
  const { self, role } = context;
  if (hello.role !== other(role)) return refuse('parameters', `role ${hello.role} on both ends`);
  if (hello.heartbeatMs !== self.heartbeatMs) {
    return refuse('parameters', `heartbeatMs ${hello.heartbeatMs}, here ${self.heartbeatMs}`);
  }
  const isSet = hello.ringSize !== 0 && self.ringSize !== 0;
  if (!isSet || hello.ringSize === self.ringSize) return undefined;
  return refuse('parameters', `ringSize ${hello.ringSize}, here ${self.ringSize}`);
}

function nameFault(hello: Hello): Refusal | undefined {
  if (isNodeName(hello.name)) return undefined;
  return refuse('name', `${quote(hello.name)} is no node name`);
}

function ownFault(
  hello: Hello,
  { self, peerKey, isFormerKey }: AdmissionContext,
): Refusal | undefined {
  if (isFormerKey?.(peerKey) === true) {
    return refuse('key-mismatch', `a key that ${self.name} has given up`);
  }
  const isOwnKey = isSameKey(peerKey, self.publicKey);
  if (hello.name === self.name) {
    const detail = isOwnKey ? 'this is the same node' : 'the node here has this name';
    return refuse('name-taken', detail);
  }
  if (!isOwnKey) return undefined;
  return refuse('key-mismatch', `the key of ${self.name} under the name ${hello.name}`);
}

function dialledFault(hello: Hello, context: AdmissionContext): Refusal | undefined {
  const { dialledName, self } = context;
  if (dialledName !== undefined && hello.name !== dialledName) {
    return refuse('name', `${hello.name} answered for ${dialledName}`);
  }
  if (hello.dialled === undefined || hello.dialled === self.name) return undefined;
  return refuse('name', `this is ${self.name}, not ${quote(hello.dialled)}`);
}

/**
 * An operator's word counts in every mode: against the keys that a peer shows, and against those
 * that are known to have led to them, whether it shows them or not; so with certificates.
 */
function revokedFault(hello: Hello, context: AdmissionContext): Refusal | undefined {
  const { authority, peerKey, pin, mode, wallMs } = context;
  if (authority === undefined) return undefined;
  const shown = [peerKey, ...statementsOf(hello.endorsements).map(({ oldKey }) => oldKey)];
  const line = lineOf(pin, shown);
  if (authority.isRevoked({ keys: [...shown, ...line], serials: [] })) {
    return refuse('revoked', 'the operator has revoked the key');
  }
  // Where certificates decide, their own rule asks for revocations of them.
  if (mode === 'authority') return undefined;
  const remembered = line.length === 0 ? undefined : pin?.certified;
  const certified = authority.groundsOf(certifiedClaimOf(hello, context), wallMs) ?? remembered;
  if (certified === undefined || !authority.isRevoked(certified)) return undefined;
  return refuse('revoked', 'the operator has revoked the certificate');
}

function trustFault(hello: Hello, context: AdmissionContext): Refusal | undefined {
  const { mode, authority, wallMs } = context;
  const verdict =
    mode === 'authority'
      ? authority?.judge(certifiedClaimOf(hello, context), wallMs)
      : judgePin(context.pin, claimOf(hello, context), mode);
  if (verdict === undefined) return refuse('certificate', 'no authority is known here');
  return verdict.kind === 'reject' ? verdict : undefined;
}

/**
 * Who was never met here may live all the same, and has its name then: the first contact of another
 * key is none. What is pinned outweighs what others say.
 */
function livingFault(hello: Hello, context: AdmissionContext): Refusal | undefined {
  const { living, pin, mode, peerKey } = context;
  if (living === undefined || pin !== undefined || mode !== 'tofu') return undefined;
  const owner = { cluster: hello.cluster, name: hello.name };
  const line = [peerKey, ...keysBefore(peerKey, hello.endorsements, owner)];
  if (line.some((key) => fingerprintOf(key) === living.fingerprint)) return undefined;
  if (mayTakeOver(living, hello, context)) return undefined;
  return refuse('key-mismatch', 'the node that has this name now has another key');
}

/** As for pins of ephemeral keys; that the start is an earlier one is told by the next rule. */
function mayTakeOver(living: LivingKey, hello: Hello, context: AdmissionContext): boolean {
  const { secretKey, seenIncarnation } = context;
  const isEphemeral = living.ephemeral === true && hello.ephemeral;
  return isEphemeral && secretKey !== undefined && hello.incarnation !== seenIncarnation;
}

function incarnationFault(hello: Hello, context: AdmissionContext): Refusal | undefined {
  const seenIncarnation = context.seenIncarnation ?? 0n;
  if (hello.incarnation >= seenIncarnation) return undefined;
  return { ...refuse('stale-incarnation', 'a later start of this node was seen'), seenIncarnation };
}

function other(role: 'dialer' | 'acceptor'): 'dialer' | 'acceptor' {
  return role === 'dialer' ? 'acceptor' : 'dialer';
}

/** What a stranger sent, short and on one line. */
function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}
