/** The stores of one node, who else hosts them, and what they say when they are compared. */
import type { Stamp } from '../clock/stamp.ts';
import type { Randomness } from '../membership/randomness.ts';
import type { NodeName } from '../names.ts';
import { Writer } from '../wire/writer.ts';
import { bytesOfText } from './binary-text.ts';
import type { StampSource } from './contract.ts';
import { isSameReplica, type Replica } from './entry.ts';
import { knowledgeParts, turned } from './exchange/knowledge-parts.ts';
import type { StoreKnowledge } from './exchange/messages.ts';
import { BUILT_IN, Hosts, REPLICAS } from './hosts.ts';
import type { Digest } from './register-store.ts';
import type { HostedStoreOptions } from './replicator-contract.ts';
import { StoreReplica } from './store-replica.ts';

export interface Hosted {
  readonly replica: StoreReplica;
  readonly isDurable: boolean;
  /** It has made its first exchange, or was alone. */
  isSynced: boolean;
  readonly rival: string | undefined;
  hasMetRival: boolean;
  /** Own clock at the beginning of the last complete exchange. */
  exchangedAt: Stamp;
  /** Own clock when it began here, where it may have written before; else 0. */
  readonly startedAt: Stamp;
}

export interface HostedStoresOptions {
  readonly self: Replica;
  readonly clock: StampSource;
  readonly random: Randomness;
  readonly digest: Digest;
  /** Of the cluster: enters all hashes. */
  readonly salt: string;
}

export class HostedStores {
  readonly hosts: Hosts = new Hosts();
  /** The starts of nodes that are alive. */
  readonly members: Map<NodeName, bigint> = new Map();
  readonly byName: Map<string, Hosted> = new Map();
  readonly #options: HostedStoresOptions;
  /** A name once more under one start of the node may have written before. */
  readonly #hostedBefore = new Set<string>();

  constructor(options: HostedStoresOptions) {
    this.#options = options;
  }

  get(name: string): Hosted | undefined {
    return this.byName.get(name);
  }

  /** A store from now on hosted here, with what was on disk. */
  add(name: string, options: HostedStoreOptions, wallMs: number): Hosted {
    const { clock, digest, salt, self } = this.#options;
    const isNew = isSameReplica(options.self, self) && !this.#hostedBefore.has(name);
    this.#hostedBefore.add(name);
    const startedAt = isNew ? 0n : clock.now();
    const replica = new StoreReplica({
      ...options,
      name,
      startedAt,
      clock,
      digest,
      salt,
      isAlive: ({ node, incarnation }) => this.members.get(node) === incarnation,
    });
    const { knowledge, heard } = options;
    if (knowledge !== undefined) replica.knowledge.restore(knowledge, heard);
    replica.restore(options.entries ?? [], wallMs);
    const { isDurable, exchangedAt = 0n } = options;
    const { rival } = options;
    const fresh = { isSynced: false, hasMetRival: false };
    const hosted = { replica, isDurable, exchangedAt, startedAt, rival, ...fresh };
    this.byName.set(name, hosted);
    for (const { key, value, writer } of replica.visible()) {
      if (name !== REPLICAS) break;
      this.hosts.apply(name, { key, value, previous: undefined, writer, cause: 'write' });
    }
    return hosted;
  }

  all(): readonly Hosted[] {
    return [...this.byName.values()];
  }

  /** Those that every node hosts. */
  *builtIn(): IterableIterator<StoreReplica> {
    for (const name of BUILT_IN) {
      const hosted = this.byName.get(name);
      if (hosted !== undefined) yield hosted.replica;
    }
  }

  /** The replica set of a store follows who hosts it. */
  refreshLive(name: string): void {
    const replica = this.byName.get(name)?.replica;
    if (replica === undefined) return;
    const live = BUILT_IN.has(name) ? this.#everybody() : this.hosts.replicasOf(name);
    replica.knowledge.setLive(live, this.#options.clock.now());
  }

  /** Stores that both nodes host, as far as this one knows, sorted by name. */
  sharedWith(node: NodeName): readonly StoreReplica[] {
    return this.all()
      .map(({ replica }) => replica)
      .filter(({ name }) => BUILT_IN.has(name) || this.hosts.isHostedBy(name, node))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Who hosts the rival of a store, told once for each store: of that rival, or of any. */
  *metRivals(name?: string): IterableIterator<{ readonly store: string; readonly node: NodeName }> {
    for (const [store, hosted] of this.byName) {
      const { rival, hasMetRival } = hosted;
      if (rival === undefined || hasMetRival || (name !== undefined && rival !== name)) continue;
      const [node] = this.hosts.of(rival).keys();
      if (node === undefined) continue;
      hosted.hasMetRival = true;
      yield { store, node };
    }
  }

  /** Those that nobody else hosts, or everybody: they have no first exchange to wait for. */
  lonely(): readonly Hosted[] {
    return this.all().filter((hosted) => this.hostsFor(hosted).length === 0);
  }

  /** Hosts to compare a store with: for the first exchange those that have made their own. */
  hostsFor({ replica: { name }, isSynced }: Hosted): readonly NodeName[] {
    if (BUILT_IN.has(name)) return [];
    const { self } = this.#options;
    const hosts = [...this.hosts.of(name)].filter(
      ([node]) => node !== self.node && this.members.has(node),
    );
    const full = hosts.filter(([, hosting]) => hosting.isSynced);
    return (isSynced || full.length === 0 ? hosts : full).map(([node]) => node);
  }

  /** One digest of several stores: 16 bytes. */
  digestOf(replicas: readonly StoreReplica[]): Uint8Array {
    const writer = new Writer();
    for (const { name, registers } of replicas) writer.string(name).bytes(registers.digest());
    return bytesOfText(this.#options.digest(writer.take()).slice(0, 16));
  }

  /**
   * Where it decides something, as much as a frame takes: first of stores of which all is still to
   * be learnt, then where tombstones wait or something is missing.
   */
  knowledgeOf(replicas: readonly StoreReplica[]): readonly StoreKnowledge[] {
    const { clock, random } = this.#options;
    const fresh = replicas.filter((replica) => !this.#isSynced(replica));
    const others = replicas.filter(
      (replica) => this.#isSynced(replica) && (replica.hasAged() || replica.knowledge.isBehind),
    );
    const stores = [...turned(fresh, random), ...turned(others, random)];
    return knowledgeParts(stores, clock.now(), random);
  }

  /** Of these stores, as much as a frame takes. */
  answerOf(replicas: readonly StoreReplica[]): readonly StoreKnowledge[] {
    const { clock, random } = this.#options;
    return knowledgeParts(turned(replicas, random), clock.now(), random);
  }

  #isSynced({ name }: StoreReplica): boolean {
    return this.byName.get(name)?.isSynced === true;
  }

  *#everybody(): IterableIterator<Replica> {
    for (const [node, incarnation] of this.members) yield { node, incarnation };
  }
}
