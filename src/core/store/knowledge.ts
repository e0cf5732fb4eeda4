/**
 * What one replica of a store knows of the others (Golding, "Weak-consistency group communication
 * and membership", 1992: summary and acknowledgement vectors), as inclusion of states: `know` of a
 * replica is T when this one's state includes all that the other's included at T of its clock.
 *
 * Two things follow. An entry that this replica lacks although it knows its writer up to it was
 * deleted and forgotten: it must not come back. And what all replicas know each other up to, all of
 * them have: a tombstone below that may be forgotten.
 */
import { KNOWN_AHEAD_MAX, KNOWN_REMOVED_MAX, KNOWN_REPLICAS_MAX } from '../../limits.ts';
import { compareStamps, earlierStamp, laterStamp, STAMP_MAX, type Stamp } from '../clock/stamp.ts';
import { isSameReplica, type Replica } from './entry.ts';
import type { KnowledgeSnapshot } from './exchange/messages.ts';

/** A replica of which nobody has said yet whether it belongs to the set. */
const NOT_TOLD = STAMP_MAX;

/** What is kept on disk of one replica. */
export interface KnownState {
  readonly replica: Replica;
  readonly know: Stamp;
  /** What the replica itself knows all live ones up to, as far as this one has heard. */
  readonly ack: Stamp;
  /** The greatest stamp of its entries that was taken in here. */
  readonly seen: Stamp;
  /** Own clock when it left the replica set; undefined while it belongs to it. */
  readonly removedAt: Stamp | undefined;
}

interface Known extends KnownState {
  know: Stamp;
  ack: Stamp;
  seen: Stamp;
  removedAt: Stamp | undefined;
  /**
   * Above `know`, each stamp that was taken in. Broadcasts leave gaps: what is between them and is
   * absent was never here, and is not deleted history.
   */
  readonly ahead: Set<Stamp>;
}

export interface KnowledgeState {
  readonly floor: Stamp;
  readonly known: readonly KnownState[];
}

export class Knowledge {
  readonly #self: Replica;
  readonly #isOfTheLiving: boolean;
  readonly #nodes = new Map<string, Known[]>();
  #size = 0;
  #removed = 0;
  #floor: Stamp = 0n;

  /**
   * `isOfTheLiving`: what a replica wrote ends with it, so that nothing is to be known of those
   * that are gone, and there is no floor.
   */
  constructor(self: Replica, { isOfTheLiving = false }: { readonly isOfTheLiving?: boolean } = {}) {
    this.#self = self;
    this.#isOfTheLiving = isOfTheLiving;
    this.#add(self, undefined);
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
    if (stamp <= known.know) return;
    known.ahead.add(stamp);
    if (known.ahead.size <= KNOWN_AHEAD_MAX) return;
    for (const oldest of known.ahead) {
      known.ahead.delete(oldest);
      return;
    }
  }

  /**
   * True for an entry that was here and is deleted history, given that its key is absent. Of its
   * own entries a replica knows only those that it has seen since it started: another one that is
   * absent was lost by damage, and is welcome.
   */
  covers(writer: Replica, stamp: Stamp): boolean {
    const known = this.#find(writer);
    if (known === undefined) return stamp <= this.#floor;
    return stamp <= known.know || known.ahead.has(stamp);
  }

