/** A pin binds a node name to the key that its holder must prove; and how a claim is held to it. */
import type { NodeName } from '../core/names.ts';
import type { RejectReason } from './hello.ts';

/** First contact pins the key (`tofu`), or only keys that are pinned already are admitted. */
export type TrustMode = 'tofu' | 'strict';

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
}

/** What a node says about itself at admission, and what was proven about it. */
export interface Claim {
  /** Proven by TLS. */
  readonly publicKey: Uint8Array;
  readonly ephemeral: boolean;
  readonly incarnation: bigint;
  /** A join secret is set and the node proved to know it. */
  readonly secretProven: boolean;
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
  | { readonly kind: 'known' | 'new' | 'successor' };

/** Holds a claim against the pin of that name. Changes nothing. */
export function judgePin(pin: Pin | undefined, claim: Claim, mode: TrustMode): PinVerdict {
  const isKnown = pin !== undefined && isSameKey(pin.publicKey, claim.publicKey);
  if (pin !== undefined && !isKnown) return judgeOtherKey(pin, claim, mode);
  if (mode === 'strict' && claim.ephemeral) {
    return refuse('not-trusted', 'strict trust takes no ephemeral keys');
  }
  if (isKnown) return { kind: 'known' };
  if (mode === 'strict') return refuse('not-trusted', 'no key is pinned for this name');
  return { kind: 'new' };
}

/** An ephemeral key may follow another one, but only for those who know the join secret. */
function judgeOtherKey(pin: Pin, claim: Claim, mode: TrustMode): PinVerdict {
  const mayFollow = mode === 'tofu' && pin.ephemeral && claim.ephemeral && claim.secretProven;
  if (!mayFollow) return refuse('key-mismatch', 'another key is pinned for this name');
  if (claim.incarnation > pin.incarnation) return { kind: 'successor' };
  return {
    ...refuse('stale-incarnation', 'a later start of this node was seen'),
    seenIncarnation: pin.incarnation,
  };
}

export function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function refuse(reason: RejectReason, detail: string): Refusal {
  return { kind: 'reject', reason, detail };
}
