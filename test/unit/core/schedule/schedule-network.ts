/**
 * Books of several nodes on virtual time. Played are the store, whose news takes up to 200 ms to
 * each node and whose disks take up to 20 ms; who holds a partition, with hand-over; and handlers,
 * which take their time. A crash or a split is known after 2 to 3 s.
 */
import { packStamp } from '../../../../src/core/clock/stamp.ts';
import type {
  DeliverEffect,
  ReminderWrite,
  ScheduleCount,
} from '../../../../src/core/schedule/contract.ts';
import { acknowledges, majorityOf } from '../../../../src/core/schedule/record.ts';
import { isClaimedValue } from '../../../../src/core/schedule/record-codec.ts';
import { SeededRandom } from '../../../../src/testing/seeded-random.ts';
import { TimerHeap } from '../../../../src/testing/timer-heap.ts';
import { ownerAmong } from '../placement/custody-network.ts';
import { START_MS } from './driven-book.ts';
import { PlayedNode } from './played-node.ts';
import { type PlayedEntry, PlayedStore } from './played-store.ts';

export const PARTITIONS = 8;
const HAND_OFF_MS = 10_000;
type Span = readonly [least: number, most: number];

export interface Delivery {
  readonly node: string;
  readonly side: number;
  readonly atMs: number;
  readonly what: DeliverEffect;
}

export interface NetworkRules {
  /** How often a handler rejects, 0 to 1. */
  readonly failures: number;
  /** How often one takes up to 8 s, 0 to 1; else it takes up to 800 ms. */
  readonly slowness: number;
}

interface HandOver {
  to: PlayedNode;
  readonly from: Set<PlayedNode>;
}

export class ScheduleNetwork {
  readonly random: SeededRandom;
  readonly rules: NetworkRules;
  readonly nodes: Map<string, PlayedNode> = new Map();
  readonly deliveries: Delivery[] = [];
  readonly fulfilled: Map<bigint, number> = new Map();
  readonly counts: Map<ScheduleCount, number> = new Map();
  readonly leavers: Set<string> = new Set();
  nowMs: number = 0;
  readonly #disks = new Map<string, PlayedStore>();
  readonly #heap = new TimerHeap();
  readonly #handOvers = new Map<string, HandOver>();
  #stamps = 0;
  #starts = 0;

  constructor(seed: number, rules: NetworkRules) {
    this.random = new SeededRandom(seed);
    this.rules = rules;
  }

  get wallMs(): number {
    return START_MS + Math.floor(this.nowMs);
  }

  get up(): readonly PlayedNode[] {
    return [...this.nodes.values()];
  }

