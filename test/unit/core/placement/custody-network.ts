/**
 * Custody cores of several nodes on virtual time. Placement, roster and links are played: word of a
 * join or a leave takes up to 200 ms to each node, a crash is known after 1 to 2 s, and a frame to
 * a node takes up to 50 ms; frames between the same two nodes keep their order.
 */
import { CoreInbox } from '../../../../src/cluster/core-inbox.ts';
import { Custody } from '../../../../src/core/placement/custody.ts';
import {
  type CustodyMessage,
  decodeCustody,
  encodeCustody,
} from '../../../../src/core/placement/custody-codec.ts';
import type {
  CustodyConfig,
  CustodyCount,
  CustodyEffect,
  CustodyInput,
  OwnerTable,
} from '../../../../src/core/placement/custody-contract.ts';
import { finish, hashText, mix } from '../../../../src/core/roster/mix32.ts';
import { SeededRandom } from '../../../../src/testing/seeded-random.ts';
import { TimerHeap } from '../../../../src/testing/timer-heap.ts';

export const RING = 32;
type Span = readonly [least: number, most: number];

export interface Delays {
  readonly frameMs: Span;
  readonly newsMs: Span;
  readonly crashMs: Span;
  readonly workMs: Span;
}

const DELAYS: Delays = {
  frameMs: [1, 50],
  newsMs: [1, 200],
  crashMs: [1_000, 2_000],
  workMs: [0, 0],
};

/** Rendezvous hashing: a stand-in for placement, with the same independence of history. */
export function ownerAmong(members: Iterable<string>, partition: number): string | undefined {
  let best: string | undefined;
  let bestScore = -1;
  for (const node of members) {
    const score = finish(mix(hashText(node), partition));
    if (score > bestScore) [best, bestScore] = [node, score];
  }
  return best;
}

export function tableOf(self: string, members: Iterable<string>): OwnerTable {
  const all = new Set(members);
  const others = [...all].filter((node) => node !== self);
  return {
    owner: (partition) => ownerAmong(all, partition),
    ownerWithoutSelf: (partition) => ownerAmong(others, partition),
    isMember: (node) => all.has(node),
  };
}

export class CustodyNetwork {
  readonly random: SeededRandom;
  readonly nodes: Map<string, CustodyNode> = new Map();
  readonly delays: Delays;
  readonly config: Partial<CustodyConfig>;
  nowMs: number = 0;
  frames: number = 0;
  /** Of frames, by kind. */
  readonly sent: Map<CustodyMessage['kind'], number> = new Map();
  readonly #heap = new TimerHeap();
  readonly #arrivals = new Map<string, number>();
  #start = 0;

  constructor(seed: number, delays: Partial<Delays> = {}, config: Partial<CustodyConfig> = {}) {
    this.random = new SeededRandom(seed);
    this.delays = { ...DELAYS, ...delays };
    this.config = config;
  }

  /** A node that knows of nobody yet; it settles when it has heard of those that run. */
  start(name: string, settleMs: number = 300): CustodyNode {
    this.#start += 1;
    const node = new CustodyNode(this, name, this.#start);
    // Who leaves is a member until its goodbye.
    const others = [...this.nodes.values()];
    this.nodes.set(name, node);
    node.learn(name, this.#start);
    for (const other of others) {
      this.#tell(node, other.name, other.start);
      this.#tell(other, name, node.start);
    }
    this.after(others.length === 0 ? 0 : settleMs, () => node.do({ kind: 'settled' }));
    return node;
  }

  /** Gives away what it has, says goodbye when that is done, and is gone. */
  leave(name: string): void {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    node.isLeaving = true;
    node.do({ kind: 'left' });
    node.whenReleased(() => {
      if (this.nodes.get(name) === node) this.nodes.delete(name);
      this.after(100, () => {
        node.isUp = false;
      });
      this.#forget(node, this.delays.newsMs);
    });
  }

  crash(name: string): void {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    node.isUp = false;
    this.nodes.delete(name);
    this.#forget(node, this.delays.crashMs);
  }

  after(ms: number, callback: () => void): void {
    this.#heap.push(this.nowMs + ms, callback);
  }

  between([least, most]: Span): number {
    return least + this.random.float() * (most - least);
  }

  carry(from: CustodyNode, to: string, message: CustodyMessage): void {
    this.frames += 1;
    this.sent.set(message.kind, (this.sent.get(message.kind) ?? 0) + 1);
    const target = this.nodes.get(to);
    const frame = encodeCustody(message);
    const way = `${from.start} ${target?.start}`;
    const arrival = this.nowMs + this.between(this.delays.frameMs);
    const atMs = Math.max(arrival, this.#arrivals.get(way) ?? 0);
    this.#arrivals.set(way, atMs);
    this.#heap.push(atMs, () => {
      if (!from.isUp || target?.isUp !== true) return;
      target.do({ kind: 'received', from: from.name, message: decodeCustody(frame) });
    });
  }

  /** `onStep` is called after everything that happens. */
  run(ms: number, onStep: () => void = () => {}): void {
    const endMs = this.nowMs + ms;
    for (let next = this.#heap.popDue(endMs); next; next = this.#heap.popDue(endMs)) {
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.callback?.();
      onStep();
    }
    this.nowMs = endMs;
  }

  /** Partitions that two nodes or more hold now. */
  get heldTwice(): readonly number[] {
    const holders = new Map<number, number>();
    for (const node of this.running) {
      for (const partition of node.core.held) {
        holders.set(partition, (holders.get(partition) ?? 0) + 1);
      }
    }
    return [...holders].filter(([, count]) => count > 1).map(([partition]) => partition);
  }

  /** Partitions that their owner by all running nodes does not hold. */
  get misplaced(): readonly number[] {
    const names = [...this.nodes.keys()];
    return Array.from({ length: RING }, (_, partition) => partition).filter((partition) => {
      const owner = this.nodes.get(ownerAmong(names, partition) ?? '');
      return owner?.core.holds(partition) !== true;
    });
  }

  /** Those that left and are not gone yet, too. */
  readonly running: Set<CustodyNode> = new Set();

  #tell(node: CustodyNode, about: string, start: number): void {
    this.after(this.between(this.delays.newsMs), () => node.learn(about, start));
  }

