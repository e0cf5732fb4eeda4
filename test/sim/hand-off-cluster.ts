/**
 * Whole nodes that hold the partitions of one ring: who holds what at any instant, and how long
 * each partition is held by nobody while it goes from one node to another.
 */
import type { BarrelNode } from '../../src/index.ts';
import { createSimulation, type Simulation } from '../../src/testing/index.ts';

export interface HandOffClusterOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly ringSize: number;
}

export class HandOffCluster {
  readonly sim: Simulation;
  readonly names: readonly string[];
  /** Milliseconds for which a partition was held by nobody, each time that it was. */
  readonly pausesMs: number[] = [];
  /** Sentences that say what is wrong; none when nothing is. */
  readonly faults: string[] = [];
  readonly #ringSize: number;
  readonly #holders: Set<string>[];
  readonly #freeSinceMs = new Map<number, number>();

  constructor({ seed, nodes, ringSize }: HandOffClusterOptions) {
    this.sim = createSimulation({ seed });
    this.names = Array.from({ length: nodes }, (_, i) => `n${i}@sim`);
    this.#ringSize = ringSize;
    this.#holders = Array.from({ length: ringSize }, () => new Set());
  }

  async start(name: string): Promise<BarrelNode> {
    const contacts = this.names.filter((each) => each !== name).slice(0, 3);
    const node = await this.sim.start({
      name,
      contacts,
      drainMs: 0,
      shards: { ringSize: this.#ringSize },
    });
    node.shards.on('acquired', ({ partition }) => this.#acquired(name, partition));
    node.shards.on('released', ({ partition }) => this.#released(name, partition));
    return node;
  }

  async startAll(): Promise<void> {
    for (const name of this.names) await this.start(name);
    await this.placed(this.names);
  }

  /** Resolves when each partition is held by the node that all of these name its owner. */
  async placed(names: readonly string[], withinMs: number = 30_000): Promise<void> {
    await this.sim.until(() => {
      const nodes = names.map((name) => this.sim.node(name));
      return this.#holders.every((holders, partition) => {
        const [holder] = holders;
        const isAgreed = nodes.every((node) => node.shards.ownerOf(partition) === holder);
        return isAgreed && holders.size === 1;
      });
    }, withinMs);
  }

  /** What a node that crashed held, nobody holds. */
  crash(name: string): void {
    this.sim.crash(name);
    for (const [partition, holders] of this.#holders.entries()) {
      if (holders.delete(name)) this.#freeSinceMs.set(partition, this.sim.now);
    }
  }

  metric(name: string, metric: string): number {
    return this.sim.node(name).metrics.snapshot()[metric] ?? 0;
  }

  #acquired(name: string, partition: number): void {
    const holders = this.#holders[partition];
    holders?.add(name);
    if ((holders?.size ?? 0) > 1) this.#fault(`${partition} is held by ${[...(holders ?? [])]}`);
    const sinceMs = this.#freeSinceMs.get(partition);
    this.#freeSinceMs.delete(partition);
    if (sinceMs !== undefined) this.pausesMs.push(this.sim.now - sinceMs);
  }

  #released(name: string, partition: number): void {
    const isHeld = this.#holders[partition]?.delete(name) === true;
    if (!isHeld) this.#fault(`${name} releases ${partition} and has not held it`);
    if (this.#holders[partition]?.size === 0) this.#freeSinceMs.set(partition, this.sim.now);
  }

  #fault(what: string): void {
    if (this.faults.length < 5) this.faults.push(`${this.sim.now.toFixed(0)} ms: ${what}`);
  }
}

/** @param share 0.99 for the 99th percentile. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
