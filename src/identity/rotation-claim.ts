/** What a node with a live connection says of its keys, and how that is held to the connection. */
import type { NodeName } from '../core/names.ts';
import { isCountersigned, statementsOf, successionOf } from './endorsement.ts';
import { isSameKey, type Refusal, refuse } from './pin.ts';

export interface RotationClaim {
  /** The key that the connection was proven with, or followed to. */
  readonly linkKey: Uint8Array;
  readonly endorsements: readonly Uint8Array[];
  /** Of the last statement, by the key that it names. */
  readonly countersignature: Uint8Array;
  readonly cluster: string;
}

export type FollowVerdict =
  | Refusal
  | {
      readonly kind: 'followed';
      readonly publicKey: Uint8Array;
      readonly seq: number;
      /** From which it followed, newest first; none when it is the key of the connection. */
      readonly keys: readonly Uint8Array[];
    };

/** Without what else is known of the node. Takes hostile bytes and never throws. */
export function judgeRotation(node: NodeName, claim: RotationClaim): FollowVerdict {
  const { linkKey: from, endorsements, countersignature, cluster } = claim;
  const owner = { cluster, name: node };
  const last = statementsOf(endorsements).at(-1);
  if (last === undefined) return refuse('key-mismatch', 'unreadable endorsements');
  if (!isCountersigned(last, countersignature, owner)) {
    return refuse('key-mismatch', 'the new key has not signed for it');
  }
  const { newKey: publicKey, seq } = last;
  if (isSameKey(from, publicKey)) return { kind: 'followed', publicKey, seq, keys: [] };
  const succession = successionOf({ endorsements, owner, from, to: publicKey });
  if (succession === undefined) {
    return refuse('key-mismatch', 'the key of the link has not endorsed it');
  }
  return { kind: 'followed', publicKey, seq, keys: succession.keys };
}