  #forget(gone: CustodyNode, delayMs: Span): void {
    for (const node of this.nodes.values()) {
      this.after(this.between(delayMs), () => node.forget(gone.name, gone.start));
    }
  }
}

export class CustodyNode {
  readonly name: string;
  readonly start: number;
  readonly core: Custody;
  readonly acquiredMs: Map<number, number> = new Map();
  readonly counts: Map<CustodyCount, number> = new Map();
  isLeaving: boolean = false;
  readonly #network: CustodyNetwork;
  readonly #members = new Map<string, number>();
  readonly #forgotten = new Map<string, number>();
  #isUp = true;
  #onReleased: (() => void) | undefined;
  readonly #inbox = new CoreInbox<CustodyInput>((input) => {
    for (const effect of this.core.handle(input, this.#network.nowMs)) this.#perform(effect);
  });

  constructor(network: CustodyNetwork, name: string, start: number) {
    this.#network = network;
    this.name = name;
    this.start = start;
    this.core = new Custody({ self: name, ringSize: RING, config: network.config });
    network.running.add(this);
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  set isUp(isUp: boolean) {
    this.#isUp = isUp;
    if (!isUp) this.#network.running.delete(this);
  }

  do(input: CustodyInput): void {
    if (this.#isUp) this.#inbox.submit(input);
    if (this.#isUp && this.core.heldCount === 0) this.#onReleased?.();
  }

  /** Later word of an earlier start counts for nothing. */
  learn(node: string, start: number): void {
    if ((this.#forgotten.get(node) ?? 0) >= start) return;
    if ((this.#members.get(node) ?? 0) >= start) return;
    this.#members.set(node, start);
    this.#tableChanged();
  }

  forget(node: string, start: number): void {
    this.#forgotten.set(node, Math.max(start, this.#forgotten.get(node) ?? 0));
    if (this.#members.get(node) !== start) return;
    this.#members.delete(node);
    this.#tableChanged();
  }

  whenReleased(callback: () => void): void {
    this.#onReleased = () => {
      this.#onReleased = undefined;
      callback();
    };
    if (this.core.heldCount === 0) this.#onReleased();
  }

  #tableChanged(): void {
    this.do({ kind: 'table', table: tableOf(this.name, this.#members.keys()) });
  }

  #perform(effect: CustodyEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#network.carry(this, effect.to, effect.message);
        break;
      case 'acquire':
        for (const each of effect.partitions) this.acquiredMs.set(each, this.#network.nowMs);
        break;
      case 'release':
        this.#release(effect.partitions);
        break;
      case 'schedule': {
        const { timer, delayMs } = effect;
        this.#network.after(delayMs, () => this.do({ kind: 'timerFired', timer }));
        break;
      }
      case 'count':
        this.counts.set(effect.what, (this.counts.get(effect.what) ?? 0) + effect.count);
        break;
    }
  }

  #release(partitions: readonly number[]): void {
    const workMs = this.#network.between(this.#network.delays.workMs);
    const released = (): void => this.do({ kind: 'released', partitions });
    if (workMs === 0) {
      released();
      return;
    }
    this.do({ kind: 'ending', partitions });
    this.#network.after(workMs, released);
  }
}
