/** One election core on virtual time, in a cluster that the test plays. */
import { CoreInbox } from '../../../../src/cluster/core-inbox.ts';
import { StampClock } from '../../../../src/core/clock/stamp-clock.ts';
import type { Verdict } from '../../../../src/core/election/ballot.ts';
import type { Candidate } from '../../../../src/core/election/candidate.ts';
import type {
  CampaignRules,
  ElectionEffect,
  ElectionInput,
} from '../../../../src/core/election/contract.ts';
import { Election } from '../../../../src/core/election/election.ts';
import type { ElectionConfig } from '../../../../src/core/election/election-config.ts';
import type { TermRecord } from '../../../../src/core/election/term-record.ts';
import { TimerHeap } from '../../../../src/testing/timer-heap.ts';

export const NAME = 'nightly';
const WALL_MS = 1_800_000_000_000;

/** What voters were asked. */
export interface Polled {
  readonly token: bigint;
  readonly nonce: number;
  readonly to: readonly string[];
}

export interface Settings {
  readonly node?: string;
  /** Members, this one included. */
  readonly living?: number;
  readonly config?: Partial<ElectionConfig>;
}

export class DrivenElection {
  readonly core: Election;
  readonly self: { readonly node: string; readonly incarnation: bigint };
  readonly clock: StampClock = new StampClock();
  /** What happened: `elected`, `revoked`, `publish led`, `leader b@t` and so on. */
  readonly told: string[] = [];
  readonly asked: number[] = [];
  readonly polled: Polled[] = [];
  readonly released: bigint[] = [];
  readonly tokens: bigint[] = [];
  readonly kept: Map<string, TermRecord> = new Map();
  published: Candidate | undefined;
  living: number;
  suspects: number = 0;
  nowMs: number = 0;
  /** Set: what is minted waits, until `minted` is called. */
  hasSlowDisk: boolean = false;
  #minting: { readonly name: string; readonly token: bigint } | undefined;
  readonly #heap = new TimerHeap();
  readonly #inbox = new CoreInbox<ElectionInput>((input) => {
    for (const effect of this.core.handle(input, this.nowMs)) this.#perform(effect);
  });

  constructor({ node = 'm@t', living = 1, config = {} }: Settings = {}) {
    this.self = { node, incarnation: 7n };
    this.living = living;
    const count = (): number => this.living;
    const unsuspected = (): number => this.living - this.suspects;
    this.core = new Election({
      self: this.self,
      clock: {
        now: () => this.clock.now(WALL_MS + this.nowMs),
        observe: (stamp) => this.clock.observe(stamp, WALL_MS + this.nowMs),
      },
      membership: {
        get living() {
          return count();
        },
        get unsuspected() {
          return unsuspected();
        },
      },
      highest: (name) => this.kept.get(name),
      config,
    });
  }

  /** In the cluster, and compared with it. */
  begin(): this {
    this.do({ kind: 'joined' });
    this.do({ kind: 'synced' });
    return this;
  }

  campaign(rules: Partial<CampaignRules> = {}): void {
    const all = { priority: 0, isSticky: true, minMembers: 1, serial: 1, ...rules };
    this.do({ kind: 'campaign', name: NAME, rules: all });
  }

  withdraw(): void {
    this.do({ kind: 'withdraw', name: NAME });
  }

  /** Another node tells of its candidacy. */
  hear(node: string, candidate: Partial<Candidate> = {}): void {
    const all = { priority: 0, isSticky: true, serial: 1, term: undefined, ...candidate };
    this.do({ kind: 'candidate', name: NAME, node, incarnation: 1n, candidate: all });
  }

  lose(node: string): void {
    this.do({ kind: 'candidate', name: NAME, node, incarnation: 1n, candidate: undefined });
  }

  members(living: number, suspects = 0): void {
    this.living = living;
    this.suspects = suspects;
    this.do({ kind: 'membersChanged' });
  }

  /** A neighbour answers the last question. */
  attest(nonce: number = this.asked.at(-1) ?? 0): void {
    this.do({ kind: 'attested', nonce });
  }

  /** The disk has done its work, or not. */
  minted(isKept = true): void {
    const minting = this.#minting;
    this.#minting = undefined;
    if (minting !== undefined) this.do({ ...minting, kind: 'minted', isKept });
  }

  /** A voter answers the last question. */
  vote(
    voter: string,
    verdict: Verdict = { kind: 'granted' },
    polled: Polled = this.lastPolled,
  ): void {
    const { token, nonce } = polled;
    this.do({ kind: 'voted', name: NAME, answer: { voter, token, nonce, verdict } });
  }

  get lastPolled(): Polled {
    return this.polled.at(-1) ?? { token: 0n, nonce: 0, to: [] };
  }

  get fence(): bigint | undefined {
    return this.core.term(NAME, this.nowMs);
  }

  get leader(): string | undefined {
    return this.core.leader(NAME, this.nowMs)?.node;
  }

  do(input: ElectionInput): void {
    this.#inbox.submit(input);
  }

  /** Fires what is due meanwhile, each in its time; neighbours answer if `isAttested`. */
  run(ms: number, isAttested = false): void {
    const endMs = this.nowMs + ms;
    for (let next = this.#heap.popDue(endMs); next; next = this.#heap.popDue(endMs)) {
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      const asked = this.asked.length;
      next.callback?.();
      if (isAttested && this.asked.length > asked) this.attest();
    }
    this.nowMs = endMs;
  }

  /** The loop does nothing for so long: no timer fires. */
  stall(ms: number): void {
    this.nowMs += ms;
  }

  #perform(effect: ElectionEffect): void {
    switch (effect.kind) {
      case 'schedule': {
        const { timer, delayMs } = effect;
        this.#heap.push(this.nowMs + delayMs, () => this.do({ kind: 'timerFired', timer }));
        return;
      }
      case 'ask':
        this.asked.push(effect.nonce);
        return;
      case 'poll':
        this.polled.push(effect);
        return;
      case 'release':
        this.released.push(effect.token);
        return;
      case 'conflict':
        this.told.push(`conflict ${effect.rival?.node ?? 'by a voter'}`);
        return;
      case 'mint':
        this.#minting = effect;
        this.kept.set(effect.name, { ...this.self, token: effect.token });
        if (!this.hasSlowDisk) this.minted();
        return;
      case 'publish':
        this.published = effect.candidate;
        this.told.push(effect.candidate.term === undefined ? 'publish' : 'publish led');
        return;
      case 'retract':
        this.published = undefined;
        break;
      case 'elected':
        this.tokens.push(effect.token);
        break;
      case 'leader':
        this.told.push(`leader ${effect.leader?.node ?? 'none'}`);
        return;
      default:
        break;
    }
    this.told.push(effect.kind);
  }
}
