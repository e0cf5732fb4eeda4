/** A pin binds a node name to the key that its holder must prove; and how a claim is held to it. */
import type { NodeName } from '../core/names.ts';
import { isForked, keysBefore, type Succession, successionOf } from './endorsement.ts';
import type { RejectReason } from './hello.ts';
import { ENDORSEMENTS_MAX } from './identity-limits.ts';
import type { Grounds } from './node-certificate.ts';

/**
 * First contact pins the key (`tofu`), or only keys that are pinned already are admitted
 * (`strict`), or those that an operator has certified (`authority`).
 */
export type TrustMode = 'tofu' | 'strict' | 'authority';

/** Who pinned: a person, or the first contact, or a statement of the key pinned before. */
export type PinnedBy = 'operator' | 'tofu' | 'endorsement';

export interface Pin {
  readonly node: NodeName;
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly by: PinnedBy;
  /** The key ends with its node: so does the pin, which lives in memory only. */
  readonly ephemeral: boolean;
  /** Greatest incarnation admitted under it since this node started; 0 before. */
  readonly incarnation: bigint;
  /** Wall clock, when it was pinned. */
  readonly sinceMs: number;
  /** Wall clock, of the last admission under it. */
  readonly seenMs: number;
  /** How the key followed from the one before; undefined for a key that was never rotated here. */
  readonly rotation?: PinRotation | undefined;
  /** Keys that led to it, newest first, at most 16: the operator may revoke any of them. */
  readonly formerKeys: readonly Uint8Array[];
  /** By the certificate that its node has shown last; it cannot be hidden afterwards. */
  readonly certified?: Grounds | undefined;
}

export interface PinRotation extends Omit<Succession, 'keys'> {
  /** Who pinned the first key of the line. */
  readonly origin: Exclude<PinnedBy, 'endorsement'>;
}

/** What a node says about itself at admission, and what was proven about it. */
export interface Claim {
  /** Proven by TLS. */
  readonly publicKey: Uint8Array;
  readonly ephemeral: boolean;
  readonly incarnation: bigint;
  /** A join secret is set and the node proved to know it. */
  readonly secretProven: boolean;
  /** Statements of its rotated keys, as they came. */
  readonly endorsements: readonly Uint8Array[];
  readonly cluster: string;
  /** Of an operator, where pins decide. */
  readonly certificate?: Uint8Array | undefined;
}

export interface Refusal {
  readonly kind: 'reject';
  readonly reason: RejectReason;
  readonly detail: string;
  readonly seenIncarnation?: bigint;
}

export type PinVerdict =
  | Refusal
  /** The key is the pinned one, is new, or takes the place of an ephemeral key. */
  | { readonly kind: 'known' | 'new' | 'successor' }
  /** The pinned key has named it as the one that follows. */
  | { readonly kind: 'endorsed'; readonly succession: Succession };

/** How claims are held to pins; where certificates count, pins do not. */
export type PinMode = Exclude<TrustMode, 'authority'>;

/** Holds a claim against the pin of that name. Changes nothing. */
export function judgePin(pin: Pin | undefined, claim: Claim, mode: PinMode): PinVerdict {
  const isKnown = pin !== undefined && isSameKey(pin.publicKey, claim.publicKey);
  if (pin !== undefined && !isKnown) return judgeOtherKey(pin, claim, mode);
  if (mode === 'strict' && claim.ephemeral) {
    return refuse('not-trusted', EPHEMERAL);
  }
  if (isKnown) return { kind: 'known' };
  if (mode === 'strict') return refuse('not-trusted', 'no key is pinned for this name');
  return { kind: 'new' };
}

/** How the claimed key follows from the pinned one, by statements later than those followed. */
export function endorsedBy(
  { node, publicKey: from, rotation }: Pin,
  { endorsements, cluster, publicKey: to }: Pick<Claim, 'endorsements' | 'cluster' | 'publicKey'>,
): Succession | undefined {
  const owner = { cluster, name: node };
  return successionOf({ endorsements, owner, from, to, above: rotation?.seq ?? 0 });
}

/**
 * Another key than the pinned one: the pinned one may have endorsed it. An ephemeral key may follow
 * another one without that, but only for those who know the join secret.
 */
function judgeOtherKey(pin: Pin, claim: Claim, mode: PinMode): PinVerdict {
  const succession = endorsedBy(pin, claim);
  if (succession !== undefined) {
    if (mode === 'strict' && claim.ephemeral) return refuse('not-trusted', EPHEMERAL);
    return { kind: 'endorsed', succession };
  }
  if (isFork(pin, claim)) return refuse('key-mismatch', FORKED);
  const mayFollow = mode === 'tofu' && pin.ephemeral && claim.ephemeral && claim.secretProven;
  if (!mayFollow) return refuse('key-mismatch', 'another key is pinned for this name');
  if (claim.incarnation > pin.incarnation) return { kind: 'successor' };
  return {
    ...refuse('stale-incarnation', 'a later start of this node was seen'),
    seenIncarnation: pin.incarnation,
  };
}

/** The key before the pinned one has endorsed two keys under one number. */
export function isFork(
  { node, publicKey, rotation }: Pin,
  { endorsements, cluster }: Pick<Claim, 'endorsements' | 'cluster'>,
): boolean {
  if (rotation === undefined) return false;
  return isForked(endorsements, { ...rotation, publicKey }, { cluster, name: node });
}

export const FORKED =
  'the key before endorsed two keys under one number: it is in the hands of a second one';
const EPHEMERAL = 'strict trust takes no ephemeral keys';

/** Who pinned the first key of the line that the pin is in. */
export function originOf({ by, rotation }: Pin): PinRotation['origin'] {
  return rotation?.origin ?? (by === 'operator' ? 'operator' : 'tofu');
}

/** The line of keys of a pin after more of them; what was known first is forgotten last. */
export function lengthened(
  first: readonly Uint8Array[],
  then: readonly Uint8Array[],
): readonly Uint8Array[] {
  const added = then.filter((key) => !first.some((known) => isSameKey(known, key)));
  return [...first, ...added].slice(0, ENDORSEMENTS_MAX);
}

/** The pin after another admission under its key. */
export function refreshed(pin: Pin, claim: Claim, certified: Grounds | undefined): Pin {
  const { publicKey, endorsements, cluster } = claim;
  const { formerKeys } = pin;
  const shown =
    endorsements.length > formerKeys.length
      ? keysBefore(publicKey, endorsements, { cluster, name: pin.node })
      : [];
  return {
    ...pin,
    ...(claim.incarnation > pin.incarnation ? { incarnation: claim.incarnation } : {}),
    formerKeys: lengthened(formerKeys, shown),
    certified: certified ?? pin.certified,
  };
}

/** True when the second one says no more of keys and certificates than the first. */
export function isAsWellKnown(first: Pin | undefined, second: Pin): boolean {
  if (first?.formerKeys.length !== second.formerKeys.length) return false;
  return `${first.certified?.serials}` === `${second.certified?.serials}`;
}

/** The pinned key and those before it, for whoever shows one of them; none for others. */
export function lineOf(pin: Pin | undefined, shown: readonly Uint8Array[]): readonly Uint8Array[] {
  if (pin === undefined) return [];
  const line = [pin.publicKey, ...pin.formerKeys];
  return line.some((key) => shown.some((one) => isSameKey(key, one))) ? line : [];
}

export function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function refuse(reason: RejectReason, detail: string): Refusal {
  return { kind: 'reject', reason, detail };
}
