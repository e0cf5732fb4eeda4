/**
 * Whole nodes that all campaign for one name, under partitions, crashes, restarts, stalls and clock
 * steps: who acts as leader, under which token, and what a fenced register has accepted. With
 * voters no two act at any instant, partition or not.
 */
import type { BarrelNode } from '../../src/index.ts';
import { FenceGuard } from '../../src/index.ts';
import { createSimulation, SeededRandom, type Simulation } from '../../src/testing/index.ts';
import { Draws } from '../../src/testing/scenario/draws.ts';

const NAME = 'nightly';
const STEPS = 12;
/** By then every death of a node that was cut off or crashed is known. */
const SETTLED_MS = 20_000;
const LOOK_MS = 20;

export interface ClusterElectionOptions {
  readonly seed: number;
  /** The first three or five of them are the voters of the name. */
  readonly hasVoters: boolean;
}

export class ClusterElectionRun {
  readonly #sim: Simulation;
  readonly #draws: Draws;
  readonly #names: readonly string[];
  /** All of them remember terms over a crash. */
  readonly #isDurable: boolean;
  readonly #voters: readonly string[] | undefined;
  readonly #down = new Set<string>();
  readonly #faults: string[] = [];
  readonly #guard = new FenceGuard();
  #sides: readonly (readonly string[])[] = [];
  #disturbedMs = 0;

  constructor({ seed, hasVoters }: ClusterElectionOptions) {
    this.#sim = createSimulation({ seed });
    this.#draws = new Draws(new SeededRandom(seed ^ 0x0e1e_c7ed));
    this.#isDurable = this.#draws.chance(0.5);
    const count = 3 + Math.floor(this.#draws.skewed(0, 8));
    this.#names = Array.from({ length: count }, (_, i) => `n${i}@sim`);
    if (hasVoters) this.#voters = this.#names.slice(0, count < 5 ? 3 : 5);
  }

  /** Sentences that say what is wrong; none when nothing is. */
  async run(): Promise<readonly string[]> {
    const sim = this.#sim;
    sim.link({ latencyMs: [1, 20] });
    for (const name of this.#names) await this.#start(name);
    await this.#advance(SETTLED_MS);
    for (let step = 0; step < STEPS; step += 1) {
      await this.#disturb();
      const isCalm = this.#draws.chance(0.25);
      await this.#advance(isCalm ? SETTLED_MS + 3_000 : this.#draws.between(500, 6_000));
    }
    await this.#heal();
    await sim[Symbol.asyncDispose]();
    return this.#faults;
  }

  async #start(name: string): Promise<void> {
    const isRestart = this.#down.delete(name);
    const contacts = this.#names.slice(0, 3);
    const isKept = this.#isDurable || this.#names.indexOf(name) % 2 === 0;
    const dataDir = isKept ? '/data' : undefined;
    const options = { name, contacts, dataDir, drainMs: 0 };
    const node = isRestart ? await this.#sim.restart(name) : await this.#sim.start(options);
    const quorum = this.#voters && { voters: this.#voters };
    void node.leaders.campaign(NAME, { quorum }).catch(() => {});
    this.#disturbed();
  }

  async #disturb(): Promise<void> {
    const name = this.#draws.pick(this.#names.filter((each) => !this.#down.has(each))) ?? '';
    const dice = this.#draws.between(0, 1);
    if (dice < 0.25) this.#split();
    else if (dice < 0.4) this.#join();
    else if (dice < 0.6) this.#crash(name);
    else if (dice < 0.8) for (const each of [...this.#down]) await this.#start(each);
    else if (dice < 0.9) this.#sim.clock(name, { offsetMs: this.#draws.between(-5_000, 5_000) });
    else this.#stall(name);
  }

  #split(): void {
    const names = this.#draws.shuffled(this.#names);
    const size = Math.floor(this.#draws.between(1, names.length));
    this.#sides = [names.slice(0, size), names.slice(size)];
    this.#sim.partition(...this.#sides);
    this.#disturbed();
  }

  #join(): void {
    this.#sides = [];
    this.#sim.heal();
    this.#disturbed();
  }

  #crash(name: string): void {
    if (this.#down.size + 2 > this.#names.length) return;
    this.#sim.crash(name);
    this.#down.add(name);
    this.#disturbed();
  }

  #stall(name: string): void {
    this.#sim.stall(name, this.#draws.between(100, 4_000));
    this.#disturbed();
  }

  #disturbed(): void {
    this.#disturbedMs = this.#sim.now;
  }

  async #advance(ms: number): Promise<void> {
    const endMs = this.#sim.now + ms;
    while (this.#sim.now < endMs) {
      await this.#sim.advance(LOOK_MS);
      this.#look();
    }
  }

  /** In a component at rest one acts at most; whoever acts may write while nothing newer did. */
  #look(): void {
    const isSettled = this.#sim.now - this.#disturbedMs > SETTLED_MS;
    const isWhole = this.#sides.length === 0 || this.#voters !== undefined;
    const sides = isWhole ? [this.#names] : this.#sides;
    for (const side of sides) {
      const acting = this.#running(side).filter((node) => node.leaders.isLeader(NAME));
      const isOne = isSettled || this.#voters !== undefined;
      if (isOne && acting.length > 1) this.#fault(`${acting.map(({ name }) => name)} act`);
      for (const node of acting) this.#guard.accept(node.leaders.fence(NAME) ?? 0n);
    }
  }

  async #heal(): Promise<void> {
    const sim = this.#sim;
    this.#join();
    for (const name of [...this.#down]) await this.#start(name);
    await sim.until(() => sim.faults().length === 0, 180_000);
    const nodes = this.#running(this.#names);
    await sim
      .until(() => this.#hasOneLeader(nodes), 5_000)
      .catch(() => {
        this.#fault(`${this.#acting(nodes)} act 5 s after the cluster is whole`);
      });
    await this.#advance(SETTLED_MS);
    const fence = nodes.map((node) => node.leaders.fence(NAME)).find((each) => each !== undefined);
    // A term that only crashed nodes without a disk knew of is known to nobody.
    const isRefused = !this.#guard.accept(fence ?? 0n);
    if (isRefused && this.#isDurable) this.#fault('the leader is refused after the heal');
    const leaders = new Set(nodes.map((node) => node.leaders.leader(NAME)?.node));
    if (leaders.size !== 1) this.#fault(`nodes name ${[...leaders]}`);
  }

  #hasOneLeader(nodes: readonly BarrelNode[]): boolean {
    return this.#acting(nodes).length === 1;
  }

  #acting(nodes: readonly BarrelNode[]): readonly string[] {
    return nodes.filter((node) => node.leaders.isLeader(NAME)).map(({ name }) => name);
  }

  #running(names: readonly string[]): BarrelNode[] {
    return names.filter((name) => !this.#down.has(name)).map((name) => this.#sim.node(name));
  }

  #fault(what: string): void {
    const text = `${this.#sim.now.toFixed(0)} ms: ${what}`;
    if (this.#faults.length < 5) this.#faults.push(text);
  }
}