  newVersion(): bigint {
    this.#stamps += 1;
    return packStamp(this.wallMs, this.#stamps);
  }

  /** A start of that node with what its disk has; it takes part after half a second. */
  start(name: string): PlayedNode {
    this.#starts += 1;
    const disk = this.#disks.get(name) ?? new PlayedStore();
    this.#disks.set(name, disk);
    const node = new PlayedNode(this, { name, incarnation: BigInt(this.#starts), disk });
    this.nodes.set(name, node);
    const side = this.up.find((other) => other !== node)?.side ?? 0;
    node.side = side;
    this.after(500, () => this.#settle([node]));
    return node;
  }

  crash(name: string): void {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    node.isUp = false;
    this.nodes.delete(name);
    this.after(this.between([2_000, 3_000]), () => this.place());
  }

  /** Gives away what it holds, then is gone. */
  leave(name: string): void {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    node.isLeaving = true;
    this.place();
  }

  /** Every second node is on another side, until `heal`. */
  split(): void {
    for (const [index, node] of this.up.entries()) node.side = index % 2;
    this.after(this.between([2_000, 3_000]), () => this.place());
  }

  heal(): void {
    for (const node of this.up) {
      node.side = 0;
      node.do({ kind: 'unsettled' });
    }
    this.after(500, () => this.#settle(this.up));
  }

  after(ms: number, callback: () => void): void {
    this.#heap.push(this.nowMs + ms, callback);
  }

  between([least, most]: Span): number {
    return least + this.random.float() * (most - least);
  }

  run(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let next = this.#heap.popDue(endMs); next; next = this.#heap.popDue(endMs)) {
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.callback?.();
    }
    this.nowMs = endMs;
  }

  /** Writes at that node, and tells the others of its side. */
  write(node: PlayedNode, writes: readonly ReminderWrite[], onDurable: () => void): void {
    this.#stamps += 1;
    const entries = writes.map((write) => node.entry(write, this.#stamps));
    for (const entry of entries) node.learn(entry);
    this.after(this.between([1, 20]), () => {
      if (!node.isUp) return;
      for (const entry of entries) node.keep(entry);
      onDurable();
    });
    for (const other of this.up) if (other !== node) this.#tell(node, other, entries);
  }

  /** As an owner that is asked answers when the news of the claim had time to come. */
  ask(node: PlayedNode, { id, claim, owners }: AskedOf, onAnswer: (has: boolean) => void): void {
    this.after(300, () => {
      const having = this.up.filter(
        (other) =>
          owners.includes(other.name) &&
          other.side === node.side &&
          acknowledges(other.store.read(id), claim),
      );
      onAnswer(having.length >= majorityOf(owners));
    });
  }

  /** Every partition goes to its owner on each side, when whoever has it has released it. */
  place(): void {
    for (const side of [0, 1]) {
      const all = this.up.filter((node) => node.side === side && node.isPlaced);
      const staying = all.filter((node) => !node.isLeaving);
      for (let partition = 0; partition < PARTITIONS; partition += 1) {
        const owner = ownerAmong(
          staying.map(({ name }) => name),
          partition,
        );
        const to = staying.find(({ name }) => name === owner);
        if (to !== undefined) this.#hand(partition, to, all);
      }
    }
    for (const node of this.up) if (node.isLeaving) this.#goWhenFree(node);
  }

  released(node: PlayedNode, partition: number): void {
    for (const [id, handOver] of this.#handOvers) {
      if (id !== `${partition} ${node.side}` || !handOver.from.delete(node)) continue;
      if (handOver.from.size === 0) this.#handed(id, partition);
    }
    if (node.isLeaving) this.#goWhenFree(node);
  }

  #hand(partition: number, to: PlayedNode, all: readonly PlayedNode[]): void {
    const id = `${partition} ${to.side}`;
    const known = this.#handOvers.get(id);
    if (known !== undefined) {
      known.to = to;
      return;
    }
    const others = all.filter((node) => node !== to && node.held.has(partition));
    if (others.length === 0) {
      to.hold(partition);
      return;
    }
    const handOver = { to, from: new Set(others) };
    this.#handOvers.set(id, handOver);
    this.after(HAND_OFF_MS, () => {
      if (this.#handOvers.get(id) === handOver) this.#handed(id, partition);
    });
    for (const node of others) node.letGo(partition);
  }

  #handed(id: string, partition: number): void {
    const { to } = this.#handOvers.get(id) ?? {};
    this.#handOvers.delete(id);
    this.after(this.between([1, 50]), () => {
      if (to?.isUp === true && to.isPlaced && !to.isLeaving) to.hold(partition);
      this.place();
    });
  }

  #goWhenFree(node: PlayedNode): void {
    if (node.held.size > 0 || node.isWorking) return;
    // Its last news is on its way.
    this.after(300, () => {
      if (node.held.size > 0 || node.isWorking) return;
      node.isUp = false;
      this.leavers.add(node.name);
      if (this.nodes.get(node.name) === node) this.nodes.delete(node.name);
    });
  }

  #tell(from: PlayedNode, to: PlayedNode, entries: readonly PlayedEntry[]): void {
    this.after(this.between([1, 200]), () => {
      if (!to.isUp || to.side !== from.side) return;
      for (const entry of entries) to.learn(entry);
      // What came from others is kept at once: a crash loses only what nobody acknowledged.
      for (const entry of entries) to.keep(entry);
    });
  }

  #settle(nodes: readonly PlayedNode[]): void {
    for (const node of nodes.filter(({ isUp }) => isUp)) {
      for (const other of this.up) {
        if (other === node || other.side !== node.side) continue;
        for (const entry of other.store.entries.values()) node.learnAndKeep(entry);
        for (const entry of node.store.entries.values()) other.learnAndKeep(entry);
      }
    }
    for (const node of nodes.filter(({ isUp }) => isUp)) {
      node.isPlaced = true;
      node.do({ kind: 'settled' });
    }
    this.place();
  }
}

interface AskedOf {
  readonly id: string;
  readonly claim: Parameters<typeof acknowledges>[1];
  readonly owners: readonly string[];
}

/** True for an entry that is a claim. */
export function isClaim({ bytes }: PlayedEntry): boolean {
  return bytes !== undefined && isClaimedValue(bytes);
}
