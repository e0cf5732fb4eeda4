/** The face of a running node, and what happens to it. `createNode` makes one. */
import type { HybridClock } from './cluster/node-clock.ts';
import type { Address, NodeName } from './core/names.ts';
import type { Contact } from './discovery/discovery.ts';
import type { Identity } from './identity/own-identity.ts';
import type { Trust } from './identity/trust-contract.ts';
import type { Leaders } from './leaders/leaders.ts';
import type { Maps } from './maps/maps.ts';
import type { Observable, Timed } from './observable.ts';
import type { Paths } from './paths/paths.ts';
import type { NameRegistry } from './processes/name-registry.ts';
import type { Processes } from './processes/processes.ts';
import type { Reminders } from './reminders/reminders.ts';
import type { Services } from './services/services.ts';
import type { Shards } from './shards/shards.ts';
import type { Streams } from './streams/streams.ts';
import type { Topics } from './topics/topics.ts';
import type { DatagramPipe } from './transport/pipe.ts';

/** One running member of a cluster. Everything on it is live until `close`. */
export interface BarrelNode extends AsyncDisposable, Observable<NodeEvent> {
  readonly name: NodeName;
  /** Start id of this node: greater after every start; part of every pid. */
  readonly incarnation: bigint;
  /** The address that is bound, with its real port. Another one when that one is gone: `paths`. */
  readonly address: Address;
  /**
   * Resolves when the node has joined through a contact (or has none) and its first exchange of
   * state is done. Default time-out 30 s.
   * @throws ERR_TIMEOUT the node goes on trying; ERR_CLOSED.
   */
  ready(options?: Timed): Promise<void>;
  /** What the node is doing, and why it is not `ready`. A local read. */
  status(): NodeStatus;
  /**
   * Joins through a contact; resolves when that contact has accepted. Default time-out 10 s. While
   * a `leave` is under way it waits for the goodbye.
   * @throws ERR_SELF, ERR_TIMEOUT, ERR_UNREACHABLE, ERR_REFUSED (with `reason`), ERR_CLOSED (also
   * when a `leave` overtook it). The node's other links are unaffected by a failure.
   */
  join(contact: Contact, options?: Timed): Promise<void>;
  /** Says goodbye everywhere at once. The node stays out until the next `join`. */
  leave(options?: Timed): Promise<void>;
  /**
   * Takes a pipe through which other nodes may dial this one: the other end of what a `dial` hook
   * gives. Disposing of the result closes it, and a connection through it is lost.
   * @throws ERR_OVERLOADED when there are 1,024 pipes; ERR_UNREACHABLE when its `attach` throws;
   * ERR_CLOSED.
   */
  acceptPipe(pipe: DatagramPipe): Disposable;
  /** Current gossip neighbours, sorted. Every link is mutual. */
  activeView(): NodeName[];
  /** Known spares, sorted. Disjoint from the active view. */
  passiveView(): NodeName[];
  /** Live nodes of the whole cluster as known here, this node included, sorted by code point. */
  members(): NodeName[];
  /** What is known of each live node. */
  roster(): readonly Member[];
  readonly identity: Identity;
  readonly trust: Trust;
  readonly processes: Processes;
  readonly services: Services;
  /** Names of processes, over the services: for `serve({ via })` and libraries. */
  readonly names: NameRegistry;
  readonly topics: Topics;
  /** Who leads, under each name that somebody would lead. */
  readonly leaders: Leaders;
  /** Which node owns a key, and what this node holds. */
  readonly shards: Shards;
  /** Timers that survive the node that set them. */
  readonly reminders: Reminders;
  readonly maps: Maps;
  /** Streams of bytes between nodes. */
  readonly streams: Streams;
  /** Where the connections to other nodes run, and moving them. */
  readonly paths: Paths;
  /** Hybrid logical clock: orders events across nodes without coordination. */
  readonly clock: HybridClock;
  /** Keys of the snapshot are Prometheus sample names with their labels. */
  readonly metrics: { snapshot(): Readonly<Record<string, number>> };
  /** Withdraws services, waits for running calls (`drainMs`), leaves, stops. Idempotent. */
  close(): Promise<void>;
}

/** What a node is doing: `starting` until it has joined and synced, or `reasons` say why not. */
export interface NodeStatus {
  readonly state: 'starting' | 'ready' | 'degraded' | 'left' | 'closed';
  readonly reasons: readonly string[];
}

/** What is known here of one live node. */
export interface Member {
  readonly node: NodeName;
  readonly incarnation: bigint;
  /** `suspect`: somebody misses a sign of life; the node may still refute it. */
  readonly status: 'alive' | 'suspect';
  readonly addresses: readonly Address[];
  readonly fingerprint: string;
  /** Version of the package that the node runs. */
  readonly version: string;
  readonly zone: string | undefined;
  /** Its share of the ring of `shards` is in proportion to it. */
  readonly weight: number;
  readonly meta: Readonly<Record<string, unknown>>;
}

/**
 * What happens to a node and to its cluster. `peer` events are about gossip neighbours and say
 * nothing about life and death; `member` events are about the whole cluster.
 */
export type NodeEvent =
  | { readonly type: 'joined'; readonly contact: NodeName }
  | { readonly type: 'left' }
  /** Entered the active view. */
  | { readonly type: 'peerUp'; readonly node: NodeName }
  | {
      readonly type: 'peerDown';
      readonly node: NodeName;
      readonly reason: 'failed' | 'left' | 'evicted' | 'disconnected' | 'blocked';
    }
  /** Alive somewhere in the cluster. */
  | { readonly type: 'memberUp'; readonly node: NodeName }
  | { readonly type: 'memberUpdated'; readonly node: NodeName }
  | {
      readonly type: 'memberDown';
      readonly node: NodeName;
      readonly reason: 'failed' | 'left';
    };
