/**
 * Random faults on elections with a quorum: splits, crashes with and without a disk, voters that
 * restart while their promises last, stalls, late and lost frames, clock steps, and clocks that run
 * at different rates; in every second run candidates do not even hear of each other. At no instant
 * do two nodes act, in the whole network, and all tokens grow.
 */
import { ElectionNetwork, type ElectionNode } from './election-network.ts';
import { FencedRegister } from './fenced-register.ts';

const STEPS = 40;
/** Nodes that campaign and do not vote. */
const OTHERS_MAX = 4;
/** What the promise of a voter is longer than the time for which it counts: less than a tenth. */
const RATE_SPREAD = 0.09;
/** Voters without a disk need each other to remember: they restart one after the other. */
const REMEMBERED_MS = 12_000;
const REGISTER_MS: readonly [number, number] = [1, 700];

export class QuorumRun {
  readonly register: FencedRegister = new FencedRegister();
  readonly #network: ElectionNetwork;
  readonly #voters: readonly string[];
  readonly #names: readonly string[];
  readonly #hasDisks: boolean;
  readonly #faults: string[] = [];
  readonly #down = new Set<string>();
  readonly #working = new Set<ElectionNode>();
  #voterLostMs = Number.NEGATIVE_INFINITY;
  #seen = 0;
  #greatest = 0n;

  constructor(seed: number) {
    this.#network = new ElectionNetwork(seed);
    const voters = [1, 3, 5, 7][Math.floor(this.#float() * 4)] ?? 3;
    const others = Math.floor(this.#float() * (OTHERS_MAX + 1));
    this.#voters = Array.from({ length: voters }, (_, i) => `v${i}@lab`);
    const rest = Array.from({ length: others }, (_, i) => `n${i}@lab`);
    this.#names = [...this.#voters, ...rest];
    // One alone that forgets has nobody to ask.
    this.#hasDisks = voters === 1 || this.#float() < 0.5;
    this.#network.isDeaf = this.#float() < 0.5;
  }

  /** Terms so far. */
  get terms(): number {
    return this.#network.elected.length;
  }

  /** Sentences that say what is wrong; none when nothing is. */
  run(): readonly string[] {
    for (const name of this.#names) this.#start(name);
    this.#advance(10_000);
    for (let step = 0; step < STEPS; step += 1) {
      this.#disturb();
      this.#advance(this.#float() < 0.3 ? 10_000 : this.#float() * 4_000);
    }
    this.#network.partition(new Map());
    for (const name of [...this.#down]) this.#start(name);
    for (const node of this.#network.nodes.values()) this.#campaign(node);
    this.#advance(12_000);
    const acting = this.#acting();
    if (acting.length !== 1) this.#fault(`${acting.length} act at the end`);
    return [...this.#faults, ...this.register.faults];
  }

  #disturb(): void {
    const node = this.#float() < 0.5 ? (this.#acting()[0] ?? this.#any()) : this.#any();
    const dice = this.#float();
    if (node === undefined) return;
    if (dice < 0.2) this.#split(2 + Math.floor(this.#float() * 2));
    else if (dice < 0.3) this.#network.partition(new Map([[node.name, 1]]));
    else if (dice < 0.5) this.#network.partition(new Map());
    else if (dice < 0.6) this.#crash(node);
    else if (dice < 0.7) this.#bounce();
    else if (dice < 0.8) for (const name of [...this.#down]) this.#start(name);
    else if (dice < 0.88) node.stalledUntilMs = this.#network.nowMs + this.#float() * 5_000;
    else if (dice < 0.92) node.wallOffsetMs = (this.#float() - 0.5) * 20_000;
    else if (node.isCandidate) node.withdraw();
    else node.campaign();
  }

  #start(name: string): void {
    this.#down.delete(name);
    const node = this.#network.start(name, {
      hasDisk: this.#hasDisks,
      rate: 1 + (this.#float() - 0.5) * RATE_SPREAD,
      priority: this.#float() < 0.2 ? 1 : 0,
      isSticky: this.#float() < 0.8,
      voters: this.#voters,
    });
    node.wallOffsetMs = (this.#float() - 0.5) * 20_000;
    this.#campaign(node);
  }

  #crash(node: ElectionNode): void {
    const isVoter = this.#voters.includes(node.name);
    const { nowMs, isWhole } = this.#network;
    if (isVoter && !this.#hasDisks) {
      const isRemembered = isWhole && nowMs - this.#voterLostMs > REMEMBERED_MS;
      if (!isRemembered || this.#voters.some((name) => this.#down.has(name))) return;
      this.#voterLostMs = nowMs;
    }
    this.#network.crash(node.name);
    this.#down.add(node.name);
  }

  /** Voters crash and start at once, while their promises last. */
  #bounce(): void {
    for (const name of this.#voters) {
      const node = this.#network.nodes.get(name);
      if (node === undefined || node === this.#acting()[0] || this.#float() < 0.3) continue;
      this.#crash(node);
      if (this.#down.has(name)) this.#start(name);
    }
  }

  #campaign(node: ElectionNode): void {
    if (!node.isCandidate) node.campaign();
  }

  #split(sides: number): void {
    const side = (): number => Math.floor(this.#float() * sides);
    this.#network.partition(new Map(this.#names.map((name) => [name, side()])));
  }

  #advance(ms: number): void {
    this.#network.run(ms, () => this.#check());
  }

  #check(): void {
    const { elected } = this.#network;
    for (const { node, token } of elected.slice(this.#seen)) {
      if (token <= this.#greatest) this.#fault(`${node} begins ${token} after ${this.#greatest}`);
      else this.#greatest = token;
    }
    this.#seen = elected.length;
    const acting = this.#acting();
    if (acting.length > 1) this.#fault(`${acting.map(({ name }) => name)} act`);
    for (const node of acting) if (!this.#working.has(node)) this.#increment(node);
  }

  /** Who has asked goes on with the answer, whatever has become of its term since. */
  #increment(node: ElectionNode): void {
    const { fence } = node;
    if (fence === undefined) return;
    this.#working.add(node);
    this.#later(() => {
      const read = this.register.read(fence);
      this.#later(() => {
        const isSent = read !== undefined && node.isUp;
        this.#later(() => {
          if (isSent) this.register.write(fence, read + 1);
          this.#working.delete(node);
        });
      });
    });
  }

  #later(action: () => void): void {
    this.#network.after(this.#network.between(REGISTER_MS), action);
  }

  #acting(): readonly ElectionNode[] {
    return [...this.#network.nodes.values()].filter(({ fence }) => fence !== undefined);
  }

  #any(): ElectionNode | undefined {
    const nodes = [...this.#network.nodes.values()];
    return nodes[Math.floor(this.#float() * nodes.length)];
  }

  #float(): number {
    return this.#network.random.float();
  }

  #fault(what: string): void {
    if (this.#faults.length < 5) this.#faults.push(`${this.#network.nowMs.toFixed(1)} ms: ${what}`);
  }
}
