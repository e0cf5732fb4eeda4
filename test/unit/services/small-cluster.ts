/**
 * A few nodes with the real processes, services and replicator, on virtual time. Only the overlay
 * between them is replaced: every node is every other one's neighbour, and a message takes 1 ms.
 */
import { StoreTable } from '../../../src/cluster/owned-table.ts';
import type {
  LinkEvents,
  MessageLinks,
  NodeRef,
  OwnedTable,
  ReplicatedStore,
  TableChange,
} from '../../../src/cluster/ports.ts';
import { packStamp } from '../../../src/core/clock/stamp.ts';
import { StampClock } from '../../../src/core/clock/stamp-clock.ts';
import type { NodeName } from '../../../src/core/names.ts';
import { ownedKey, type StoreChange } from '../../../src/core/store/contract.ts';
import { SERVICES } from '../../../src/core/store/hosts.ts';
import { Replicator } from '../../../src/core/store/replicator.ts';
import type {
  ReplicatorEffect,
  ReplicatorInput,
  ReplicatorTime,
} from '../../../src/core/store/replicator-contract.ts';
import { BarrelError } from '../../../src/errors.ts';
import type { Host } from '../../../src/host/host.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { systemDigest } from '../../../src/host/system-digest.ts';
import { MemoryFiles } from '../../../src/testing/memory-files.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { DirectQueries } from './direct-queries.ts';

export const LATENCY_MS = 1;

export class SmallCluster {
  readonly time: VirtualTime = new VirtualTime();
  readonly random: SeededRandom = new SeededRandom(1);
  readonly #members = new Map<NodeName, Member>();
  #lastIncarnation = 0n;

