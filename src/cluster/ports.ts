/**
 * What features see of the overlay: links to other nodes that appear when they are needed,
 * broadcasts to all, and replicated stores. The cluster implements them; features never
 * touch a transport.
 */
import type { Ballot } from '../core/election/ballot.ts';
import type { Membership } from '../core/election/contract.ts';
import type { Broadcast, MessageId } from '../core/gossip/contract.ts';
import type { Address, NodeName } from '../core/names.ts';
import type { CustodyMessage } from '../core/placement/custody-codec.ts';
import type { LivingEntry } from '../core/roster/entry.ts';
import type { StoreChange, StoreRules, StoreWrite } from '../core/store/contract.ts';
import type { BarrelError } from '../errors.ts';
import type { Closure, Transport } from '../transport/transport.ts';
import type { Link } from './link.ts';

/** One start of one node. */
export interface NodeRef {
  readonly node: NodeName;
  readonly incarnation: bigint;
}

/** What happens on links, in order for each node. Called one at a time. */
export interface LinkEvents {
  /** An admitted link to that start of the node exists now. */
  onLinkUp(peer: NodeRef): void;
  /** That link ended; what was under way on it is lost. */
  onLinkDown(peer: NodeRef, reason: string): void;
  /** A link on demand could not be made; what was queued for it is dropped. */
  onUnreachable(node: NodeName, error: BarrelError): void;
  /** One whole message frame. The bytes are a view that is valid during the call only. */
  onFrame(from: NodeRef, frame: Uint8Array): void;
  /** `send` to that node may answer true again. */
  onDrained(node: NodeName): void;
  /** Asked before the link is closed for idleness: whether something waits to be sent over it. */
  needsLink?(node: NodeName): boolean;
}

export interface MessageLinks {
  readonly self: NodeRef;
  attach(events: LinkEvents): void;
  /**
   * Queues a frame on a lane, 0 .. LANE_COUNT-1; order holds within a lane. Dials on demand and
   * keeps the frame meanwhile. False when that node's queue is above its high-water mark.
   * @throws ERR_OVERLOADED at the hard limit, the frame is not taken; ERR_CLOSED after close.
   */
  send(node: NodeName, lane: number, frame: Uint8Array): boolean;
  /** The start of the node that a link is up to now. */
  connected(node: NodeName): NodeRef | undefined;
  /** Bytes waiting for that node, dialling included. */
  queuedBytes(node: NodeName): number;
  /** While held, the link is not closed for idleness. */
  hold(node: NodeName): Disposable;
}

/** Who hears of links that come and go; for one node `onLinkUp` and `onLinkDown` alternate. */
export interface LinkListener {
  /** What this node advertises has changed. */
  readonly onAddresses?: (addresses: readonly Address[]) => void;
  readonly onLinkUp?: (link: Link) => void;
  readonly onLinkDown?: (link: Link, closure: Closure) => void;
}

/** For features that use connections themselves, or have control messages of their own. */
export interface LinkPort {
  readonly self: NodeRef;
  /** The local addresses of this node. */
  readonly sockets: Pick<Transport, 'address' | 'bind' | 'rehome'>;
  /** The link to that node that there is now. */
  link(node: NodeName): Link | undefined;
  /** All links that there are now. */
  all(): Iterable<Link>;
  /** Looks again at what this node advertises, tells all of a change; answers what it is now. */
  readvertise(): readonly Address[];
  /**
   * The link to that node, made if there is none.
   * @throws ERR_UNREACHABLE, ERR_REFUSED, ERR_SELF, ERR_OVERLOADED, or the signal's reason.
   */
  connect(node: NodeName, signal?: AbortSignal): Promise<Link>;
  /** While held, the link is not closed for idleness. */
  hold(node: NodeName): Disposable;
  listen(listener: LinkListener): void;
  /**
   * Sets who reads the control messages whose first byte is one of those. The bytes are a view that
   * is valid during the call only. A reader that throws WireError ends the link.
   */
  read(kinds: readonly number[], reader: (link: Link, frame: Uint8Array) => void): void;
  /** The holder of that link has proven that it goes by another key now. */
  rekey(link: Link, key: Uint8Array): void;
  /** A control message over the link there is. False without a link, or with a full queue. */
  send(node: NodeName, frame: Uint8Array): boolean;
}

/** A change of a table entry as seen here. Entries of nodes that are gone are removed. */
export interface TableChange {
  readonly owner: NodeRef;
  readonly key: string;
  /** Undefined when the entry is no more. */
  readonly value: Uint8Array | undefined;
  /** `owner` = its owner wrote it; `gone` = the roster says the owner is no more. */
  readonly cause: 'owner' | 'gone';
}

/**
 * Entries that only their owner writes, known on every node, gone with their owner: a replicated
 * store with these rules.
 */
export interface OwnedTable {
  /** Writes an own entry. @throws ERR_VALUE (too long), ERR_OVERLOADED (no room). */
  put(key: string, value: Uint8Array): void;
  /** No effect when there is none. */
  remove(key: string): void;
  /** Called for each change, own ones included, after the table has it. */
  onChange(listener: (change: TableChange) => void): Disposable;
}

/** A feature's own kind of broadcast. */
export interface BroadcastReader {
  /** False for what no honest node sends: it goes no further, its sender loses its link. */
  accepts(payload: Uint8Array): boolean;
  /** Once for each broadcast, own ones included. The payload may be kept, not changed. */
  onBroadcast(broadcast: Broadcast): void;
}

