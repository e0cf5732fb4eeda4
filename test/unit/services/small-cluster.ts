/**
 * A few nodes with the real processes, services and table core, on virtual time. Only the overlay
 * between them is replaced: every node is every other one's neighbour, and a message takes 1 ms.
 */
import type {
  LinkEvents,
  MessageLinks,
  NodeRef,
  OwnedTable,
  TableChange,
} from '../../../src/cluster/ports.ts';
import type { NodeName } from '../../../src/core/names.ts';
import type { TableInput } from '../../../src/core/table/contract.ts';
import { OwnerTable } from '../../../src/core/table/owner-table.ts';
import { BarrelError } from '../../../src/errors.ts';
import type { Host } from '../../../src/host/host.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { MemoryFiles } from '../../../src/testing/memory-files.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

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
      other.table.handle({ kind: 'ownerGone', node, incarnation });
    }
  }

  member(node: NodeName): Member | undefined {
    return this.#members.get(node);
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

  constructor(self: NodeRef, cluster: SmallCluster) {
    this.self = self;
    this.cluster = cluster;
    this.table = new DirectTable(self, cluster);
    this.links = new DirectLinks(self, cluster);
  }

  get host(): Host {
    const { time, random } = this.cluster;
    return {
      clock: time,
      timers: time,
      random,
      files: new MemoryFiles(),
      openUdp: () => Promise.reject(new Error('there is no network here')),
      lookup: async (host) => host,
      logger: silentLogger,
      meter: this.meter,
      hostName: 'h',
      externalAddresses: () => [],
    };
  }
}

/** Drives the table core; what it sends arrives a latency later. */
class DirectTable implements OwnedTable {
  readonly #core: OwnerTable;
  readonly #self: NodeRef;
  readonly #cluster: SmallCluster;
  readonly #listeners = new Set<(change: TableChange) => void>();

  constructor(self: NodeRef, cluster: SmallCluster) {
    this.#self = self;
    this.#cluster = cluster;
    const isAlive = (node: NodeName, incarnation: bigint): boolean =>
      cluster.isAlive(node, incarnation);
    this.#core = new OwnerTable(self, { isAlive });
  }

  /** The other becomes a neighbour and gets everything. */
  meet(other: DirectTable): void {
    this.handle({ kind: 'neighborUp', node: other.#self.node });
    const from = this.#self.node;
    this.#cluster.time.after(LATENCY_MS, () => {
      for (const entries of this.#core.exchange()) {
        other.handle({ kind: 'received', from, entries });
      }
    });
  }

  put(key: string, value: Uint8Array): void {
    this.handle({ kind: 'put', key, value });
  }

  remove(key: string): void {
    this.handle({ kind: 'remove', key });
  }

  onChange(listener: (change: TableChange) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  handle(input: TableInput): void {
    for (const effect of this.#core.handle(input)) {
      if (effect.kind === 'change') for (const listener of this.#listeners) listener(effect);
      if (effect.kind !== 'send') continue;
      const { to, entries } = effect;
      const from = this.#self.node;
      this.#cluster.time.after(LATENCY_MS, () => {
        this.#cluster.member(to)?.table.handle({ kind: 'received', from, entries });
      });
    }
  }

  /** Entries of this node that stand, of whatever kind. */
  get standing(): number {
    return [...this.#core.entries()].filter(({ owner }) => owner.node === this.#self.node).length;
  }

  /** Brings what a node would never write itself. */
  receive(owner: NodeRef, key: string, value: Uint8Array | undefined): void {
    const entries = [{ owner, key, version: 1_000, value }];
    this.handle({ kind: 'received', from: owner.node, entries });
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
