/**
 * Whole nodes that set reminders for each other, under partitions, crashes, restarts, stalls and
 * clock steps: how often each was delivered, and under which fence.
 */
import type { BarrelNode, Firing } from '../../src/index.ts';
import { createSimulation, SeededRandom, type Simulation } from '../../src/testing/index.ts';
import { Draws } from '../../src/testing/scenario/draws.ts';

const STEPS = 10;
const SETTLED_MS = 20_000;
const DUE_MS_MAX = 30_000;
/** By then everything that was due is delivered, claims of dead nodes and pauses included. */
const QUIET_MS = 90_000;

export interface ReminderRunOptions {
  readonly seed: number;
  /** `none`: a quiet run. `crashes`: the network stays whole. */
  readonly faults: 'none' | 'crashes' | 'all';
}

/** What became of one reminder. */
interface Track {
  readonly key: string;
  readonly delivery: 'at-most-once' | 'at-least-once';
  isAcknowledged: boolean;
  begun: number;
  done: number;
  readonly fences: Set<bigint>;
}

export class ReminderRun {
  readonly #sim: Simulation;
  readonly #draws: Draws;
  readonly #names: readonly string[];
  readonly #faults: ReminderRunOptions['faults'];
  readonly #down = new Set<string>();
  readonly #tracks = new Map<string, Track>();
  readonly #found: string[] = [];

  constructor({ seed, faults }: ReminderRunOptions) {
    this.#sim = createSimulation({ seed });
    this.#draws = new Draws(new SeededRandom(seed ^ 0x5e1_7e3d));
    this.#faults = faults;
    const count = 3 + Math.floor(this.#draws.skewed(0, 5));
    this.#names = Array.from({ length: count }, (_, i) => `n${i}@sim`);
  }

  /** Sentences that say what is wrong; none when nothing is. */
  async run(): Promise<readonly string[]> {
    const sim = this.#sim;
    sim.link({ latencyMs: [1, 20] });
    for (const name of this.#names) await this.#start(name);
    await sim.advance(SETTLED_MS);
    for (let step = 0; step < STEPS; step += 1) {
      for (let i = this.#draws.between(1, 6); i > 0; i -= 1) this.#set();
      if (this.#faults !== 'none') await this.#disturb();
      await sim.advance(this.#draws.between(500, 8_000));
    }
    sim.heal();
    for (const name of [...this.#down]) await this.#start(name);
    await sim.until(() => sim.faults().length === 0, 180_000);
    await sim.advance(DUE_MS_MAX + QUIET_MS);
    for (const track of this.#tracks.values()) this.#judge(track);
    await sim[Symbol.asyncDispose]();
    return this.#found;
  }

  async #start(name: string): Promise<void> {
    const isRestart = this.#down.delete(name);
    const contacts = this.#names.slice(0, 3);
    const options = { name, contacts, dataDir: '/data', drainMs: 0 };
    const node = isRestart ? await this.#sim.restart(name) : await this.#sim.start(options);
    node.reminders.handle((firing) => this.#deliver(firing));
  }

  async #deliver({ key, fence, signal }: Firing): Promise<void> {
    const track = this.#tracks.get(String(key));
    if (track === undefined) throw new Error(`nobody has set ${String(key)}`);
    track.begun += 1;
    track.fences.add(fence);
    if (track.delivery === 'at-least-once' && this.#draws.chance(0.1)) throw new Error('try again');
    if (!signal.aborted) track.done += 1;
  }

  #set(): void {
    const node = this.#any();
    const key = `reminder ${this.#tracks.size}`;
    const delivery = this.#draws.chance(0.5) ? 'at-most-once' : 'at-least-once';
    const track: Track = {
      key,
      delivery,
      isAcknowledged: false,
      begun: 0,
      done: 0,
      fences: new Set(),
    };
    this.#tracks.set(key, track);
    const options = { delivery, maxAttempts: 20, backoffMs: 500 } as const;
    const delayMs = Math.floor(this.#draws.between(0, DUE_MS_MAX));
    // That of a node that crashes meanwhile is never answered.
    void node.reminders.after(key, delayMs, null, options).then(
      () => {
        track.isAcknowledged = true;
      },
      () => {},
    );
  }

  async #disturb(): Promise<void> {
    const dice = this.#draws.between(0, 1);
    const name = this.#any().name;
    if (dice < 0.35) this.#crash(name);
    else if (dice < 0.6) for (const each of [...this.#down]) await this.#start(each);
    else if (this.#faults === 'crashes') this.#sim.stall(name, this.#draws.between(100, 1_500));
    else if (dice < 0.75) this.#split();
    else if (dice < 0.9) this.#sim.heal();
    else this.#sim.stall(name, this.#draws.between(100, 4_000));
  }

  #crash(name: string): void {
    if (this.#down.size + 2 > this.#names.length) return;
    this.#sim.crash(name);
    this.#down.add(name);
  }

  #split(): void {
    const names = this.#draws.shuffled(this.#names);
    const size = Math.floor(this.#draws.between(1, names.length));
    this.#sim.partition(names.slice(0, size), names.slice(size));
  }

  #judge({ key, delivery, isAcknowledged, begun, done, fences }: Track): void {
    const what = `${key}, ${delivery}`;
    if (fences.size > 1) this.#find(`${what}: ${fences.size} fences`);
    if (delivery === 'at-least-once' && isAcknowledged && done === 0) this.#find(`${what}: lost`);
    if (delivery === 'at-most-once' && this.#faults !== 'all' && begun > 1) {
      this.#find(`${what}: delivered ${begun} times`);
    }
    if (this.#faults === 'none' && (done !== 1 || !isAcknowledged)) {
      this.#find(`${what}: delivered ${done} times, acknowledged: ${isAcknowledged}`);
    }
  }

  #any(): BarrelNode {
    const up = this.#names.filter((name) => !this.#down.has(name));
    return this.#sim.node(this.#draws.pick(up) ?? '');
  }

  #find(what: string): void {
    if (this.#found.length < 5) this.#found.push(what);
  }
}