/** Broadcasts over the gossip tree, once to each live node in normal operation. */
export interface Broadcasts {
  /** Attaches the reader of a tag, 1 to 255; broadcasts of a tag without one are passed on only. */
  attach(tag: number, reader: BroadcastReader): void;
  /** Tells all nodes, this one included. @throws ERR_VALUE over `GOSSIP_PAYLOAD_BYTES_MAX`. */
  broadcast(tag: number, payload: Uint8Array): MessageId;
}

/** Of one node's replica of a store. */
export interface StoreOptions extends StoreRules {
  /** Kept on disk: a write is durable before its promise resolves. */
  readonly persist: boolean;
  /** A removal is remembered for at least so long. */
  readonly tombstoneTtlMs: number;
  /** Names the same thing under other rules: a warning tells of a node that hosts that one. */
  readonly rival?: string | undefined;
}

/** This node's replica of one store. Reads are local and synchronous; bytes may not be changed. */
export interface ReplicatedStore {
  readonly name: string;
  /** Visible keys. */
  readonly size: number;
  get(key: string): Uint8Array | undefined;
  /** Visible entries, in no order; what is written meanwhile may be seen or not. */
  entries(): IterableIterator<readonly [key: string, value: Uint8Array]>;
  /**
   * Writes all of them at once, here and everywhere: readers see it before this returns. The
   * promise resolves when they are durable, at once without `persist`.
   * @throws synchronously, and nothing has changed then: ERR_VALUE (a key or value too long),
   * ERR_OVERLOADED (no room), ERR_CLOSED. Rejects with ERR_STORE: not durable here.
   */
  write(writes: readonly StoreWrite[]): Promise<void>;
  /** Called for each visible change, own ones included, after the store has it. */
  onChange(listener: (change: StoreChange) => void): Disposable;
  /** Resolves after the first exchange with another host of the store, or at once when alone. */
  readonly synced: Promise<void>;
  /** Ends this replica. Files stay. */
  close(): Promise<void>;
}

/** One that also says when what others wrote is on disk. */
export interface SavedStore extends ReplicatedStore {
  /**
   * Resolves when all that it has by now is durable here, whoever wrote it; at once without
   * `persist`. Rejects with ERR_STORE when some of it is not on disk.
   */
  saved(): Promise<void>;
}

/** The replicated stores that this node hosts. */
export interface Stores {
  /**
   * Hosts a store; loads it where it is kept on disk. One replica of each name at a time.
   * @throws ERR_STORE (not readable), ERR_OVERLOADED (too many stores), ERR_CLOSED.
   */
  open(name: string, options: StoreOptions): Promise<ReplicatedStore>;
  /** Takes this node out of the store's replica set and removes its files; it is closed before. */
  drop(name: string): Promise<void>;
}

/** The same of stores that say when they are on disk. */
export interface SavedStores extends Stores {
  open(name: string, options: StoreOptions): Promise<SavedStore>;
}

/** What the owner of a service says of it, asked for and told just now. */
export interface FoundRecord {
  readonly owner: NodeRef;
  readonly value: Uint8Array;
}

/** How nodes are asked. */
export interface FindHow {
  readonly signal?: AbortSignal | undefined;
  /** Past what is remembered, for a second, of a service that nobody had. */
  readonly isAnew?: boolean | undefined;
  /** Within this time, 2 s unless given and at most. */
  readonly timeLeftMs?: number | undefined;
}

/** Questions to all nodes through the overlay, for what this node does not know by itself. */
export interface OverlayQueries {
  /** Sets who answers for the services of this node: what others find, undefined for no service. */
  answer(reader: (service: string) => Uint8Array | undefined): void;
  /**
   * An instance of the service on another node; undefined when nobody has one, or nobody who was
   * reached in time.
   * @throws ERR_OVERLOADED (too many questions under way here), ERR_CLOSED, the signal's reason.
   */
  find(service: string, how?: FindHow): Promise<FoundRecord | undefined>;
}

/** What placement is told. */
export interface ShardPortEvents {
  /** All that every node hosts was compared with another node. */
  onExchanged(): void;
  /** Somebody came, changed or went. */
  onMembersChanged(): void;
}

/** What placement stands on. */
export interface ShardPort {
  readonly self: NodeRef;
  /** Those who take part as known here, suspect ones too; this node while it takes part. */
  members(): readonly LivingEntry[];
  attach(events: ShardPortEvents): void;
}

/** The way on which partitions go from node to node. */
export interface CustodyPort {
  /** Sets who takes the messages of other nodes; until then they are dropped. */
  onCustody(listener: (from: NodeName, message: CustodyMessage) => void): void;
  /** To any other node; a link is made where there is none. What cannot be sent is lost. */
  sendCustody(to: NodeName, message: CustodyMessage): void;
  /** Resolves when no message waits for a link any more. */
  sent(): Promise<void>;
  /** The longest round trip of those to nodes with a link, in milliseconds; 0 without one. */
  longestRttMs(): number;
}

/** Both, as one thing offers them. */
export type ShardPorts = ShardPort & CustodyPort;

/** What elections are told. */
export interface ElectionEvents {
  /** A neighbour that was asked under this number holds this node alive. */
  onAttested(nonce: number): void;
  /** A candidate asks this node as a voter, or a voter answers. */
  onBallot(from: NodeRef, ballot: Ballot): void;
  /** All that every node hosts was compared with another node. */
  onExchanged(): void;
  /** Somebody came or went. */
  onMembersChanged(): void;
}

/** What elections stand on. */
export interface ElectionPort {
  readonly self: NodeRef;
  /** Who would lead, for each name. */
  readonly candidates: OwnedTable;
  readonly membership: Membership;
  attach(events: ElectionEvents): void;
  /** Asks all neighbours whether they hold this node alive. */
  ask(nonce: number): void;
  /** To any other node; what cannot be sent is lost. */
  sendBallot(to: NodeName, ballot: Ballot): void;
}
