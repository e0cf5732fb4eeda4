/**
 * What one replica of a store knows of the others (Golding, "Weak-consistency group communication
 * and membership", 1992: summary and acknowledgement vectors). Two things of each:
 *
 * - `know`: this one's state includes all that the other's included at that stamp of its clock.
 *   What all replicas know each other up to, all of them have: a tombstone below that may go.
 * - `had`: the stamps whose writes of that replica have come here, or were superseded by what came.
 *   An absent entry with such a stamp was deleted and forgotten: it must not come back.
 */
import {
  KNOWN_RANGES_MAX,
  KNOWN_RANGES_TOLD,
  KNOWN_REMOVED_MAX,
  KNOWN_REPLICAS_MAX,
} from '../../limits.ts';
import { compareStamps, earlierStamp, laterStamp, STAMP_MAX, type Stamp } from '../clock/stamp.ts';
import type { NodeName } from '../names.ts';
import { isSameReplica, type Replica } from './entry.ts';
import type { KnowledgeSnapshot } from './exchange/messages.ts';
import { type StampRange, StampRanges } from './stamp-ranges.ts';

/** A replica of which nobody has said yet whether it belongs to the set. */
const NOT_TOLD = STAMP_MAX;

/** An absent entry: `doubtful` is older than what is told apart, and may be either of the two. */
export type Absence = 'new' | 'deleted' | 'doubtful';

/** The writes of one replica that have come. */
export interface Heard {
  readonly replica: Replica;
  readonly had: readonly StampRange[];
}

/** What is kept on disk of one replica. */
export interface KnownState extends Heard {
  readonly know: Stamp;
  /** What the replica itself knows all live ones up to, as far as this one has heard. */
  readonly ack: Stamp;
  /** The greatest stamp of its entries that was taken in here. */
  readonly seen: Stamp;
  /** Own clock when it left the replica set; undefined while it belongs to it. */
  readonly removedAt: Stamp | undefined;
}

interface Known {
  readonly replica: Replica;
  readonly had: StampRanges;
  know: Stamp;
  ack: Stamp;
  seen: Stamp;
  removedAt: Stamp | undefined;
}

export interface KnowledgeState {
  readonly floor: Stamp;
  readonly known: readonly KnownState[];
}

export interface KnowledgeOptions {
  /** What a replica wrote ends with it: of those that are gone nothing is known, nor a floor. */
  readonly isOfTheLiving?: boolean;
  /** Own clock where this replica goes on from an earlier life; 0 for a new one. */
  readonly startedAt?: Stamp;
}

export class Knowledge {
  readonly #self: Known;
  readonly #isOfTheLiving: boolean;
  readonly #startedAt: Stamp;
  readonly #nodes = new Map<NodeName, Map<bigint, Known>>();
  /** Of those more has come since they were last told for the disk. */
  readonly #changed = new Set<Known>();
  #size = 0;
  #removed = 0;
  #floor: Stamp = 0n;
  #isRestored = false;
  #isBehind = false;

  constructor(self: Replica, { isOfTheLiving = false, startedAt = 0n }: KnowledgeOptions = {}) {
    this.#isOfTheLiving = isOfTheLiving;
    this.#startedAt = startedAt;
    this.#self = this.#add(self, undefined);
  }

  /** Replicas that are told apart. */
  get size(): number {
    return this.#size;
  }

  /** Up to here every entry of a replica that is unknown here is deleted history. */
  get floor(): Stamp {
    return this.#floor;
  }

