/**
 * The face of placement: which node owns a key, found by each node for itself, and what this node
 * holds.
 */
import type { NodeName } from '../core/names.ts';
import type { Key } from '../core/wire/key.ts';
import type { Cancellable, Observable } from '../observable.ts';

/** What happens to a partition at this node. */
export interface ShardEvent {
  /**
   * `acquired`: this node holds the partition from now on. `released`: it holds it no more, because
   * members changed, or because it leaves or closes.
   */
  readonly type: 'acquired' | 'released';
  /** 0 to `ringSize - 1`. */
  readonly partition: number;
  /** Of the members by which it happened: 16 hex digits, on every node the same for the same. */
  readonly epoch: string;
}

/** A partition that this node holds, for the job that works on it. */
export interface HeldShard {
  /** 0 to `ringSize - 1`. */
  readonly partition: number;
  /** Of the members by which this node acquired it. */
  readonly epoch: string;
  /**
   * Aborts when the partition has to go to another node, or the run ends. The partition is handed
   * on when the job's promise has settled, or nine tenths of `shards.handOffMs` later.
   */
  readonly signal: AbortSignal;
}

/** What one member owns of the ring. */
export interface ShardShare {
  readonly node: NodeName;
  readonly zone: string | undefined;
  /** Its option `shards.weight`. */
  readonly weight: number;
  /** How many partitions it owns. */
  readonly partitions: number;
}

/** Works on one partition until `signal` aborts, or has less to do. */
export type ShardJob = (shard: HeldShard) => Promise<void>;

/**
 * Where keys belong. Each key falls into one partition, each partition belongs to one member, and
 * all nodes that know the same members say the same. `events()` starts with one `acquired` for each
 * partition that this node holds at that moment; `on` does not replay. For a slow reader twice the
 * ring and 1,024 more events wait, then the oldest are dropped.
 *
 * Two questions have two answers. `place`, `owners` and `ownerOf` say where a key belongs by the
 * members that are known here; a node that has not met the others yet knows itself alone. `isOwner`
 * and `owned` say what this node holds: nothing before it has been compared with a member or is
 * alone, nothing before `node.shards` is read for the first time, and nothing after `leave` and
 * `close`.
 */
export interface Shards extends Observable<ShardEvent> {
  /** Number of partitions, the option `shards.ringSize`. */
  readonly ringSize: number;
  /**
   * Of the members that are known here, with their weights: 16 hex digits. Two nodes with the same
   * one place all keys alike.
   */
  readonly epoch: string;
  /**
   * Which node owns the key: one hash, and a read of a table.
   * @throws ERR_VALUE for what is no key.
   */
  place(key: Key): NodeName;
  /**
   * The owner of the key, then the members that would come next, best first: for copies. Where
   * zones are set, one of each zone comes before the second of any; members without one count as
   * one zone. Fewer than `n` when the cluster is smaller. Ranks all members: a look at each.
   * @throws ERR_VALUE for what is no key; ERR_OPTION for an `n` that is no integer of 0 or more.
   */
  owners(key: Key, n: number): NodeName[];
  /** This node holds the key's partition. @throws ERR_VALUE for what is no key. */
  isOwner(key: Key): boolean;
  /**
   * 0 to `ringSize - 1`. Depends on the key and `ringSize` only.
   * @throws ERR_VALUE for what is no key.
   */
  partition(key: Key): number;
  /** Which node owns that partition. @throws ERR_OPTION for what is none. */
  ownerOf(partition: number): NodeName;
  /** Every member with what it owns, by name. */
  shares(): ShardShare[];
  /** The partitions that this node holds, growing. */
  owned(): number[];
  /**
   * Runs the job on each partition that this node holds, from when it has acquired it until the
   * partition has to go: then `signal` of the job aborts, and the next owner acquires the partition
   * when the job has ended. A job that returns has done its work until the partition is acquired
   * anew. One that throws is logged and started again after a pause of 1 s, doubling to 30 s. No
   * two of one run are at work on one partition at a time. At most 64 runs.
   *
   * Resolves when `options.signal` has aborted or the node has closed, and the jobs have ended.
   * @throws ERR_OVERLOADED when 64 runs are under way.
   */
  run(job: ShardJob, options?: Cancellable): Promise<void>;
}
