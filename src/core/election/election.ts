/**
 * Who leads, for each name that somebody would lead: decided on each node by itself, from the
 * candidates that all living nodes tell of and from the roster.
 *
 * - Only the first of the candidates begins a term, and only when no other one leads as far as
 *   known here. Who leads and is not the first any more ends its term; the first begins one when it
 *   hears of that.
 * - A new candidacy waits until all have heard of it, and nobody begins anything before its stores
 *   are compared with those of another member.
 * - A term ends with its lease, and when another one of the name is known that is not before it. So
 *   two equal tokens end both, and after a split the later term goes on.
 * - A token is known to others, and durable where there is a disk, before its term begins.
 * - Of a name with a quorum nobody begins or goes on without the promises of most of its voters;
 *   all the rest is the same.
 */
import { BarrelError } from '../../errors.ts';
import type { StampSource } from '../store/contract.ts';
import { unreachable } from '../unreachable.ts';
import type { Rival } from './candidate.ts';
import { Contest, type KnownContest } from './contest.ts';
import type {
  CampaignRules,
  ElectionEffect,
  ElectionInput,
  ElectionTimer,
  Membership,
} from './contract.ts';
import { ELECTION_DEFAULTS, type ElectionConfig } from './election-config.ts';
import { ElectionOutbox } from './election-outbox.ts';
import type { FenceToken, TermHolder } from './fence-token.ts';
import { Judge } from './judge.ts';
import { Lease } from './lease.ts';
import { Mandate } from './mandate.ts';
import { OwnCandidate } from './own-candidate.ts';
import { Poll } from './poll.ts';
import type { TermRecord } from './term-record.ts';

export interface ElectionOptions {
  readonly self: TermHolder;
  /** The hybrid clock, from which tokens are made. */
  readonly clock: StampSource;
  /** Read while an input is handled. */
  readonly membership: Membership;
  /** The greatest token of a name, as far as it is kept. */
  readonly highest: (name: string) => TermRecord | undefined;
  readonly config?: Partial<ElectionConfig> | undefined;
}

/** The elections of one node. No clock, no store, no links: facts in, effects out. */
export class Election {
  readonly config: ElectionConfig;
  readonly #options: ElectionOptions;
  readonly #contests = new Map<string, Contest>();
  readonly #own = new Map<string, OwnCandidate>();
  readonly #outbox: ElectionOutbox = new ElectionOutbox();
  readonly #lease: Lease;
  readonly #poll: Poll;
  readonly #judge: Judge;

  constructor(options: ElectionOptions) {
    const { self, clock, membership } = options;
    const config = { ...ELECTION_DEFAULTS, ...options.config };
    const outbox = this.#outbox;
    this.#options = options;
    this.config = config;
    this.#lease = new Lease({ config, membership, outbox });
    this.#poll = new Poll({ self, clock, config, outbox });
    const { lease, poll } = { lease: this.#lease, poll: this.#poll };
    this.#judge = new Judge({ self, clock, membership, config, outbox, lease, poll });
  }

  /** Names for which this node is a candidate. */
  get candidacies(): number {
    return this.#own.size;
  }

  isCandidate(name: string): boolean {
    return this.#own.has(name);
  }

  /** Who leads, as far as known here. */
  leader(name: string, nowMs: number): Rival | undefined {
    if (!this.#judge.hasJoined) return undefined;
    return this.#contests.get(name)?.currentLeader(this.#isHeldAt(name, nowMs));
  }

  /** Every name that somebody would lead, as far as known here; in no order. */
  known(nowMs: number): readonly KnownContest[] {
    return [...this.#contests.values()].map(({ name, candidates, own }) => ({
      name,
      leader: this.leader(name, nowMs),
      candidates,
      voters: (candidates[0] ?? own?.rules)?.voters,
    }));
  }

  /** The token of this node's term; undefined when it does not lead at that time. */
  term(name: string, nowMs: number): FenceToken | undefined {
    return this.#isHeldAt(name, nowMs) ? this.#own.get(name)?.term : undefined;
  }

  /**
   * Applies one input at a monotonic time in milliseconds; returns its effects in the order in
   * which the driver must carry them out. Never throws for what a peer sent.
   * @throws ERR_ALREADY_CANDIDATE for a second campaign under one name.
   */
  handle(input: ElectionInput, nowMs: number): readonly ElectionEffect[] {
    this.#outbox.nowMs = nowMs;
    this.#lease.begin();
    this.#apply(input);
    this.#lease.end([...this.#own.values()].some(({ needsLease }) => needsLease));
    return this.#outbox.take();
  }

