/** Nodes that come, leave and crash at random, and what has to hold meanwhile and afterwards. */
import { CustodyNetwork, type Delays } from './custody-network.ts';

const STEPS = 25;
const NODES_MAX = 8;
/** Until all have heard of a change: the longest delay of a settling, a goodbye, a death. */
const HEARD_MS = 300;
const BURIED_MS = 2_000;
const STABLE_MS = 1_000;
const PLACED_MS = 2_000;

export interface CustodyRunOptions {
  readonly seed: number;
  readonly hasCrashes: boolean;
  readonly workMs?: Delays['workMs'];
}

export class CustodyRun {
  readonly network: CustodyNetwork;
  readonly #hasCrashes: boolean;
  readonly #faults: string[] = [];
  readonly #workMsMax: number;
  /** When all have heard of all that happened. */
  #heardMs = 0;
  #names = 0;

  constructor({ seed, hasCrashes, workMs = [0, 0] }: CustodyRunOptions) {
    this.network = new CustodyNetwork(seed, { workMs });
    this.#hasCrashes = hasCrashes;
    this.#workMsMax = workMs[1];
  }

  /** Sentences that say what is wrong; none when nothing is. */
  run(): readonly string[] {
    for (let step = 0; step < STEPS; step += 1) {
      this.#disturb();
      const isCalm = this.network.random.float() < 0.3;
      this.#advance(isCalm ? this.#restMs : this.network.between([0, 600]));
      if (isCalm) this.#expectPlaced();
    }
    this.#advance(this.#restMs);
    this.#expectPlaced();
    return this.#faults;
  }

  get #restMs(): number {
    const { nowMs } = this.network;
    return Math.max(0, this.#heardMs - nowMs) + PLACED_MS + this.#workMsMax;
  }

  #disturb(): void {
    const { network } = this;
    const names = [...network.nodes.keys()].filter((each) => !network.nodes.get(each)?.isLeaving);
    const name = names[Math.floor(network.random.float() * names.length)] ?? '';
    const dice = network.random.float();
    if (names.length < 2 || (dice < 0.5 && names.length < NODES_MAX)) this.#start();
    else if (this.#hasCrashes && dice > 0.75) {
      network.crash(name);
      this.#heard(BURIED_MS);
    } else {
      network.leave(name);
      this.#heard(HEARD_MS + this.#workMsMax);
    }
  }

  #start(): void {
    const isAgain = this.#names > 3 && this.network.random.float() < 0.4;
    const number = isAgain ? Math.floor(this.network.random.float() * this.#names) : this.#names;
    const name = `n${number}@lab`;
    if ([...this.network.running].some((each) => each.name === name)) return;
    this.#names = Math.max(this.#names, number + 1);
    this.network.start(name);
    this.#heard(HEARD_MS);
  }

  #heard(ms: number): void {
    this.#heardMs = Math.max(this.#heardMs, this.network.nowMs + ms);
  }

  #advance(ms: number): void {
    this.network.run(ms, () => {
      const isStable = this.network.nowMs > this.#heardMs + STABLE_MS + this.#workMsMax;
      // A newcomer knows nothing of a node that has just crashed, for which work may still end.
      if (this.#hasCrashes && this.#workMsMax > 0 && !isStable) return;
      const { heldTwice } = this.network;
      if (heldTwice.length > 0) this.#fault(`${heldTwice} are held twice`);
    });
  }

  #expectPlaced(): void {
    const { misplaced } = this.network;
    if (misplaced.length > 0) this.#fault(`${misplaced} are not held by their owners`);
    for (const { name, core } of this.network.nodes.values()) {
      if (core.waitingCount > 0) this.#fault(`${name} waits for ${core.waitingCount}`);
    }
  }

  #fault(what: string): void {
    const text = `${this.network.nowMs.toFixed(0)} ms: ${what}`;
    if (this.#faults.length < 5) this.#faults.push(text);
  }
}
