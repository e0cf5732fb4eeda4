/**
 * Replicators of several nodes on virtual time: the frames are real, and so is what a disk keeps.
 * Links are lossless and cut at once; broadcasts may miss any node. Who is cut off is dead for the
 * others some seconds later, and alive again some time after the heal.
 */

import { decodeDelta, encodeDelta } from '../../../../src/cluster/store-delta.ts';
import { StampClock } from '../../../../src/core/clock/stamp-clock.ts';
import type { StoreChange } from '../../../../src/core/store/contract.ts';
import type { Entry, Replica } from '../../../../src/core/store/entry.ts';
import { encodeEntry } from '../../../../src/core/store/entry-codec.ts';
import {
  decodeExchange,
  encodeExchange,
} from '../../../../src/core/store/exchange/exchange-codec.ts';
import { HOSTS, REPLICAS, SERVICES } from '../../../../src/core/store/hosts.ts';
import type { Heard, KnowledgeState } from '../../../../src/core/store/knowledge.ts';
import { Replicator } from '../../../../src/core/store/replicator.ts';
import type {
  HostedStoreOptions,
  ReplicatorEffect,
  ReplicatorInput,
  ReplicatorTime,
} from '../../../../src/core/store/replicator-contract.ts';
import { systemDigest } from '../../../../src/host/system-digest.ts';
import { SeededRandom } from '../../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../../src/testing/virtual-time.ts';

export const MAP = 'map:m';
const OWNED = { ownership: 'owner', lifetime: 'writer', tombstoneTtlMs: 60_000 } as const;
const DETECTION_MS = 3_000;

export interface NetworkOptions {
  readonly seed: number;
  /** Share of nodes that a broadcast misses. */
  readonly loss?: number;
  readonly tombstoneTtlMs?: number;
  readonly lifetime?: 'own' | 'writer';
}

export class StoreNetwork {
  readonly time: VirtualTime = new VirtualTime();
  readonly random: SeededRandom;
  readonly nodes: Map<string, StoreNode> = new Map();
  readonly options: NetworkOptions;
  readonly #sides = new Map<string, number>();
  frames: number = 0;
  bytes: number = 0;

  constructor(options: NetworkOptions) {
    this.options = options;
    this.random = new SeededRandom(options.seed);
  }

  get nowMs(): number {
    return this.time.monotonicMs();
  }

  /** A node on a disk of its own, or on none. */
  start(name: string, disk?: StoreDiskModel): StoreNode {
    const node = new StoreNode(this, name, disk);
    this.nodes.set(name, node);
    node.begin();
    this.#meet();
    return node;
  }

  /** Stops without a word; what was not durable is lost. */
  crash(name: string): StoreDiskModel | undefined {
    const node = this.nodes.get(name);
    if (node === undefined) return undefined;
    node.isUp = false;
    this.nodes.delete(name);
    node.disk?.crash();
    this.#missLater();
    return node.disk;
  }

  partition(...sides: readonly (readonly string[])[]): void {
    this.#sides.clear();
    sides.forEach((names, side) => {
      for (const name of names) this.#sides.set(name, side);
    });
    this.#missLater();
  }

  heal(): void {
    this.#sides.clear();
    this.time.after(500, () => this.#meet());
  }

  reaches(from: string, to: string): boolean {
    const [a, b] = [this.#sides.get(from), this.#sides.get(to)];
    return this.nodes.has(to) && (a === undefined || b === undefined || a === b);
  }

  carry(from: StoreNode, to: string, bytes: number, arrive: (node: StoreNode) => void): void {
    this.frames += 1;
    this.bytes += bytes;
    const target = this.nodes.get(to);
    this.time.after(from.latencyTo(to), () => {
      if (target?.isUp === true && from.isUp && this.reaches(from.name, to)) arrive(target);
    });
  }

  async advance(ms: number): Promise<void> {
    await this.time.advance(ms);
  }

  /** Who can be reached is alive. */
  #meet(): void {
    for (const one of this.nodes.values()) {
      for (const other of this.nodes.values()) {
        if (one === other || one.knows(other.self)) continue;
        if (!this.reaches(one.name, other.name)) continue;
        one.meet(other.self);
      }
    }
  }

  /** Who cannot be reached for a while is dead. */
  #missLater(): void {
    this.time.after(DETECTION_MS, () => {
      for (const node of this.nodes.values()) {
        for (const member of [...node.members.values()]) {
          const isThere = this.nodes.get(member.node)?.self.incarnation === member.incarnation;
          if (!isThere || !this.reaches(node.name, member.node)) node.miss(member);
        }
      }
    });
  }
}