  /** A node that knows all others and is known by them. */
  start(node: NodeName): Member {
    this.#lastIncarnation += 1n;
    const self = { node, incarnation: this.#lastIncarnation };
    const member = new Member(self, this);
    const others = [...this.#members.values()];
    this.#members.set(node, member);
    for (const other of others) {
      other.table.meet(member.table);
      member.table.meet(other.table);
    }
    return member;
  }

  /** The node is no more, and every other one is told at once. */
  crash(member: Member): void {
    const { node, incarnation } = member.self;
    if (this.#members.get(node) === member) this.#members.delete(node);
    member.links.stop();
    for (const other of this.#members.values()) {
      other.links.down(member.self);
      other.table.handle({ kind: 'neighborDown', node });
      other.table.handle({ kind: 'memberDown', node, incarnation });
    }
  }

  others(node: NodeName): readonly Member[] {
    return [...this.#members.values()].filter(({ self }) => self.node !== node);
  }

  member(node: NodeName): Member | undefined {
    return this.#members.get(node);
  }

  isSuspect(): boolean {
    return false;
  }

  isAlive(node: NodeName, incarnation: bigint): boolean {
    return this.#members.get(node)?.self.incarnation === incarnation;
  }
}

/** What a node has below its features. */
export class Member {
  readonly self: NodeRef;
  readonly cluster: SmallCluster;
  readonly meter: Meter = new Meter();
  readonly table: DirectTable;
  readonly links: DirectLinks;
  readonly queries: DirectQueries;

  constructor(self: NodeRef, cluster: SmallCluster) {
    this.self = self;
    this.cluster = cluster;
    this.table = new DirectTable(self, cluster);
    this.links = new DirectLinks(self, cluster);
    this.queries = new DirectQueries(self, cluster.time, () =>
      cluster.others(self.node).map(({ queries }) => queries),
    );
  }

  get host(): Host {
    const { time, random } = this.cluster;
    return {
      clock: time,
      timers: time,
      random,
      files: new MemoryFiles(),
      digest: systemDigest,
      openStore: () => Promise.reject(new Error('no store here')),
      openUdp: () => Promise.reject(new Error('there is no network here')),
      lookup: async (host) => [host],
      logger: silentLogger,
      meter: this.meter,
      hostName: 'h',
      externalAddresses: () => [],
    };
  }
}

const RULES = { ownership: 'owner', lifetime: 'writer', tombstoneTtlMs: 60_000 } as const;

/** Drives the replicator of one node; what it sends arrives a latency later. */
class DirectTable implements OwnedTable {
  readonly #core: Replicator;
  readonly #self: NodeRef;
  readonly #cluster: SmallCluster;
  readonly #table: StoreTable;
  readonly #listeners = new Set<(change: StoreChange) => void>();
  #received = 0;
  /** Hears nothing of what others write. */
  isDeaf = false;

  constructor(self: NodeRef, cluster: SmallCluster) {
    this.#self = self;
    this.#cluster = cluster;
    const clock = new StampClock();
    this.#core = new Replicator({
      self,
      random: cluster.random,
      digest: systemDigest,
      salt: '',
      clock: {
        now: () => clock.now(cluster.time.wallMs()),
        observe: (stamp) => clock.observe(stamp, cluster.time.wallMs()),
      },
    });
    this.#carry(this.#core.host(SERVICES, { ...RULES, isDurable: false, self }, this.#time()));
    this.#table = new StoreTable(self, this.#store());
  }

  /** The other is a member and becomes a neighbour; both compare what they have. */
  meet(other: DirectTable): void {
    this.handle({ kind: 'memberUp', ...other.#self });
    this.handle({ kind: 'neighborUp', node: other.#self.node });
    this.handle({ kind: 'ask', node: other.#self.node });
  }

  put(key: string, value: Uint8Array): void {
    this.#table.put(key, value);
  }

  remove(key: string): void {
    this.#table.remove(key);
  }

  onChange(listener: (change: TableChange) => void): Disposable {
    return this.#table.onChange(listener);
  }

  handle(input: ReplicatorInput): void {
    if (this.isDeaf && (input.kind === 'delta' || input.kind === 'received')) return;
    this.#carry(this.#core.handle(input, this.#time()));
  }

  /** Entries of this node that stand, of whatever kind. */
  get standing(): number {
    const visible = [...(this.#core.replica(SERVICES)?.visible() ?? [])];
    return visible.filter(({ writer }) => writer.node === this.#self.node).length;
  }

  /** Brings what a node would never write itself. */
  receive(owner: NodeRef, key: string, value: Uint8Array | undefined): void {
    this.#received += 1;
    const stamp = packStamp(Math.floor(this.#cluster.time.wallMs()) + 1_000, this.#received);
    const entry = { key: ownedKey(owner.node, key), stamp, writer: owner, value, expiresAtMs: 0 };
    this.handle({ kind: 'delta', from: owner.node, store: SERVICES, entries: [entry] });
  }

  #carry(effects: readonly ReplicatorEffect[]): void {
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: ReplicatorEffect): void {
    const from = this.#self.node;
    const { time } = this.#cluster;
    if (effect.kind === 'outcome') {
      for (const change of effect.outcome.changes) {
        for (const listener of this.#listeners) listener(change);
      }
    } else if (effect.kind === 'flushSoon') {
      this.handle({ kind: 'flush' });
    } else if (effect.kind === 'broadcast') {
      const { store, entries } = effect;
      for (const { table } of this.#cluster.others(from)) {
        time.after(LATENCY_MS, () => table.handle({ kind: 'delta', from, store, entries }));
      }
    } else if (effect.kind === 'send') {
      const { to, message } = effect;
      time.after(LATENCY_MS, () => {
        this.#cluster.member(to)?.table.handle({ kind: 'received', from, message });
      });
    }
  }

  #store(): ReplicatedStore {
    return {
      name: SERVICES,
      size: 0,
      get: (key) => this.#core.replica(SERVICES)?.get(key),
      entries: () => [][Symbol.iterator](),
      write: async (writes) => this.#carry(this.#core.write(SERVICES, writes, this.#time())),
      onChange: (listener) => {
        this.#listeners.add(listener);
        return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
      },
      synced: Promise.resolve(),
      close: async () => {},
    };
  }

  #time(): ReplicatorTime {
    const { time } = this.#cluster;
    return { monotonicMs: time.monotonicMs(), wallMs: time.wallMs() };
  }
}

class DirectLinks implements MessageLinks {
  readonly self: NodeRef;
  readonly #cluster: SmallCluster;
  readonly #up = new Map<NodeName, NodeRef>();
  /** Told as unreachable although they live. */
  readonly unreachable: Set<NodeName> = new Set();
  #events: LinkEvents | undefined;
  #isStopped = false;

  constructor(self: NodeRef, cluster: SmallCluster) {
    this.self = self;
    this.#cluster = cluster;
  }

  attach(events: LinkEvents): void {
    this.#events = events;
  }

  send(node: NodeName, _lane: number, frame: Uint8Array): boolean {
    const copy = frame.slice();
    this.#cluster.time.after(LATENCY_MS, () => this.#carry(node, copy));
    return true;
  }

  connected(node: NodeName): NodeRef | undefined {
    return this.#up.get(node);
  }

  queuedBytes(): number {
    return 0;
  }

  hold(): Disposable {
    return { [Symbol.dispose]: () => {} };
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** That start of a node is gone. */
  down(peer: NodeRef): void {
    if (this.#up.get(peer.node)?.incarnation !== peer.incarnation) return;
    this.#up.delete(peer.node);
    this.#events?.onLinkDown(peer, 'lost');
  }

  #carry(node: NodeName, frame: Uint8Array): void {
    if (this.#isStopped) return;
    const peer = this.#cluster.member(node)?.links;
    if (peer === undefined || this.unreachable.has(node)) {
      const error = new BarrelError('ERR_UNREACHABLE', `nothing answered for ${node}`, { node });
      this.#events?.onUnreachable(node, error);
      return;
    }
    this.#raise(peer);
    peer.#raise(this);
    peer.#events?.onFrame(this.self, frame);
  }

  #raise(peer: DirectLinks): void {
    if (this.#up.has(peer.self.node)) return;
    this.#up.set(peer.self.node, peer.self);
    this.#events?.onLinkUp(peer.self);
  }
}
