/**
 * Election cores of several nodes on virtual time. Stores, roster and links are played: word of a
 * candidacy takes a latency, a node that cannot be reached is suspect after a second or so and dead
 * two to four seconds later, and nodes that meet, or meet again, tell each other all they have.
 * Voters are real, their disks are played; each node may have a clock of a rate of its own.
 */
import { CoreInbox } from '../../../../src/cluster/core-inbox.ts';
import { StampClock } from '../../../../src/core/clock/stamp-clock.ts';
import type { Candidate } from '../../../../src/core/election/candidate.ts';
import type { ElectionEffect, ElectionInput } from '../../../../src/core/election/contract.ts';
import { Election } from '../../../../src/core/election/election.ts';
import type { TermRecord } from '../../../../src/core/election/term-record.ts';
import type { Voters } from '../../../../src/core/election/voters.ts';
import { SeededRandom } from '../../../../src/testing/seeded-random.ts';
import { TimerHeap } from '../../../../src/testing/timer-heap.ts';
import { PlayedVoter, VoteDisk } from './played-voter.ts';

export const NAME = 'nightly';
const WALL_MS = 1_800_000_000_000;
const LATENCY_MS: readonly [number, number] = [1, 20];
const SUSPECT_MS = 1_100;
const DEAD_MS: readonly [number, number] = [3_100, 5_000];
/** Until nodes that can reach each other again have compared what they have. */
const MEET_MS: readonly [number, number] = [200, 1_000];

type Stamped<T> = T & { readonly stamp: bigint };

/** The writer decides between equal stamps. */
function isLater(one: Stamped<TermRecord>, other: Stamped<TermRecord>): boolean {
  return one.stamp === other.stamp ? one.node > other.node : one.stamp > other.stamp;
}

export interface ElectedTerm {
  readonly node: string;
  readonly token: bigint;
  readonly atMs: number;
}

export class ElectionNetwork {
  readonly random: SeededRandom;
  readonly nodes: Map<string, ElectionNode> = new Map();
  readonly elected: ElectedTerm[] = [];
  nowMs: number = 1_000;
  /** Candidates do not hear of each other: nothing but voters decides. */
  isDeaf: boolean = false;
  /** When anything was last done to nodes or network. */
  disturbedMs: number = 0;
  /** When the network was last cut or healed. */
  splitMs: number = 0;
  readonly #heap = new TimerHeap();
  readonly #sides = new Map<string, number>();
  readonly #disks = new Map<string, TermRecord & { readonly stamp: bigint }>();
  readonly #voteDisks = new Map<string, VoteDisk>();
  #incarnation = 0n;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  start(name: string, options: StartOptions = {}): ElectionNode {
    const { hasDisk = true, rate = 1, ...rules } = options;
    this.#incarnation += 1n;
    const self = { node: name, incarnation: this.#incarnation };
    const node = new ElectionNode(this, { self, rules, rate, disk: this.#diskOf(name, hasDisk) });
    this.nodes.set(name, node);
    const kept = this.#disks.get(name);
    if (kept !== undefined) node.hearTerm(kept);
    node.do({ kind: 'joined' });
    this.disturbed();
    this.#join(node);
    return node;
  }

  crash(name: string): void {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    node.isUp = false;
    node.voter.crash();
    this.nodes.delete(name);
    if (node.kept !== undefined) this.#disks.set(name, node.kept);
    this.disturbed();
    this.#missAll();
  }

  partition(sides: ReadonlyMap<string, number>): void {
    this.#sides.clear();
    for (const [name, side] of sides) this.#sides.set(name, side);
    this.disturbed();
    this.splitMs = this.nowMs;
    this.#missAll();
    this.#meetAll();
  }

  disturbed(): void {
    this.disturbedMs = this.nowMs;
  }

  canReach(from: string, to: string): boolean {
    return (this.#sides.get(from) ?? 0) === (this.#sides.get(to) ?? 0) && this.nodes.has(to);
  }

  get isWhole(): boolean {
    return this.#sides.size === 0;
  }

  /** Nodes of one side. */
  components(): readonly (readonly ElectionNode[])[] {
    const bySide = new Map<number, ElectionNode[]>();
    for (const node of this.nodes.values()) {
      const side = this.#sides.get(node.name) ?? 0;
      bySide.set(side, [...(bySide.get(side) ?? []), node]);
    }
    return [...bySide.values()];
  }

  after(ms: number, callback: () => void): void {
    this.#heap.push(this.nowMs + ms, callback);
  }

  #diskOf(name: string, hasDisk: boolean): VoteDisk | undefined {
    if (!hasDisk) return undefined;
    const known = this.#voteDisks.get(name) ?? new VoteDisk();
    this.#voteDisks.set(name, known);
    return known;
  }

  /** A message of `from`, if both are there when it arrives. */
  carry(from: ElectionNode, to: string, arrive: (node: ElectionNode) => void): void {
    const target = this.nodes.get(to);
    this.after(this.between(LATENCY_MS), () => {
      const isThere = target?.isUp === true && from.isUp && this.canReach(from.name, to);
      if (isThere) arrive(target);
    });
  }

  between([least, most]: readonly [number, number]): number {
    return least + this.random.float() * (most - least);
  }

  /** `onStep` is called after everything that happens. */
  run(ms: number, onStep: () => void = () => {}): void {
    const endMs = this.nowMs + ms;
    for (let next = this.#heap.popDue(endMs); next; next = this.#heap.popDue(endMs)) {
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.callback?.();
      onStep();
    }
    this.nowMs = endMs;
  }

  #missAll(): void {
    for (const node of this.nodes.values()) node.missOthers(SUSPECT_MS, this.between(DEAD_MS));
  }

  /** A newcomer meets all that it can reach at once, and compares its stores. */
  #join(node: ElectionNode): void {
    this.after(this.between(MEET_MS), () => {
      for (const other of this.nodes.values()) {
        if (other === node || !this.canReach(node.name, other.name)) continue;
        node.meet(other);
        other.meet(node);
      }
      node.do({ kind: 'synced' });
    });
  }

