/** The stores of one node, who else hosts them, and what they say when they are compared. */
import { pick, type Randomness } from '../membership/randomness.ts';
import type { NodeName } from '../names.ts';
import { Writer } from '../wire/writer.ts';
import { bytesOfText } from './binary-text.ts';
import type { StampSource } from './contract.ts';
import type { Replica } from './entry.ts';
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
  /** Own clock at the last complete exchange. */
  exchangedAt: bigint;
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

  constructor(options: HostedStoresOptions) {
    this.#options = options;
  }

  get(name: string): Hosted | undefined {
    return this.byName.get(name);
  }

  /** A store from now on hosted here, with what was on disk. */
  add(name: string, options: HostedStoreOptions, wallMs: number): Hosted {
    const { clock, digest, salt } = this.#options;
    const replica = new StoreReplica({
      ...options,
      name,
      clock,
      digest,
      salt,
      isAlive: ({ node, incarnation }) => this.members.get(node) === incarnation,
    });
    if (options.knowledge !== undefined) replica.knowledge.restore(options.knowledge);
    replica.restore(options.entries ?? [], wallMs);
    const { isDurable, exchangedAt = 0n } = options;
    const hosted = { replica, isDurable, isSynced: false, exchangedAt };
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

  /** A host to compare a store with: for the first exchange one that has made its own. */
  hostFor({ replica: { name }, isSynced }: Hosted): NodeName | undefined {
    if (BUILT_IN.has(name)) return undefined;
    const { random, self } = this.#options;
    const hosts = [...this.hosts.of(name)].filter(
      ([node]) => node !== self.node && this.members.has(node),
    );
    const full = hosts.filter(([, hosting]) => hosting.isSynced);
    return pick(random, isSynced || full.length === 0 ? hosts : full)?.[0];
  }

  /** One digest of several stores: 16 bytes. */
  digestOf(replicas: readonly StoreReplica[]): Uint8Array {
    const writer = new Writer();
    for (const { name, registers } of replicas) writer.string(name).bytes(registers.digest());
    return bytesOfText(this.#options.digest(writer.take()).slice(0, 16));
  }

  /** Only where it decides something: tombstones wait, or all is still to be learnt. */
  knowledgeOf(replicas: readonly StoreReplica[]): readonly StoreKnowledge[] {
    return replicas
      .filter((replica) => replica.hasAged() || this.get(replica.name)?.isSynced !== true)
      .map(({ name, knowledge }) => ({
        store: name,
        knowledge: knowledge.snapshot(this.#options.clock.now()),
      }));
  }

  *#everybody(): IterableIterator<Replica> {
    for (const [node, incarnation] of this.members) yield { node, incarnation };
  }
}