/** Batches become durable in order, a moment after they were handed over. */
export class StoreDiskModel {
  readonly entries: Map<string, Entry> = new Map();
  knowledge: KnowledgeState | undefined;
  /** What has come since that was written, by writer. */
  readonly heard: Map<string, Heard> = new Map();
  incarnation: bigint | undefined;
  clock: bigint = 0n;
  exchangedAt: bigint = 0n;
  /** Entries that were written or removed so far. */
  entryWrites: number = 0;
  #waiting: (() => void)[] = [];

  write(operation: () => void): void {
    this.#waiting.push(operation);
  }

  sync(): void {
    for (const operation of this.#waiting) operation();
    this.#waiting = [];
  }

  crash(): void {
    this.#waiting = [];
  }
}

export class StoreNode {
  readonly name: string;
  readonly self: Replica;
  readonly disk: StoreDiskModel | undefined;
  readonly core: Replicator;
  readonly members: Map<string, Replica> = new Map();
  readonly changes: StoreChange[] = [];
  readonly synced: Set<string> = new Set();
  readonly counts: Map<string, number> = new Map();
  readonly #network: StoreNetwork;
  readonly #clock: StampClock;
  readonly #latencies = new Map<string, number>();
  isUp: boolean = true;
  wallOffsetMs: number = 0;

  constructor(network: StoreNetwork, name: string, disk: StoreDiskModel | undefined) {
    this.#network = network;
    this.name = name;
    this.disk = disk;
    this.self = { node: name, incarnation: BigInt(Math.floor(network.nowMs * 1_000) + 1) };
    this.#clock = new StampClock(disk?.clock ?? 0n);
    this.core = new Replicator({
      self: this.self,
      random: network.random.fork(),
      digest: systemDigest,
      salt: 'test',
      clock: {
        now: () => this.#moved(this.#clock.now(this.#time().wallMs)),
        observe: (stamp) => this.#clock.observe(stamp, this.#time().wallMs),
      },
    });
  }

  begin(): void {
    for (const name of [SERVICES, HOSTS]) this.#host(name, { ...OWNED, isDurable: false });
    const own = { ownership: 'anyone', lifetime: 'own', tombstoneTtlMs: 60_000 } as const;
    this.#host(REPLICAS, { ...own, isDurable: false });
    this.handle({ kind: 'settled' });
    this.open();
    this.#tick();
  }