  /**
   * The one object for equal replicas, so that all entries of a writer share it. A writer that is
   * unknown counts as one that is gone until it is said to belong to the set.
   */
  intern(replica: Replica): Replica {
    const known = this.#find(replica) ?? this.#add(replica, NOT_TOLD);
    if (this.#size > KNOWN_REPLICAS_MAX) this.#fold(0n);
    return known.replica;
  }

  /** An entry with that stamp was taken in, or is older than what its key holds. */
  saw(writer: Replica, stamp: Stamp): void {
    const known = this.#find(writer);
    if (known === undefined) return;
    known.seen = laterStamp(known.seen, stamp);
    this.#had(known, { after: stamp - 1n, upTo: stamp });
  }

  /** This replica wrote an entry with that stamp: of its own it misses none since it started. */
  wrote(stamp: Stamp): void {
    this.#self.seen = laterStamp(this.#self.seen, stamp);
    this.#had(this.#self, { after: this.#startedAt, upTo: stamp });
  }

  /** All that the writer wrote in that range has come, or was superseded by what has. */
  heard(writer: Replica, range: StampRange): void {
    const known = this.#find(writer);
    if (known === undefined || known === this.#self) return;
    if (range.after > 0n && !known.had.has(range.after)) this.#isBehind = true;
    this.#had(known, range);
  }

  /** Entries came that say nothing of what their writers wrote between them. */
  fallBehind(): void {
    this.#isBehind = true;
  }

  /** True when others may know more of what has come than this replica. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** What an entry is whose key is absent here. */
  absence(writer: Replica, stamp: Stamp): Absence {
    if (stamp <= this.#floor) return 'doubtful';
    const known = this.#find(writer);
    if (known === undefined) return 'new';
    return known.had.has(stamp) ? 'deleted' : 'new';
  }

  /**
   * The replica set, this replica aside, which always belongs to it. Who is not in it any more is
   * gone as of `clock`; who returns goes on with what was known of it.
   */
  setLive(replicas: Iterable<Replica>, clock: Stamp): void {
    const live = new Set<Known>([this.#self]);
    for (const replica of replicas) live.add(this.#find(replica) ?? this.#add(replica, undefined));
    for (const known of this.#all()) {
      const isLive = live.has(known);
      if (isLive === (known.removedAt === undefined)) continue;
      this.#removed += isLive ? -1 : 1;
      known.removedAt = isLive ? undefined : clock;
    }
    this.#fold(clock);
  }

  /** One more replica belongs to the set. */
  enter(replica: Replica): void {
    const known = this.#find(replica) ?? this.#add(replica, undefined);
    if (known.removedAt !== undefined) this.#removed -= 1;
    known.removedAt = undefined;
  }

  /** A replica belongs to the set no more, as of `clock`. */
  leave(replica: Replica, clock: Stamp): void {
    const known = this.#find(replica);
    if (known === undefined || known.removedAt !== undefined || known === this.#self) return;
    known.removedAt = clock;
    this.#removed += 1;
    this.#fold(clock);
  }

  /** All that this replica wrote was dropped here: nothing is known of it. */
  forget(replica: Replica): void {
    const known = this.#find(replica);
    if (known !== undefined && known !== this.#self) this.#delete(known);
  }

  /** As of now: own clock `clock`. */
  snapshot(clock: Stamp): KnowledgeSnapshot {
    const known = Array.from(this.#all(), (each) => {
      const { replica, know, ack, had } = each;
      if (each !== this.#self) return { replica, know, ack, had: had.latest(KNOWN_RANGES_TOLD) };
      // While nothing is written, nothing is missed either.
      had.add({ after: this.#startedAt, upTo: clock });
      const ownAck = this.#acknowledged(clock);
      return { replica, know: clock, ack: ownAck, had: had.latest(KNOWN_RANGES_TOLD) };
    });
    return { self: this.#self.replica, clock, floor: this.#floor, known };
  }

  /**
   * This replica's state includes all that the other's did when it gave this. So it knows at least
   * as much, also of replicas that are gone and that it never met. All of it is older than `clock`,
   * since a clock follows what is taken in: a later stamp is a fault, and says no more than that.
   */
  learn(theirs: KnowledgeSnapshot, clock: Stamp): void {
    if (isSameReplica(theirs.self, this.#self.replica)) return;
    const from = this.#met(theirs.self, clock);
    if (from !== undefined) from.know = laterStamp(from.know, earlierStamp(theirs.clock, clock));
    this.#raiseFloor(earlierStamp(theirs.floor, clock));
    for (const { replica, know, ack, had } of theirs.known) {
      const known = this.#met(replica, clock);
      if (known === undefined || known === this.#self) continue;
      known.know = laterStamp(known.know, earlierStamp(know, clock));
      known.ack = laterStamp(known.ack, earlierStamp(ack, clock));
      for (const { after, upTo } of had) {
        this.#had(known, { after, upTo: earlierStamp(upTo, clock) });
      }
    }
    this.#isBehind = false;
    this.#fold(clock);
  }

  /** All that any replica of the set held at this stamp of its clock, all of them have. */
  stable(clock: Stamp): Stamp {
    let stable = this.#acknowledged(clock);
    for (const known of this.#all()) {
      if (known.removedAt === undefined && known !== this.#self) {
        stable = earlierStamp(stable, known.ack);
      }
    }
    return stable;
  }

  /** For the disk, beside what is taken in: of whom more has come since the last call. */
  takeHeard(): readonly Heard[] {
    const heard = Array.from(this.#changed, ({ replica, had }) => ({ replica, had: had.all() }));
    this.#changed.clear();
    return heard;
  }

  /** For the disk, all of it. */
  export(): KnowledgeState {
    const known = Array.from(this.#all(), (each) => ({ ...each, had: each.had.all() }));
    return { floor: this.#floor, known };
  }

  /** From the disk, before anything else; `heard` is what has come since it was written. */
  restore({ floor, known }: KnowledgeState, heard: Iterable<Heard> = []): void {
    this.#isRestored = true;
    this.#floor = floor;
    for (const { replica, had, know, ack, seen, removedAt } of known) {
      const found = this.#find(replica) ?? this.#add(replica, removedAt);
      if (found !== this.#self) Object.assign(found, { know, ack, seen });
      for (const range of had) this.#had(found, range);
    }
    for (const { replica, had } of heard) {
      const found = this.#find(replica) ?? this.#add(replica, NOT_TOLD);
      for (const range of had) this.#had(found, range);
    }
  }

  /**
   * An entry from the disk. Where what is known was there, too, it lags a little behind the
   * entries: this one is known as well, and so is all that this replica wrote before it. Where it
   * was not, something may be missing, and nothing is known.
   */
  restored(writer: Replica, stamp: Stamp): void {
    const known = this.#find(writer);
    if (known === undefined) return;
    known.seen = laterStamp(known.seen, stamp);
    if (!this.#isRestored) return;
    this.#had(known, { after: stamp - 1n, upTo: stamp });
    this.#had(this.#self, { after: 0n, upTo: stamp });
  }

  /** Up to here this replica knows all others of the set. */
  #acknowledged(clock: Stamp): Stamp {
    let least = clock;
    for (const known of this.#all()) {
      if (known.removedAt === undefined && known !== this.#self) {
        least = earlierStamp(least, known.know);
      }
    }
    return least;
  }

  /**
   * What is left of a replica that is gone is the same everywhere once all know each other up to a
   * later time: only then it may share the floor, the oldest first. With it goes the difference
   * between what was missed of it and what was deleted: should it return, it writes anew what it
   * did not exchange. Until then it is told apart, so that a partition costs no write.
   */
  #fold(clock: Stamp): void {
    if (this.#removed === 0) return;
    const gone = [...this.#all()].filter(({ removedAt }) => removedAt !== undefined);
    for (const known of gone)
      if (known.removedAt === NOT_TOLD && clock > 0n) known.removedAt = clock;
    if (this.#removed <= KNOWN_REMOVED_MAX) return;
    const stable = this.stable(clock);
    // Well below the bound, so that the next replicas do not come at this price, too.
    const isFull = this.#size > KNOWN_REPLICAS_MAX;
    const sizeMax = isFull ? KNOWN_REPLICAS_MAX / 2 : KNOWN_REPLICAS_MAX;
    for (const known of gone.sort(byKnow)) {
      if (this.#removed <= KNOWN_REMOVED_MAX) return;
      if (this.#size <= sizeMax && (known.removedAt ?? 0n) > stable) continue;
      this.#raiseFloor(laterStamp(known.know, known.seen));
      this.#delete(known);
    }
  }

  #raiseFloor(floor: Stamp): void {
    if (!this.#isOfTheLiving) this.#floor = laterStamp(this.#floor, floor);
  }

  /** What another replica tells of; one that is unknown here counts as gone as of `clock`. */
  #met(replica: Replica, clock: Stamp): Known | undefined {
    const known = this.#find(replica);
    if (known === undefined && !this.#isOfTheLiving) return this.#add(replica, clock);
    const isUseful = !this.#isOfTheLiving || known?.removedAt === undefined;
    return isUseful ? known : undefined;
  }

  #had(known: Known, range: StampRange): void {
    if (known.had.add(range)) this.#changed.add(known);
  }

  #find({ node, incarnation }: Replica): Known | undefined {
    return this.#nodes.get(node)?.get(incarnation);
  }

  /**
   * It begins at the floor: what is older is deleted history for everybody, also if a replica that
   * was given up long ago brings it back.
   */
  #add({ node, incarnation }: Replica, removedAt: Stamp | undefined): Known {
    const known: Known = {
      replica: { node, incarnation },
      had: new StampRanges(KNOWN_RANGES_MAX),
      know: this.#floor,
      ack: 0n,
      seen: 0n,
      removedAt,
    };
    const starts = this.#nodes.get(node) ?? new Map<bigint, Known>();
    this.#nodes.set(node, starts.set(incarnation, known));
    this.#size += 1;
    if (removedAt !== undefined) this.#removed += 1;
    return known;
  }

  #delete(known: Known): void {
    const { node, incarnation } = known.replica;
    const starts = this.#nodes.get(node);
    starts?.delete(incarnation);
    if (starts?.size === 0) this.#nodes.delete(node);
    this.#changed.delete(known);
    this.#size -= 1;
    if (known.removedAt !== undefined) this.#removed -= 1;
  }

  *#all(): IterableIterator<Known> {
    for (const starts of this.#nodes.values()) yield* starts.values();
  }
}

function byKnow(a: Known, b: Known): number {
  return compareStamps(a.know, b.know);
}
