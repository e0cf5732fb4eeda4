/**
 * Random writes and removes on 3 to 20 replicas, with partitions, lost broadcasts, crashes with
 * and without the disk, and steps of the wall clocks. After the heal all replicas hold the same
 * bytes, and for each key what the writes that were not lost with a disk allow.
 */
import { SeededRandom } from '../../src/testing/seeded-random.ts';
import {
  MAP,
  StoreDiskModel,
  StoreNetwork,
  type StoreNode,
} from '../unit/core/store/store-network.ts';

interface Write {
  readonly by: string;
  /** Of the writer's disk or memory: writes of one that was lost may be lost. */
  readonly life: number;
  readonly stamp: bigint;
  readonly value: string | undefined;
}

export class StoreRun {
  readonly #random: SeededRandom;
  readonly #network: StoreNetwork;
  readonly #names: readonly string[];
  readonly #writes = new Map<string, Write[]>();
  readonly #lives = new Map<string, number>();
  readonly #disks = new Map<string, StoreDiskModel>();
  readonly #down = new Set<string>();
  #serial = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#network = new StoreNetwork({
      seed: seed + 1,
      loss: this.#random.float() * 0.3,
      tombstoneTtlMs: this.#random.float() < 0.5 ? 3_600_000 : 120_000,
    });
    const count = 3 + Math.floor(this.#random.float() * 18);
    this.#names = Array.from({ length: count }, (_, i) => `n${i}@lab`);
  }

  /** Sentences that say what is wrong at the end; none when nothing is. */
  async run(): Promise<readonly string[]> {
    for (const name of this.#names) this.#start(name);
    await this.#network.advance(5_000);
    for (let step = 0; step < 60; step += 1) {
      this.#step();
      await this.#network.advance(this.#random.float() * 2_000);
    }
    this.#network.heal();
    for (const name of this.#down) this.#start(name);
    this.#down.clear();
    await this.#network.advance(1_000);
    const isEqual = (): boolean => new Set(this.#images()).size === 1;
    for (let waitedMs = 0; waitedMs < 240_000 && !isEqual(); waitedMs += 5_000) {
      await this.#network.advance(5_000);
    }
    return isEqual() ? this.#faults() : ['replicas differ 240 s after the heal'];
  }

  #step(): void {
    const dice = this.#random.float();
    if (dice < 0.7) for (let i = 0; i < 4; i += 1) this.#write();
    else if (dice < 0.8) this.#split();
    else if (dice < 0.87) this.#network.heal();
    else if (dice < 0.94) this.#crash();
    else if (dice < 0.97) this.#stepClock();
    else this.#restart();
  }

  #start(name: string): void {
    const isDurable = this.#disks.has(name) || this.#random.float() < 0.5;
    const disk = isDurable ? (this.#disks.get(name) ?? new StoreDiskModel()) : undefined;
    if (disk !== undefined) this.#disks.set(name, disk);
    this.#network.start(name, disk);
  }

  #write(): void {
    const node = this.#any();
    if (node === undefined) return;
    const key = `k${Math.floor(this.#random.float() * 12)}`;
    this.#serial += 1;
    const value = this.#random.float() < 0.35 ? undefined : `v${this.#serial}`;
    const stamp = value === undefined ? node.remove(key) : node.put(key, value);
    const writes = this.#writes.get(key) ?? [];
    const life = this.#lives.get(node.name) ?? 0;
    this.#writes.set(key, [...writes, { by: node.name, life, stamp, value }]);
    // Acknowledged: durable, where there is a disk.
    node.disk?.sync();
  }

  #split(): void {
    const one = this.#names.filter(() => this.#random.float() < 0.5);
    this.#network.partition(
      one,
      this.#names.filter((name) => !one.includes(name)),
    );
  }

  #crash(): void {
    const node = this.#any();
    if (node === undefined || this.#network.nodes.size < 2) return;
    this.#network.crash(node.name);
    this.#down.add(node.name);
    const isKept = node.disk !== undefined && this.#random.float() < 0.7;
    if (isKept) return;
    this.#disks.delete(node.name);
    this.#lives.set(node.name, (this.#lives.get(node.name) ?? 0) + 1);
  }

  #restart(): void {
    const [name] = this.#down;
    if (name === undefined) return;
    this.#down.delete(name);
    this.#start(name);
  }

  #stepClock(): void {
    const node = this.#any();
    if (node !== undefined) node.wallOffsetMs = (this.#random.float() - 0.5) * 40_000;
  }

  #any(): StoreNode | undefined {
    const nodes = [...this.#network.nodes.values()];
    return nodes[Math.floor(this.#random.float() * nodes.length)];
  }

  #images(): readonly string[] {
    return [...this.#network.nodes.values()].map((node) => node.image(MAP));
  }

  #faults(): readonly string[] {
    const faults: string[] = [];
    const [node] = this.#network.nodes.values();
    for (const [key, writes] of this.#writes) {
      const value = node?.get(key);
      // What nobody could lose: later ones win.
      const kept = writes.filter(({ by, life }) => (this.#lives.get(by) ?? 0) === life);
      const last = kept.reduce<Write | undefined>(
        (latest, write) => (latest === undefined || write.stamp > latest.stamp ? write : latest),
        undefined,
      );
      // Later ones may be lost or not; of equal ones the total order decides.
      const later = writes.filter(({ stamp }) => last === undefined || stamp >= last.stamp);
      const allowed = [last?.value, ...later.map((write) => write.value)];
      if (!allowed.includes(value)) {
        faults.push(`${key} is ${value}, allowed: ${allowed.join(', ')}`);
      }
    }
    return faults;
  }
}
