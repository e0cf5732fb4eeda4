/**
 * What follows for one name from all that is known of it: whether this node's candidate stands,
 * goes on, begins a term, and what others are told.
 */
import type { StampSource } from '../store/contract.ts';
import { isSameCandidate, isSameProcess, type Rival } from './candidate.ts';
import type { Contest } from './contest.ts';
import type { Membership } from './contract.ts';
import type { ElectionConfig } from './election-config.ts';
import type { ElectionOutbox } from './election-outbox.ts';
import { type FenceToken, mintToken, type TermHolder } from './fence-token.ts';
import type { Hold, Lease } from './lease.ts';
import type { OwnCandidate } from './own-candidate.ts';
import type { Poll } from './poll.ts';

export interface JudgeOptions {
  readonly self: TermHolder;
  readonly clock: StampSource;
  readonly membership: Membership;
  readonly config: ElectionConfig;
  readonly outbox: ElectionOutbox;
  readonly lease: Lease;
  readonly poll: Poll;
}

/** The answer to an order to make a token known and durable. */
export interface Minted {
  readonly token: FenceToken;
  readonly isKept: boolean;
}

export class Judge {
  /** This node takes part in the cluster. */
  hasJoined: boolean = false;
  /** It knows what others know. */
  isSynced: boolean = false;
  readonly #options: JudgeOptions;

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  judge(contest: Contest): void {
    const { own } = contest;
    if (own !== undefined) {
      this.#countMembers(own);
      this.#findConflict(contest, own);
      if (own.term !== undefined && !this.#mayGoOn(contest, own)) this.#revoke(own);
      this.#giveUpSlowDisk(own);
      this.#stand(own);
      this.#proceed(contest, own);
      this.#tell(own);
      this.#wake(own);
    }
    this.#tellLeader(contest);
  }

  onMinted(contest: Contest, { token, isKept }: Minted): void {
    const { own } = contest;
    if (own?.pending?.token !== token) return;
    own.pending = undefined;
    if (!isKept) own.blockedSinceMs = this.#nowMs;
    else if (this.#isNext(contest, own) && this.#mayBegin(own, token)) {
      own.term = token;
      this.#options.outbox.push({ kind: 'elected', name: contest.name, token });
    }
    this.judge(contest);
  }

  /** This node's candidate has to go: the other one has other voters. */
  yieldTo(own: OwnCandidate, rival: Rival | undefined): void {
    if (own.hasConflict) return;
    own.hasConflict = true;
    this.#options.outbox.push({ kind: 'conflict', name: own.name, rival });
  }

  // To go on

  /** Of two with other voters that meet, one goes: who does not lead, or has the lesser token. */
  #findConflict(contest: Contest, own: OwnCandidate): void {
    if (own.mandate?.isContested === true) this.yieldTo(own, undefined);
    const rival = contest.rivalUnlike(own.rules.voters);
    if (rival === undefined) return;
    const [ours, theirs] = [own.term ?? 0n, rival.term ?? 0n];
    const yields = ours === theirs ? this.#options.self.node > rival.node : ours < theirs;
    if (yields) this.yieldTo(own, rival);
  }

  #countMembers(own: OwnCandidate): void {
    const { minMembers } = own.rules;
    const isScarce = minMembers > 1 && this.#options.membership.unsuspected < minMembers;
    own.scarceSinceMs = isScarce ? (own.scarceSinceMs ?? this.#nowMs) : undefined;
  }

