/** Simulated nodes with reminders: who fired what, when, over crashes and restarts. */
import type { BarrelNode, Firing } from '../../../src/index.ts';
import { createSimulation, type Simulation } from '../../../src/testing/index.ts';
import type { SimulatedNodeOptions } from '../../../src/testing/machine.ts';

/** One call of a handler. */
export interface Fired extends Firing {
  readonly node: string;
  /** Virtual milliseconds of the simulation. */
  readonly atMs: number;
}

/** What a handler does with what it is given; by default nothing. */
export type Work = (fired: Fired) => unknown;

export class ReminderCluster {
  readonly sim: Simulation;
  readonly fired: Fired[] = [];
  readonly #options: SimulatedNodeOptions;

  /** @param options of all nodes, beside name, contacts and directory. */
  constructor(seed: number = 1, options: SimulatedNodeOptions = {}) {
    this.sim = createSimulation({ seed });
    this.#options = options;
  }

  get now(): number {
    return this.sim.now;
  }

  /** Starts those, with a disk each; they know the first one. Resolves when all know all. */
  async start(...names: readonly string[]): Promise<readonly BarrelNode[]> {
    const nodes: BarrelNode[] = [];
    for (const name of names) {
      const contacts = names.filter((other) => other !== name).slice(0, 2);
      const options = { name, contacts, dataDir: '/data', ...this.#options };
      nodes.push(await this.sim.start(options));
    }
    await this.met(...names);
    return nodes;
  }

  async met(...names: readonly string[]): Promise<void> {
    const isMet = (name: string): boolean => {
      const node = this.sim.node(name);
      return node.status().state === 'ready' && node.members().length === names.length;
    };
    await this.sim.until(() => names.every(isMet), 60_000);
  }

  node(name: string): BarrelNode {
    return this.sim.node(name);
  }

  /** All that fire there are written down; `work` decides how they end. */
  handle(name: string, work: Work = () => {}, prefix?: readonly string[]): Disposable {
    return this.node(name).reminders.handle(
      (firing) => {
        const fired = { ...firing, node: name, atMs: this.now };
        this.fired.push(fired);
        return work(fired);
      },
      { prefix },
    );
  }

  handleAt(names: readonly string[], work?: Work): void {
    for (const name of names) this.handle(name, work);
  }

  async restart(name: string, work?: Work): Promise<void> {
    await this.sim.restart(name);
    this.handle(name, work);
  }

  /** A promise of a node settles only while time moves. */
  settled<T>(promise: Promise<T>): Promise<T> {
    return this.sim.settled(promise);
  }

  firedOf(key: unknown): readonly Fired[] {
    return this.fired.filter((each) => JSON.stringify(each.key) === JSON.stringify(key));
  }

  async untilFired(count: number, withinMs: number = 30_000): Promise<void> {
    await this.sim.until(() => this.fired.length >= count, withinMs);
  }

  metric(name: string, metric: string): number {
    return this.node(name).metrics.snapshot()[`barrel_reminders_${metric}`] ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sim[Symbol.asyncDispose]();
  }
}

/** A key that the node owns, as its members know it. */
export function keyOwnedBy(node: BarrelNode, owner: string = node.name): string {
  for (let n = 0; n < 10_000; n += 1) {
    const key = `key ${n}`;
    if (node.shards.place(key) === owner) return key;
  }
  throw new Error(`${owner} owns no key`);
}

/** All that an iterable gives. */
export async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
