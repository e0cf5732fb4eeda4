/**
 * The face of elections: under each name one node leads what is connected, for one term after the
 * other, each with a token that is greater than those before.
 */
import type { NodeName } from '../core/names.ts';
import type { Pid } from '../core/pid.ts';
import type { Cancellable, Observable } from '../observable.ts';

/**
 * Nodes of which more than half must agree before a candidate of the name leads: never two lead at
 * once, partition or not, and a part without most of the voters has no leader. Fixed, odd, 1 to 31,
 * the same on all candidates of the name, else ERR_CONFLICT. Voters need not be candidates.
 */
export interface Quorum {
  readonly voters: readonly NodeName[];
}

/** How this node stands for a name. */
export interface CampaignOptions extends Cancellable {
  /** Higher wins. An integer of 32 bits. @default 0 */
  readonly priority?: number | undefined;
  /**
   * True: while this node leads it keeps its term against equals, so that one that returns steals
   * nothing; between equals of which none leads the smallest node name decides. False: it gives way
   * to an equal with a smaller name.
   * @default true
   */
  readonly sticky?: boolean | undefined;
  /** @default none: each part of a split network has a leader of its own */
  readonly quorum?: Quorum | undefined;
  /**
   * Leads only while so many members, itself included, are alive here: 1 to 16,384. With more than
   * half of the nodes a minority has no leader, but see `docs/reference/leaders.md`.
   * @default 1
   */
  readonly minMembers?: number | undefined;
  /**
   * The process of this node that stands for the candidacy: others find it as the leader's. The
   * candidacy ends with it.
   * @default one that is made for it, and takes no notice of messages
   */
  readonly pid?: Pid | undefined;
}

/** One period of leadership. */
export interface Term {
  /**
   * Fits a signed 64-bit integer, is greater than that of every earlier term within what is
   * connected, and no two terms share one. Show it to what you write to, see `FenceGuard`.
   */
  readonly fence: bigint;
  /** Aborts when the term is over, with ERR_NOT_LEADER, before others are told. */
  readonly signal: AbortSignal;
}

/** What a candidacy tells; a term that was revoked may be followed by another one. */
export type CandidacyEvent =
  | { readonly type: 'elected'; readonly term: Term }
  /** The term is over, other than by `resign`. */
  | { readonly type: 'revoked' };

/** This node's candidacy for one name. Disposing it is `resign`. */
export interface Candidacy extends AsyncDisposable, Observable<CandidacyEvent> {
  readonly role: 'leader' | 'follower';
  /** Of now, by the lease and the clock; undefined for a follower. */
  readonly term: Term | undefined;
  /** Steps down. No `revoked` follows. Idempotent. */
  resign(): Promise<void>;
}

/** Who leads. */
export interface Leader {
  readonly node: NodeName;
  /** Stands for the candidacy. */
  readonly pid: Pid;
}

/** What stands behind a leader: its lease, or the promises of most of the voters. */
export type ElectionMode = 'lease' | 'quorum';

/** An election as one node knows it. */
export interface KnownElection {
  /** Those of global names begin with `barrel:global:`. */
  readonly name: string;
  /** Undefined for nobody. The fence is that of the term in which it leads. */
  readonly leader: (Leader & { readonly fence: bigint }) | undefined;
  /** Nodes that stand, each before those that it would lead before. */
  readonly candidates: readonly NodeName[];
  readonly mode: ElectionMode;
}

/** The elections of one node. A name has 1 to 255 bytes and does not begin with `barrel:`. */
export interface Leaders {
  /**
   * This node becomes a candidate. Resolves when it is one; one that is alone leads by then. The
   * first `elected` comes after that, so that no listener misses it.
   * @throws ERR_ALREADY_CANDIDATE, ERR_CONFLICT (other candidates have other voters), ERR_OPTION
   * (the name, an option), ERR_NO_PROCESS (the pid), ERR_OVERLOADED (4,096 candidacies),
   * ERR_CLOSED, the reason of `signal`.
   */
  campaign(name: string, options?: CampaignOptions): Promise<Candidacy>;
  /**
   * Runs the job on one node of what is connected: when this node is elected it starts, when the
   * term is over its signal aborts. A job that returns has done its work for this term. One that
   * throws gives the term back, and this node campaigns again after a pause of 1 s, doubling to
   * 30 s; so it does where others cannot be told of the candidacy. Resolves when `signal` has
   * aborted or the node has closed, and the job has ended.
   * @throws as `campaign`; ERR_NO_PROCESS and ERR_CONFLICT also later, when the job has ended.
   */
  run(name: string, job: (term: Term) => Promise<void>, options?: CampaignOptions): Promise<void>;
  /** Who leads, as known here. */
  leader(name: string): Leader | undefined;
  /** Compares the lease with the monotonic clock at the moment of the call. */
  isLeader(name: string): boolean;
  /** Token of this node's current term; undefined when it does not lead. */
  fence(name: string): bigint | undefined;
  /**
   * Who leads when the reading begins, then each change; a slow reader gets the last word only.
   * Ends when the node closes.
   * @throws the reason of `signal`; reading also ERR_OVERLOADED (65,536 are read already).
   */
  watch(name: string, options?: Cancellable): AsyncIterable<Leader | undefined>;
  /**
   * Every election that this node knows, sorted by name: those for which a node of what is
   * connected stands, its own ones, and those of global names.
   */
  list(): readonly KnownElection[];
}

/** The same for features of this package: under names that users cannot take. */
export type ReservedElections = Pick<Leaders, 'campaign' | 'leader' | 'watch'>;
