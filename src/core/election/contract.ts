/** What goes into the elections of one node and what comes out: effects are orders for a driver. */
import type { NodeName } from '../names.ts';
import type { Candidate, Rival } from './candidate.ts';
import type { FenceToken } from './fence-token.ts';
import type { VoteAnswer } from './mandate.ts';
import type { TermRecord } from './term-record.ts';
import type { Voters } from './voters.ts';

/** How this node stands for a name. */
export interface CampaignRules {
  readonly priority: number;
  readonly isSticky: boolean;
  /** It stands only while so many members are alive here, itself included. */
  readonly minMembers: number;
  /** More than half of them have to agree; undefined where nobody has to. */
  readonly voters?: Voters | undefined;
  /** Of the process that stands for it. */
  readonly serial: number;
}

export type ElectionInput =
  /** This node would lead. Not while it is a candidate for the name already. */
  | { readonly kind: 'campaign'; readonly name: string; readonly rules: CampaignRules }
  /** It would no more. Nothing is said of a revoked term. */
  | { readonly kind: 'withdraw'; readonly name: string }
  /** What another living node says of its candidacy now; undefined when there is none. */
  | {
      readonly kind: 'candidate';
      readonly name: string;
      readonly node: NodeName;
      readonly incarnation: bigint;
      readonly candidate: Candidate | undefined;
    }
  /** The greatest token of the name, as others know it. */
  | { readonly kind: 'term'; readonly name: string; readonly term: TermRecord }
  /** The answer to `mint`: the token is known and kept, or cannot be. */
  | {
      readonly kind: 'minted';
      readonly name: string;
      readonly token: FenceToken;
      readonly isKept: boolean;
    }
  /** Another node that was asked under this number holds this one alive. */
  | { readonly kind: 'attested'; readonly nonce: number }
  /** A voter answers. */
  | { readonly kind: 'voted'; readonly name: string; readonly answer: VoteAnswer }
  /** This node takes part, for the first time or after `left`; it knows of nothing yet. */
  | { readonly kind: 'joined' }
  /** The stores are compared with those of another member, or this node is alone. */
  | { readonly kind: 'synced' }
  /** This node leaves the cluster, until it has joined again. */
  | { readonly kind: 'left' }
  /** Somebody came or went. */
  | { readonly kind: 'membersChanged' }
  | { readonly kind: 'timerFired'; readonly timer: ElectionTimer };

/** Timers are never cancelled: one with an old generation is ignored when it fires. */
export interface ElectionTimer {
  readonly kind: 'look' | 'renew' | 'boot';
  readonly generation: number;
}

export type ElectionEffect =
  /** Tell all nodes of this node's candidacy as it is now. */
  | { readonly kind: 'publish'; readonly name: string; readonly candidate: Candidate }
  /** Tell all nodes that it is no more. */
  | { readonly kind: 'retract'; readonly name: string }
  /** Make the token known and, where there is a disk, durable; answer with `minted`. */
  | { readonly kind: 'mint'; readonly name: string; readonly token: FenceToken }
  /** A term of this node begins. */
  | { readonly kind: 'elected'; readonly name: string; readonly token: FenceToken }
  /** Its term is over. Comes before the word to others. */
  | { readonly kind: 'revoked'; readonly name: string }
  /** Who leads, as known here, is other than before. */
  | { readonly kind: 'leader'; readonly name: string; readonly leader: Rival | undefined }
  /** Ask the neighbours whether they hold this node alive; each that does answers `attested`. */
  | { readonly kind: 'ask'; readonly nonce: number }
  /** Ask those nodes, of the voters, for the term of that token; each answers `voted`. */
  | {
      readonly kind: 'poll';
      readonly name: string;
      readonly token: FenceToken;
      readonly voters: Voters;
      readonly nonce: number;
      readonly to: readonly NodeName[];
    }
  /** Tell the voters that the term of that token is over, or will never be. */
  | {
      readonly kind: 'release';
      readonly name: string;
      readonly token: FenceToken;
      readonly voters: Voters;
    }
  /** Another candidate of the name has other voters, or none: this one has to be withdrawn. */
  | { readonly kind: 'conflict'; readonly name: string; readonly rival: Rival | undefined }
  | { readonly kind: 'schedule'; readonly timer: ElectionTimer; readonly delayMs: number };

/** What elections read of the roster. */
export interface Membership {
  /** Members as known here, this node included. */
  readonly living: number;
  /** Those of them that nobody misses. */
  readonly unsuspected: number;
}