  /**
   * The replica set, this replica aside, which always belongs to it. Who is not in it any more is
   * gone as of `clock`; who returns goes on with what was known of it.
   */
  setLive(replicas: Iterable<Replica>, clock: Stamp): void {
    const live = new Set<Known>(this.#all().filter(({ replica }) => this.#isSelf(replica)));
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
    if (known === undefined || known.removedAt !== undefined || this.#isSelf(replica)) return;
    known.removedAt = clock;
    this.#removed += 1;
    this.#fold(clock);
  }

  /** All that this replica wrote was dropped here: nothing is known of it. */
  forget(replica: Replica): void {
    const known = this.#find(replica);
    if (known !== undefined && !this.#isSelf(replica)) this.#delete(known);
  }

  /** As of now: own clock `clock`. */
  snapshot(clock: Stamp): KnowledgeSnapshot {
    const known = this.#all().map(({ replica, know, ack }) =>
      this.#isSelf(replica)
        ? { replica, know: clock, ack: this.#acknowledged(clock) }
        : { replica, know, ack },
    );
    return { self: this.#self, clock, floor: this.#floor, known };
  }

  /**
   * This replica's state includes all that the other's did when it gave this. So it knows at least
   * as much, also of replicas that are gone and that it never met. All of it is older than `clock`,
   * since a clock follows what is taken in: a later stamp is a fault, and says no more than that.
   */
  learn(theirs: KnowledgeSnapshot, clock: Stamp): void {
    if (this.#isSelf(theirs.self)) return;
    const from = this.#met(theirs.self, clock);
    if (from !== undefined) raise(from, earlierStamp(theirs.clock, clock));
    this.#raiseFloor(earlierStamp(theirs.floor, clock));
    for (const { replica, know, ack } of theirs.known) {
      const known = this.#isSelf(replica) ? undefined : this.#met(replica, clock);
      if (known === undefined) continue;
      raise(known, earlierStamp(know, clock));
      known.ack = laterStamp(known.ack, earlierStamp(ack, clock));
    }
    this.#fold(clock);
  }

  /** All that any replica of the set held at this stamp of its clock, all of them have. */
  stable(clock: Stamp): Stamp {
    let stable = this.#acknowledged(clock);
    for (const { replica, ack, removedAt } of this.#all()) {
      if (removedAt === undefined && !this.#isSelf(replica)) stable = earlierStamp(stable, ack);
    }
    return stable;
  }

  /** What is left is known to nobody: after damage, everything is taken in again. */
  reset(): void {
    this.#floor = 0n;
    for (const known of this.#all()) {
      known.know = 0n;
      known.ahead.clear();
    }
  }

  /** For the disk. */
  export(): KnowledgeState {
    const known = this.#all().map(({ ahead: _, ...state }) => state);
    return { floor: this.#floor, known };
  }

  /** From the disk, before anything else. */
  restore({ floor, known }: KnowledgeState): void {
    this.#floor = floor;
    for (const { replica, know, ack, seen, removedAt } of known) {
      if (this.#isSelf(replica) || this.#find(replica) !== undefined) continue;
      Object.assign(this.#add(replica, removedAt), { know, ack, seen });
    }
  }

  /** Up to here this replica knows all others of the set. */
  #acknowledged(clock: Stamp): Stamp {
    let least = clock;
    for (const { replica, know, removedAt } of this.#all()) {
      if (removedAt === undefined && !this.#isSelf(replica)) least = earlierStamp(least, know);
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
    const gone = this.#all().filter(({ removedAt }) => removedAt !== undefined);
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

  #find({ node, incarnation }: Replica): Known | undefined {
    return this.#nodes.get(node)?.find(({ replica }) => replica.incarnation === incarnation);
  }

  /**
   * It begins at the floor: what is older is deleted history for everybody, also if a replica that
   * was given up long ago brings it back.
   */
  #add({ node, incarnation }: Replica, removedAt: Stamp | undefined): Known {
    const known: Known = {
      replica: { node, incarnation },
      know: this.#floor,
      ack: 0n,
      seen: 0n,
      removedAt,
      ahead: new Set(),
    };
    this.#nodes.set(node, [...(this.#nodes.get(node) ?? []), known]);
    this.#size += 1;
    if (removedAt !== undefined) this.#removed += 1;
    return known;
  }

  #delete(known: Known): void {
    const { node } = known.replica;
    const left = (this.#nodes.get(node) ?? []).filter((other) => other !== known);
    if (left.length === 0) this.#nodes.delete(node);
    else this.#nodes.set(node, left);
    this.#size -= 1;
    if (known.removedAt !== undefined) this.#removed -= 1;
  }

  #all(): readonly Known[] {
    return [...this.#nodes.values()].flat();
  }

  #isSelf(replica: Replica): boolean {
    return isSameReplica(replica, this.#self);
  }
}

function raise(known: Known, know: Stamp): void {
  if (know <= known.know) return;
  known.know = know;
  for (const stamp of known.ahead) if (stamp <= know) known.ahead.delete(stamp);
}

function byKnow(a: Known, b: Known): number {
  return compareStamps(a.know, b.know);
}