  #apply(input: ElectionInput): void {
    switch (input.kind) {
      case 'campaign':
        this.#campaign(input.name, input.rules);
        break;
      case 'withdraw':
        this.#withdraw(input.name);
        break;
      case 'candidate':
        this.#onCandidate(input);
        break;
      case 'term':
        this.#onTerm(input.name, input.term);
        break;
      case 'minted': {
        const contest = this.#contests.get(input.name);
        if (contest !== undefined) this.#judge.onMinted(contest, input);
        break;
      }
      case 'attested':
        this.#lease.onAttested(input.nonce);
        this.#lookAtOwn(({ needsLease, term }) => needsLease && term === undefined);
        break;
      case 'voted':
        this.#own.get(input.name)?.mandate?.onAnswer(input.answer);
        this.#look(input.name);
        break;
      case 'joined':
        this.#setJoined(true);
        this.#outbox.reset('boot', this.#outbox.nowMs + this.config.bootMs);
        break;
      case 'synced':
        this.#onSynced();
        break;
      case 'left':
        this.#setJoined(false);
        break;
      case 'membersChanged': {
        const { hasChanged } = this.#lease;
        this.#lookAtOwn(({ rules }) => hasChanged || rules.minMembers > 1);
        break;
      }
      case 'timerFired':
        this.#onTimer(input.timer);
        break;
      default:
        unreachable(input);
    }
  }

  #campaign(name: string, rules: CampaignRules): void {
    if (this.#own.has(name)) {
      const text = `this node is a candidate for ${JSON.stringify(name)} already`;
      throw new BarrelError('ERR_ALREADY_CANDIDATE', text);
    }
    const { self, highest } = this.#options;
    const mandate = rules.voters && new Mandate(rules.voters, this.config);
    const own = new OwnCandidate({ self, name, rules, mandate });
    const known = highest(name);
    if (known !== undefined) own.note(known, this.#outbox.nowMs);
    this.#own.set(name, own);
    const contest = this.#contest(name);
    contest.enter(own, this.#outbox.nowMs);
    // Whoever was there before stays.
    const rival = contest.rivalUnlike(rules.voters);
    if (rival !== undefined) this.#judge.yieldTo(own, rival);
    this.#look(name);
  }

  #withdraw(name: string): void {
    const own = this.#own.get(name);
    if (own === undefined) return;
    this.#own.delete(name);
    this.#contest(name).own = undefined;
    if (own.told !== undefined) this.#outbox.push({ kind: 'retract', name });
    this.#poll.giveUp(own);
    this.#look(name);
  }

  #onCandidate(input: Extract<ElectionInput, { kind: 'candidate' }>): void {
    const { name, node, incarnation, candidate } = input;
    if (candidate === undefined) this.#contests.get(name)?.delete(node, incarnation);
    else this.#contest(name).set({ ...candidate, node, incarnation }, this.#outbox.nowMs);
    this.#look(name);
  }

  /** What is kept follows stamps: should a lesser token have the later one, this node objects. */
  #onTerm(name: string, term: TermRecord): void {
    const own = this.#own.get(name);
    own?.note(term, this.#outbox.nowMs);
    if (own?.isGreatest === true && term.token < own.highest) {
      this.#outbox.push({ kind: 'mint', name, token: own.highest });
    }
    this.#look(name);
  }

  #setJoined(hasJoined: boolean): void {
    this.#judge.hasJoined = hasJoined;
    this.#judge.isSynced = false;
    for (const name of this.#contests.keys()) this.#look(name);
  }

  #onSynced(): void {
    this.#judge.isSynced = this.#judge.hasJoined;
    this.#lookAtOwn();
  }

  #contest(name: string): Contest {
    const known = this.#contests.get(name);
    if (known !== undefined) return known;
    const contest = new Contest(this.#options.self, name);
    this.#contests.set(name, contest);
    return contest;
  }

  #isHeldAt(name: string, nowMs: number): boolean {
    return (this.#own.get(name)?.mandate ?? this.#lease).isHeldAt(nowMs);
  }

  #lookAtOwn(isAffected: (own: OwnCandidate) => boolean = () => true): void {
    for (const [name, own] of this.#own) if (isAffected(own)) this.#look(name);
  }

  #look(name: string): void {
    const contest = this.#contests.get(name);
    if (contest === undefined) return;
    this.#judge.judge(contest);
    if (contest.isEmpty) this.#contests.delete(name);
  }

  #onTimer(timer: ElectionTimer): void {
    if (!this.#outbox.takeTimer(timer)) return;
    switch (timer.kind) {
      case 'renew':
        this.#lease.onRenew();
        this.#lookAtOwn();
        break;
      case 'boot':
        this.#onSynced();
        break;
      case 'look':
        this.#lookAtOwn();
        break;
      default:
        unreachable(timer.kind);
    }
  }
}
