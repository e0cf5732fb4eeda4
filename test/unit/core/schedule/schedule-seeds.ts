/** Reminders of every kind on nodes that come, go, crash and are split, and what has to hold. */
import { onceWrite, repeatedWrite } from '../../../../src/core/schedule/commands.ts';
import { deliveryRules } from '../../../../src/core/schedule/delivery-options.ts';
import { versionOf } from '../../../../src/core/schedule/reminder-id.ts';
import { everyDay } from './played-cron.ts';
import { type Delivery, type NetworkRules, ScheduleNetwork } from './schedule-network.ts';

const REMINDERS = 24;
const BUSY_MS = 40_000;
const CALM_MS = 120_000;
const PERIOD_MS = 9_000;

export type Trouble = 'none' | 'moves' | 'crashes' | 'splits';

export interface ScheduleRunOptions extends Partial<NetworkRules> {
  readonly seed: number;
  readonly trouble: Trouble;
}

/** What was set, and what is expected of it. */
interface Expected {
  readonly id: string;
  readonly fence: bigint;
  readonly isLeastOnce: boolean;
  readonly isHeld: boolean;
  readonly isRepeated: boolean;
}

export class ScheduleRun {
  readonly network: ScheduleNetwork;
  readonly #trouble: Trouble;
  readonly #expected: Expected[] = [];
  readonly #faults: string[] = [];
  readonly #isFailing: boolean;
  #isSplit = false;
  #names = 4;

  constructor({ seed, trouble, failures = 0, slowness = 0.1 }: ScheduleRunOptions) {
    this.network = new ScheduleNetwork(seed, { failures, slowness });
    this.#trouble = trouble;
    this.#isFailing = failures > 0;
  }

  /** Sentences that say what is wrong; none when nothing is. */
  run(): readonly string[] {
    const { network } = this;
    for (let i = 0; i < this.#names; i += 1) network.start(`n${i}@lab`);
    network.run(2_000);
    for (let i = 0; i < REMINDERS; i += 1) this.#set(i);
    const endMs = network.nowMs + BUSY_MS;
    while (network.nowMs < endMs) {
      network.run(network.between([500, 6_000]));
      this.#disturb();
    }
    if (this.#isSplit) network.heal();
    network.run(CALM_MS);
    this.#judge();
    return this.#faults;
  }

  #set(index: number): void {
    const { network } = this;
    const [isLeastOnce, isHeld] = [index % 2 === 0, index % 3 === 0];
    const isRepeated = index % 4 === 3 || index % 8 === 2;
    const rules = deliveryRules({
      delivery: isLeastOnce ? 'at-least-once' : 'at-most-once',
      onPartition: isHeld ? 'hold' : 'fire',
      maxAttempts: 1_000,
      backoffMs: 500,
      overlap: index % 8 === 2 ? 'allow' : 'skip',
    });
    const owners = ['n0@lab', 'n1@lab', 'n2@lab'];
    const request = { key: `k${index}`, payload: index, rules, owners };
    const time = { wallMs: network.wallMs, version: network.newVersion(), cron: everyDay };
    const dueAtMs = network.wallMs + Math.floor(network.between([0, BUSY_MS]));
    const write = isRepeated
      ? repeatedWrite(request, { everyMs: PERIOD_MS }, time)
      : onceWrite(request, dueAtMs, time);
    const [node] = network.up;
    if (node !== undefined) network.write(node, [write], () => {});
    const fence = versionOf(write.id);
    this.#expected.push({ id: write.id, fence, isLeastOnce, isHeld, isRepeated });
    network.run(30);
  }

  #disturb(): void {
    const { network } = this;
    const names = network.up.filter(({ isLeaving }) => !isLeaving).map(({ name }) => name);
    const name = names[Math.floor(network.random.float() * names.length)] ?? '';
    switch (this.#trouble) {
      case 'none':
        break;
      case 'moves':
        if (names.length > 2 && network.random.float() < 0.5) network.leave(name);
        else this.#start();
        break;
      case 'crashes':
        // One is away at a time, so that each write survives somewhere.
        if (names.length < this.#names) return;
        network.crash(name);
        network.after(network.between([100, 5_000]), () => network.start(name));
        break;
      case 'splits':
        if (this.#isSplit) network.heal();
        else network.split();
        this.#isSplit = !this.#isSplit;
        break;
    }
  }

  #start(): void {
    this.network.start(`n${this.#names}@lab`);
    this.#names += 1;
  }

  #judge(): void {
    const byFence = new Map<bigint, Delivery[]>();
    for (const delivery of this.network.deliveries) {
      const { fence } = delivery.what;
      byFence.set(fence, [...(byFence.get(fence) ?? []), delivery]);
    }
    for (const [fence, deliveries] of byFence) this.#judgeFence(fence, deliveries);
    for (const expected of this.#expected) {
      if (expected.isRepeated) this.#judgeSeries(expected);
      else this.#judgeOnce(expected, byFence.get(expected.fence) ?? []);
    }
  }

  /** A fence is of one occurrence, and an attempt is no lower than the one before on its side. */
  #judgeFence(fence: bigint, deliveries: readonly Delivery[]): void {
    const due = new Set(deliveries.map(({ what }) => what.dueAtMs));
    if (due.size > 1) this.#fault(`${fence} is of ${due.size} occurrences`);
    if (deliveries.length > 1 && this.#trouble === 'none' && !this.#isFailing) {
      this.#fault(`${fence} was delivered ${deliveries.length} times`);
    }
    for (const { what } of deliveries) if (what.lateMs < 0) this.#fault(`${fence} was early`);
  }

  #judgeOnce({ id, fence, isLeastOnce, isHeld }: Expected, all: readonly Delivery[]): void {
    const name = `${isLeastOnce ? 'at least' : 'at most'} once${isHeld ? ', held' : ''} ${fence}`;
    if (isLeastOnce && (this.network.fulfilled.get(fence) ?? 0) === 0) this.#fault(`lost: ${name}`);
    const most = this.#trouble === 'splits' && !isHeld ? 2 : 1;
    if (!isLeastOnce && all.length > most) this.#fault(`${all.length} times: ${name}`);
    const isCertain = this.#trouble === 'none' || this.#trouble === 'moves';
    if (!isLeastOnce && isCertain && all.length !== 1) this.#fault(`${all.length} times: ${name}`);
    for (const { name: node, store } of this.network.up) {
      if (store.read(id) !== undefined) this.#fault(`${node} still has ${name}`);
    }
  }

  /** In calm each is delivered; at most once as far as one side goes. */
  #judgeSeries({ id, isLeastOnce, isHeld }: Expected): void {
    const all = this.network.deliveries.filter(({ what }) => versionOf(what.id) === versionOf(id));
    const due = [...new Set(all.map(({ what }) => what.dueAtMs))].toSorted((a, b) => a - b);
    const lastMs = due.at(-1) ?? 0;
    if (lastMs < this.network.wallMs - 2 * PERIOD_MS) this.#fault(`the series of ${id} stopped`);
    if (this.#trouble === 'none' && !this.#isFailing) {
      const gaps = due.slice(1).map((atMs, index) => atMs - (due[index] ?? 0));
      if (gaps.some((gap) => gap !== PERIOD_MS)) this.#fault(`the series of ${id} has gaps`);
    }
    if (isLeastOnce || (this.#trouble === 'splits' && !isHeld)) return;
    if (all.length !== due.length) this.#fault(`an occurrence of ${id} was delivered again`);
  }

  #fault(what: string): void {
    if (this.#faults.length < 5) this.#faults.push(what);
  }
}