  /** Hosts the map. */
  open(): void {
    const { tombstoneTtlMs = 3_600_000, lifetime = 'own' } = this.#network.options;
    const { disk } = this;
    const incarnation = disk?.incarnation ?? this.self.incarnation;
    if (disk !== undefined) disk.incarnation = incarnation;
    this.#host(MAP, {
      ownership: 'anyone',
      lifetime,
      tombstoneTtlMs,
      isDurable: disk !== undefined,
      self: { node: this.name, incarnation },
      entries: [...(disk?.entries.values() ?? [])],
      knowledge: disk?.knowledge,
      heard: disk?.heard.values(),
      exchangedAt: disk?.exchangedAt,
    });
  }

  /** Hosts the map no more, for good. */
  drop(): void {
    this.#carry(this.core.unhost(MAP, true, this.#time()));
  }

  /** Hosts the map no more for now. */
  close(): void {
    this.#carry(this.core.unhost(MAP, false, this.#time()));
  }

  put(key: string, value: string): bigint {
    return this.#write(key, Buffer.from(value));
  }

  remove(key: string): bigint {
    return this.#write(key, undefined);
  }

  get(key: string): string | undefined {
    const value = this.core.replica(MAP)?.get(key);
    return value === undefined ? undefined : Buffer.from(value).toString();
  }

  entry(key: string): Entry | undefined {
    return this.core.replica(MAP)?.registers.get(key);
  }

  /** All registers, tombstones included, as bytes. */
  image(store: string = MAP): string {
    const entries = [...(this.core.replica(store)?.registers.all() ?? [])];
    return entries
      .map((entry) => Buffer.from(encodeEntry(entry)).toString('hex'))
      .sort()
      .join('\n');
  }

  knows({ node, incarnation }: Replica): boolean {
    return this.members.get(node)?.incarnation === incarnation;
  }

  meet(member: Replica): void {
    this.members.set(member.node, member);
    this.handle({ kind: 'memberUp', ...member });
    this.handle({ kind: 'neighborUp', node: member.node });
    this.handle({ kind: 'reassert' });
    if (this.name < member.node) this.handle({ kind: 'ask', node: member.node });
  }

  miss(member: Replica): void {
    this.members.delete(member.node);
    this.handle({ kind: 'neighborDown', node: member.node });
    this.handle({ kind: 'memberDown', ...member });
  }

  handle(input: ReplicatorInput): void {
    if (this.isUp) this.#carry(this.core.handle(input, this.#time()));
  }

  /** In order on one link. */
  latencyTo(to: string): number {
    const known = this.#latencies.get(to) ?? 1 + this.#network.random.float() * 20;
    this.#latencies.set(to, known);
    return known;
  }

  #write(key: string, value: Uint8Array | undefined): bigint {
    this.#carry(this.core.write(MAP, [{ key, value }], this.#time()));
    return this.entry(key)?.stamp ?? 0n;
  }

  #host(
    name: string,
    options: Omit<HostedStoreOptions, 'self'> & { readonly self?: Replica },
  ): void {
    this.#carry(this.core.host(name, { self: this.self, ...options }, this.#time()));
  }

  #tick(): void {
    if (!this.isUp) return;
    this.handle({ kind: 'tick' });
    this.disk?.sync();
    this.#network.time.after(1_000, () => this.#tick());
  }

  #carry(effects: readonly ReplicatorEffect[]): void {
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: ReplicatorEffect): void {
    switch (effect.kind) {
      case 'send': {
        const frame = encodeExchange(effect.message);
        this.#network.carry(this, effect.to, frame.length, (node) =>
          node.handle({ kind: 'received', from: this.name, message: decodeExchange(frame) }),
        );
        break;
      }
      case 'broadcast':
        this.#broadcast(encodeDelta(effect));
        break;
      case 'flushSoon':
        this.#network.time.after(0, () => this.handle({ kind: 'flush' }));
        break;
      case 'outcome':
        this.#outcome(effect);
        break;
      case 'synced':
        this.synced.add(effect.store);
        break;
      case 'exchanged':
        this.#exchanged(effect.store, effect.exchangedAt);
        break;
      case 'count':
        this.counts.set(effect.what, (this.counts.get(effect.what) ?? 0) + effect.count);
        break;
      case 'protocolError':
        throw new Error(`${this.name} blames ${effect.node}: ${effect.detail}`);
    }
  }

  #broadcast(payload: Uint8Array): void {
    for (const { node } of this.members.values()) {
      if (this.#network.random.float() < (this.#network.options.loss ?? 0)) continue;
      this.#network.carry(this, node, payload.length, (other) => {
        other.handle({ kind: 'delta', from: this.name, ...decodeDelta(payload) });
      });
    }
  }

  #outcome({ store, outcome }: Extract<ReplicatorEffect, { kind: 'outcome' }>): void {
    if (store !== MAP) return;
    this.changes.push(...outcome.changes);
    const { disk } = this;
    disk?.write(() => {
      disk.entryWrites += outcome.stored.length + outcome.forgotten.length;
      for (const entry of outcome.stored) disk.entries.set(entry.key, entry);
      for (const key of outcome.forgotten) disk.entries.delete(key);
      for (const heard of outcome.heard) {
        disk.heard.set(`${heard.replica.node} ${heard.replica.incarnation}`, heard);
      }
    });
  }

  #exchanged(store: string, exchangedAt: bigint): void {
    const { disk } = this;
    const knowledge = this.core.replica(MAP)?.knowledge.export();
    if (store !== MAP) return;
    disk?.write(() => {
      disk.knowledge = knowledge;
      disk.heard.clear();
      disk.exchangedAt = exchangedAt;
    });
  }

  #moved(stamp: bigint): bigint {
    if (this.disk !== undefined) this.disk.clock = stamp;
    return stamp;
  }

  #time(): ReplicatorTime {
    const { time, nowMs } = this.#network;
    return { monotonicMs: nowMs, wallMs: time.wallMs() + this.wallOffsetMs };
  }
}
