/**
 * Random faults on some election cores, judged by who acts as leader and under which token. Where
 * every node reaches every other one, nodes crash, start, campaign and withdraw, and clocks are
 * set; else there are splits and stalls, too.
 */
import { ElectionNetwork, type ElectionNode } from './election-network.ts';

/** After the last disturbance, and the longest time-out that follows from it, all is known. */
const SETTLED_MS = 7_000;
const STEPS = 40;

/** A leader that was cut off from these. */
interface Isolated {
  readonly node: ElectionNode;
  readonly token: bigint | undefined;
  readonly others: readonly ElectionNode[];
}

export interface ElectionRunOptions {
  readonly seed: number;
  readonly hasSplits: boolean;
}

export class ElectionRun {
  readonly #hasSplits: boolean;
  readonly #network: ElectionNetwork;
  readonly #names: readonly string[];
  readonly #faults: string[] = [];
  readonly #down = new Set<string>();
  /** The greatest token that a node was ever connected with. */
  readonly #known = new Map<string, bigint>();
  #isolated: Isolated | undefined;
  #seen = 0;
  /** What a resource that they all write to has accepted. */
  #accepted = 0n;

  constructor({ seed, hasSplits }: ElectionRunOptions) {
    this.#hasSplits = hasSplits;
    this.#network = new ElectionNetwork(seed);
    const count = 3 + Math.floor(this.#random.float() * 13);
    this.#names = Array.from({ length: count }, (_, i) => `n${String(i).padStart(2, '0')}@lab`);
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
      const dice = this.#random.float();
      if (this.#hasSplits && dice < 0.5) this.#disturbNetwork();
      else this.#disturbNodes();
      const isCalm = this.#random.float() < 0.3;
      this.#advance(isCalm ? SETTLED_MS + 3_000 : this.#random.float() * 4_000);
    }
    this.#network.partition(new Map());
    for (const name of [...this.#down]) this.#start(name);
    for (const node of this.#network.nodes.values()) this.#campaign(node);
    this.#advance(5_000);
    this.#checkHealed();
    return this.#faults;
  }

  #disturbNetwork(): void {
    const dice = this.#random.float();
    const node = this.#any();
    this.#isolated = undefined;
    if (dice < 0.3) this.#split();
    else if (dice < 0.5) this.#cutOff(this.#leader());
    else if (dice < 0.8) this.#network.partition(new Map());
    else if (node !== undefined) {
      node.stalledUntilMs = this.#network.nowMs + this.#random.float() * 3_000;
      this.#network.disturbed();
    }
  }

  #disturbNodes(): void {
    const dice = this.#random.float();
    const node = dice < 0.5 ? (this.#leader() ?? this.#any()) : this.#any();
    const kind = this.#random.float();
    if (node === undefined) return;
    if (kind < 0.3) this.#crash(node);
    else if (kind < 0.5) for (const name of this.#down) this.#start(name);
    else if (kind < 0.6) node.wallOffsetMs = (this.#random.float() - 0.5) * 20_000;
    else if (kind < 0.8) this.#withdraw(node);
    else for (const each of this.#network.nodes.values()) this.#campaign(each);
  }

  #start(name: string): void {
    this.#down.delete(name);
    const priority = this.#random.float() < 0.2 ? 1 : 0;
    const node = this.#network.start(name, { priority, isSticky: this.#random.float() < 0.8 });
    this.#campaign(node);
  }

  #crash(node: ElectionNode): void {
    if (this.#network.nodes.size < 2) return;
    this.#network.crash(node.name);
    this.#down.add(node.name);
  }

  #campaign(node: ElectionNode): void {
    if (!node.isCandidate) node.campaign();
  }

  #withdraw(node: ElectionNode): void {
    if (node.isCandidate) node.withdraw();
  }

  #split(): void {
    const sides = 2 + Math.floor(this.#random.float() * 2);
    this.#network.partition(
      new Map(this.#names.map((name) => [name, Math.floor(this.#random.float() * sides)])),
    );
  }

  /** A leader alone on its side, while it still believes that the others live. */
  #cutOff(node: ElectionNode | undefined): void {
    const { nowMs, disturbedMs, isWhole } = this.#network;
    if (node === undefined || !isWhole || nowMs - disturbedMs < SETTLED_MS) return;
    this.#isolated = { node, token: node.fence, others: [...this.#network.nodes.values()] };
    this.#network.partition(new Map([[node.name, 1]]));
  }

  #advance(ms: number): void {
    this.#network.run(ms, () => this.#check());
  }

  #check(): void {
    const { nowMs, disturbedMs, splitMs, elected } = this.#network;
    const isSettled = nowMs - disturbedMs > SETTLED_MS;
    const isWhole = nowMs - splitMs > SETTLED_MS;
    for (const term of elected.slice(this.#seen)) {
      const known = this.#known.get(term.node) ?? 0n;
      if (isWhole && term.token <= known) this.#fault(`${term.node} begins ${term.token}`);
      this.#know(term.node, term.token);
      this.#checkIsolated(term.node);
    }
    this.#seen = elected.length;
    for (const component of this.#network.components()) {
      const acting = component.filter(({ fence }) => fence !== undefined);
      for (const { fence = 0n } of acting) if (fence > this.#accepted) this.#accepted = fence;
      if (acting.length > 1 && (isSettled || !this.#hasSplits)) {
        this.#fault(`${acting.map(({ name }) => name)} act`);
      }
      if (isWhole) this.#join(component);
    }
  }

  /** When the others have a new leader, the term of the one that was cut off is over. */
  #checkIsolated(elected: string): void {
    const { node, token, others = [] } = this.#isolated ?? {};
    const successor = others.find((other) => other !== node && other.name === elected);
    if (successor?.isUp === true && node?.fence !== undefined && node.fence === token) {
      this.#fault(`${node.name} acts beside ${elected}`);
    }
  }

  /** Whoever is connected for a while has heard of the same terms. */
  #join(component: readonly ElectionNode[]): void {
    let greatest = 0n;
    for (const { name } of component) {
      const known = this.#known.get(name) ?? 0n;
      if (known > greatest) greatest = known;
    }
    for (const { name } of component) this.#know(name, greatest);
  }

  #know(node: string, token: bigint): void {
    if (token > (this.#known.get(node) ?? 0n)) this.#known.set(node, token);
  }

  #checkHealed(): void {
    const nodes = [...this.#network.nodes.values()];
    const acting = nodes.filter(({ fence }) => fence !== undefined);
    const told = new Set(nodes.map(({ leader }) => leader));
    if (acting.length !== 1) this.#fault(`${acting.length} act after the heal`);
    if (told.size !== 1) this.#fault(`nodes name ${[...told]}`);
    const fence = acting[0]?.fence ?? 0n;
    if (fence < this.#accepted) this.#fault('the leader is refused after the heal');
  }

  #fault(what: string): void {
    if (this.#faults.length < 5) this.#faults.push(`${this.#network.nowMs.toFixed(1)} ms: ${what}`);
  }

  #leader(): ElectionNode | undefined {
    return [...this.#network.nodes.values()].find(({ fence }) => fence !== undefined);
  }

  #any(): ElectionNode | undefined {
    const nodes = [...this.#network.nodes.values()];
    return nodes[Math.floor(this.#random.float() * nodes.length)];
  }

  get #random(): ElectionNetwork['random'] {
    return this.#network.random;
  }
}