  #meetAll(): void {
    for (const one of this.nodes.values()) {
      for (const other of this.nodes.values()) {
        if (one === other || !this.canReach(one.name, other.name)) continue;
        this.after(this.between(MEET_MS), () => one.meet(other));
      }
    }
  }
}

export interface StartOptions extends Partial<Candidate> {
  /** As a voter. */
  readonly hasDisk?: boolean;
  /** Of its monotonic clock. */
  readonly rate?: number;
}

interface NodeParts {
  readonly self: { readonly node: string; readonly incarnation: bigint };
  readonly rules: Partial<Candidate>;
  readonly rate: number;
  readonly disk: VoteDisk | undefined;
}

export class ElectionNode {
  readonly voter: PlayedVoter;
  readonly name: string;
  readonly self: { readonly node: string; readonly incarnation: bigint };
  readonly core: Election;
  /** Of others: the starts that live, as far as known here. */
  readonly members: Map<string, bigint> = new Map();
  readonly suspects: Set<string> = new Set();
  isUp: boolean = true;
  wallOffsetMs: number = 0;
  stalledUntilMs: number = 0;
  kept: Stamped<TermRecord> | undefined;
  published: Stamped<{ readonly candidate: Candidate | undefined }> | undefined;
  readonly #network: ElectionNetwork;
  readonly #rules: Partial<Candidate>;
  readonly #rate: number;
  readonly #clock = new StampClock();
  readonly #heard = new Map<string, bigint>();
  readonly #inbox = new CoreInbox<ElectionInput>((input) => {
    for (const effect of this.core.handle(input, this.localMs)) this.#perform(effect);
  });

  constructor(network: ElectionNetwork, { self, rules, rate, disk }: NodeParts) {
    const { members, suspects } = this;
    this.#network = network;
    this.#rules = rules;
    this.#rate = rate;
    this.self = self;
    this.name = self.node;
    this.core = new Election({
      self,
      clock: {
        now: () => this.#clock.now(this.#wallMs),
        observe: (stamp) => this.#clock.observe(stamp, this.#wallMs),
      },
      membership: {
        get living() {
          return members.size + 1;
        },
        get unsuspected() {
          return members.size + 1 - suspects.size;
        },
      },
      highest: () => this.kept,
    });
    this.voter = new PlayedVoter(network, this, disk);
  }

  /** By its own monotonic clock. */
  get localMs(): number {
    return this.#network.nowMs * this.#rate;
  }

  get fence(): bigint | undefined {
    return this.core.term(NAME, this.localMs);
  }

  get leader(): string | undefined {
    return this.core.leader(NAME, this.localMs)?.node;
  }

  get isCandidate(): boolean {
    return this.core.isCandidate(NAME);
  }

  campaign(): void {
    const { priority = 0, isSticky = true, voters } = this.#rules;
    const rules = { priority, isSticky, minMembers: 1, serial: 1, voters };
    this.do({ kind: 'campaign', name: NAME, rules });
  }

  withdraw(): void {
    this.do({ kind: 'withdraw', name: NAME });
  }

  /** While the loop stands still everything waits. */
  do(input: ElectionInput): void {
    this.awake(() => this.#inbox.submit(input));
  }

  /** Later while it stands still, never when it is down. */
  awake(action: () => void): void {
    const waitMs = this.stalledUntilMs - this.#network.nowMs;
    if (waitMs > 0) this.#network.after(waitMs, () => this.awake(action));
    else if (this.isUp) action();
  }

  /** Another node is alive, and this one compares stores with it. */
  meet(other: ElectionNode): void {
    if (!this.isUp || !other.isUp || !this.#network.canReach(this.name, other.name)) return;
    const known = this.members.get(other.name);
    if (known !== undefined && known !== other.self.incarnation) this.#bury(other.name, known);
    this.members.set(other.name, other.self.incarnation);
    this.suspects.delete(other.name);
    this.do({ kind: 'membersChanged' });
    if (this.#network.isDeaf) return;
    if (other.published !== undefined) this.hear(other, other.published);
    if (other.kept !== undefined) this.hearTerm(other.kept);
  }

  /** Who cannot be reached is suspect, then dead. */
  missOthers(suspectMs: number, deadMs: number): void {
    for (const [node, incarnation] of this.members) {
      const isMissed = (): boolean => {
        const other = this.#network.nodes.get(node);
        const isThere = other?.self.incarnation === incarnation;
        const canBeReached = isThere && this.#network.canReach(this.name, node);
        return !canBeReached && this.members.get(node) === incarnation;
      };
      if (!isMissed()) continue;
      this.#network.after(suspectMs, () => {
        if (isMissed()) this.suspects.add(node);
      });
      this.#network.after(deadMs, () => {
        if (isMissed()) this.#bury(node, incarnation);
      });
    }
  }

  hear(from: ElectionNode, told: NonNullable<ElectionNode['published']>): void {
    const { node, incarnation } = from.self;
    if (this.members.get(node) !== incarnation) return;
    if ((this.#heard.get(node) ?? 0n) >= told.stamp) return;
    this.#heard.set(node, told.stamp);
    this.#clock.observe(told.stamp, this.#wallMs);
    this.do({ kind: 'candidate', name: NAME, ...from.self, candidate: told.candidate });
  }

  /** As the store does: the later word stays, not the greater token. */
  hearTerm(term: Stamped<TermRecord>): void {
    this.#clock.observe(term.stamp, this.#wallMs);
    if (this.kept !== undefined && !isLater(term, this.kept)) return;
    this.kept = term;
    this.do({ kind: 'term', name: NAME, term });
  }

  #bury(node: string, incarnation: bigint): void {
    this.members.delete(node);
    this.suspects.delete(node);
    this.#heard.delete(node);
    this.do({ kind: 'candidate', name: NAME, node, incarnation, candidate: undefined });
    this.do({ kind: 'membersChanged' });
  }

  #publish(candidate: Candidate | undefined): void {
    const told = { candidate, stamp: this.#clock.now(this.#wallMs) };
    this.published = told;
    this.#tellAll((node) => node.hear(this, told));
  }

  #tellAll(tell: (node: ElectionNode) => void): void {
    if (this.#network.isDeaf) return;
    for (const to of this.#network.nodes.keys()) {
      if (to !== this.name) this.#network.carry(this, to, tell);
    }
  }

  #mint(token: bigint): void {
    const term = { ...this.self, token, stamp: this.#clock.now(this.#wallMs) };
    this.hearTerm(term);
    this.#tellAll((node) => node.hearTerm(term));
    this.do({ kind: 'minted', name: NAME, token, isKept: true });
  }

  #release(token: bigint, voters: Voters): void {
    for (const to of voters) this.voter.send(to, { kind: 'release', name: NAME, token });
  }

  #ask(nonce: number): void {
    for (const to of this.#network.nodes.keys()) {
      if (to === this.name) continue;
      this.#network.carry(this, to, (node) => {
        const isAlive = node.members.get(this.name) === this.self.incarnation;
        if (!isAlive || node.suspects.has(this.name) || node.#isStalled) return;
        this.#network.carry(node, this.name, () => this.do({ kind: 'attested', nonce }));
      });
    }
  }

  #perform(effect: ElectionEffect): void {
    switch (effect.kind) {
      case 'schedule': {
        const { timer, delayMs } = effect;
        const ms = delayMs / this.#rate;
        this.#network.after(ms, () => this.do({ kind: 'timerFired', timer }));
        break;
      }
      case 'poll': {
        const { name, token, voters, nonce } = effect;
        for (const to of effect.to) {
          this.voter.send(to, { kind: 'request', name, token, voters, nonce });
        }
        break;
      }
      case 'release':
        this.#release(effect.token, effect.voters);
        break;
      case 'ask':
        this.#ask(effect.nonce);
        break;
      case 'mint':
        this.#mint(effect.token);
        break;
      case 'publish':
        this.#publish(effect.candidate);
        break;
      case 'retract':
        this.#publish(undefined);
        break;
      case 'elected': {
        const { nowMs: atMs, elected } = this.#network;
        elected.push({ node: this.name, token: effect.token, atMs });
        break;
      }
      default:
        break;
    }
  }

  get #isStalled(): boolean {
    return this.stalledUntilMs > this.#network.nowMs;
  }

  get #wallMs(): number {
    return WALL_MS + this.#network.nowMs + this.wallOffsetMs;
  }
}