  #mayGoOn(contest: Contest, own: OwnCandidate): boolean {
    const { config } = this.#options;
    const { scarceSinceMs } = own;
    const isScarce = scarceSinceMs !== undefined && this.#isOver(scarceSinceMs, config.scarceMs);
    const isFit = this.#isAble(own) && this.#isHeld(own) && !isScarce;
    return isFit && !own.isOutdated && contest.isFirst(own);
  }

  /** By the voters of the name, or by the lease of this node. */
  #holdOf(own: OwnCandidate): Hold {
    return own.mandate ?? this.#options.lease;
  }

  #isHeld(own: OwnCandidate): boolean {
    return this.#holdOf(own).isHeldAt(this.#nowMs);
  }

  #revoke(own: OwnCandidate): void {
    const { outbox, poll } = this.#options;
    own.term = undefined;
    outbox.push({ kind: 'revoked', name: own.name });
    poll.giveUp(own);
  }

  // To begin

  /** Others hear of the candidacy while this node is able to lead. */
  #stand(own: OwnCandidate): void {
    own.standsSinceMs = this.#isAble(own) ? (own.standsSinceMs ?? this.#nowMs) : undefined;
  }

  #isAble({ rules, blockedSinceMs, hasConflict }: OwnCandidate): boolean {
    const { membership, config } = this.#options;
    const isBlocked =
      blockedSinceMs !== undefined && !this.#isOver(blockedSinceMs, config.blockedMs);
    const isFit = !isBlocked && !hasConflict && membership.living >= rules.minMembers;
    return this.isSynced && isFit;
  }

  /** The first candidate begins a term, with a token that is known and kept before. */
  #proceed(contest: Contest, own: OwnCandidate): void {
    const { clock, self, outbox, poll } = this.#options;
    const isNext = this.#isNext(contest, own);
    own.needsHold = isNext || own.term !== undefined;
    poll.look(own);
    if (!isNext || own.pending !== undefined || !this.#isHeld(own)) return;
    // The token of a mandate is the one that was voted on.
    const token = own.mandate?.token ?? mintToken(clock, self, own.highest);
    if (token === undefined) return;
    own.note({ ...self, token }, this.#nowMs);
    own.pending = { token, sinceMs: this.#nowMs };
    outbox.push({ kind: 'mint', name: own.name, token });
  }

  #isNext(contest: Contest, own: OwnCandidate): boolean {
    const { standsSinceMs, scarceSinceMs, term } = own;
    return (
      term === undefined &&
      standsSinceMs !== undefined &&
      scarceSinceMs === undefined &&
      this.#hasHeard(own) &&
      contest.otherLeader() === undefined &&
      contest.isFirst(own)
    );
  }

  /** What others said, and what this node said, has had its time to get around. */
  #hasHeard({ standsSinceMs = 0, otherTermSinceMs = 0 }: OwnCandidate): boolean {
    const { lease, config } = this.#options;
    const sinceMs = Math.max(standsSinceMs, otherTermSinceMs);
    return lease.isAlone || this.#isOver(sinceMs, config.heardMs);
  }

  #mayBegin(own: OwnCandidate, token: FenceToken): boolean {
    const isVotedFor = own.mandate === undefined || own.mandate.token === token;
    return this.#isHeld(own) && isVotedFor && own.isBeyondOthers(token);
  }

  #giveUpSlowDisk(own: OwnCandidate): void {
    const { pending } = own;
    const { persistMs } = this.#options.config;
    if (pending === undefined || !this.#isOver(pending.sinceMs, persistMs)) return;
    own.pending = undefined;
    own.blockedSinceMs = this.#nowMs;
  }

  // To tell

  #tell(own: OwnCandidate): void {
    const { outbox } = this.#options;
    const { name } = own;
    const candidate = own.standsSinceMs === undefined ? undefined : own.candidate;
    if (isSameCandidate(candidate, own.told)) return;
    own.told = candidate;
    if (candidate === undefined) outbox.push({ kind: 'retract', name });
    else outbox.push({ kind: 'publish', name, candidate });
  }

  #tellLeader(contest: Contest): void {
    const { outbox } = this.#options;
    const isHeld = contest.own !== undefined && this.#isHeld(contest.own);
    const leader = this.hasJoined ? contest.currentLeader(isHeld) : undefined;
    if (isSameProcess(leader, contest.leader)) return;
    contest.leader = leader;
    outbox.push({ kind: 'leader', name: contest.name, leader });
  }

  get #nowMs(): number {
    return this.#options.outbox.nowMs;
  }

  /** The same sum as the timers have: a difference would be rounded another way. */
  #isOver(sinceMs: number, ms: number): boolean {
    return this.#nowMs >= sinceMs + ms;
  }

  /** Each of these times may change what follows. */
  #wake(own: OwnCandidate): void {
    const { config, outbox } = this.#options;
    const times = [
      [own.standsSinceMs, config.heardMs],
      [own.otherTermSinceMs, config.heardMs],
      [own.scarceSinceMs, config.scarceMs],
      [own.blockedSinceMs, config.blockedMs],
      [own.pending?.sinceMs, config.persistMs],
    ] as const;
    for (const [sinceMs, ms] of times) {
      if (sinceMs !== undefined) outbox.wake('look', sinceMs + ms);
    }
    const { endMs } = this.#holdOf(own);
    if (own.term !== undefined && endMs !== undefined) outbox.wake('look', endMs);
    if (own.mandate !== undefined && own.needsHold) outbox.wake('look', own.mandate.nextMs);
  }
}
