/**
 * One node's replica of one store: the registers, who may write what, what is buried, and when it
 * may be forgotten. Each input does its work at once; what it did waits in the outcome.
 */
import { laterStamp, type Stamp } from '../clock/stamp.ts';
import type { StampSource, StoreChange, StoreOutcome, StoreRules, StoreWrite } from './contract.ts';
import { splitOwnedKey } from './contract.ts';
import { areSameBytes, type Entry, isBuried, isSameReplica, type Replica } from './entry.ts';
import type { BuriedEntry } from './exchange/messages.ts';
import { Expiries } from './expiries.ts';
import { Graveyard } from './graveyard.ts';
import { Knowledge } from './knowledge.ts';
import { type Digest, RegisterStore } from './register-store.ts';
import { Room, type RoomOptions } from './room.ts';

/** Stale graves and expiries that are kept until it is worth to sort them out. */
const GRAVES_SPARE = 1_024;
/** A wall clock that is set back by more than this was wrong before. */
const CLOCK_WAVER_MS = 1_000;

export interface StoreReplicaOptions
  extends StoreRules,
    Pick<RoomOptions, 'name' | 'entriesMax' | 'bytesMax'> {
  readonly tombstoneTtlMs: number;
  /** Who writes here. */
  readonly self: Replica;
  readonly isDurable: boolean;
  /** Own clock where it goes on from an earlier life; 0 for a new replica. */
  readonly startedAt: Stamp;
  readonly clock: StampSource;
  readonly digest: Digest;
  /** Of the cluster: ids of another cluster are others. */
  readonly salt: string;
  /** True while that start of the node is alive; asked where entries end with their writers. */
  readonly isAlive: (writer: Replica) => boolean;
}

/** What came of entries of other nodes. */
export interface Intake {
  /** Deleted history: the sender should forget them. */
  readonly buried: readonly BuriedEntry[];
  /** Written by starts that are not known as alive here. */
  readonly strangers: readonly Entry[];
  /** Above a bound, or of a clock that is too far ahead. */
  readonly refused: number;
  /** Written anew by this node, since others spoke in its name. */
  readonly contradicted: readonly Entry[];
}

interface OpenIntake extends Intake {
  readonly buried: BuriedEntry[];
  readonly strangers: Entry[];
  refused: number;
  readonly contradicted: Entry[];
}

type Verdict = 'taken' | 'stale' | 'buried' | 'stranger' | 'refused' | 'forged';

export class StoreReplica {
  readonly name: string;
  readonly rules: StoreRules;
  readonly knowledge: Knowledge;
  readonly registers: RegisterStore;
  readonly #options: StoreReplicaOptions;
  readonly #room: Room;
  readonly #graveyard = new Graveyard();
  readonly #expiries = new Expiries();
  /** Where entries end with their writers: their keys. */
  readonly #keysOf = new Map<Replica, Set<string>>();
  #visible = 0;
  #wallMs = 0;
  #changes: StoreChange[] = [];
  #stored: Entry[] = [];
  #forgotten: string[] = [];

  constructor(options: StoreReplicaOptions) {
    this.#options = options;
    this.name = options.name;
    this.rules = { ownership: options.ownership, lifetime: options.lifetime };
    const { self, lifetime, startedAt } = options;
    this.knowledge = new Knowledge(self, { isOfTheLiving: lifetime === 'writer', startedAt });
    this.registers = new RegisterStore({
      digest: options.digest,
      salt: `${options.salt}\0${options.name}`,
      order: options.order,
    });
    this.#room = new Room({ ...options, registers: this.registers });
  }

  get self(): Replica {
    return this.#options.self;
  }

  /** Visible keys. */
  get size(): number {
    return this.#visible;
  }

  /** Removed and expired keys that are remembered. */
  get buriedSize(): number {
    return this.registers.size - this.#visible;
  }

  get(key: string): Uint8Array | undefined {
    const entry = this.registers.get(key);
    return entry === undefined || isBuried(entry, this.#wallMs) ? undefined : entry.value;
  }

  *visible(): IterableIterator<Entry> {
    for (const entry of this.registers.all()) if (!isBuried(entry, this.#wallMs)) yield entry;
  }

  /** What this replica wrote and still stands, removals included. */
  own(): readonly Entry[] {
    return [...this.registers.all()].filter(({ writer }) => isSameReplica(writer, this.self));
  }

  /** What was done since the last call. */
  takeOutcome(): StoreOutcome {
    const outcome = {
      changes: this.#changes,
      stored: this.#stored,
      forgotten: this.#forgotten,
      heard: this.#options.isDurable ? this.knowledge.takeHeard() : [],
    };
    this.#changes = [];
    this.#stored = [];
    this.#forgotten = [];
    return outcome;
  }

  /**
   * Writes of this node, all or none; the entries are for the other nodes. `isWithoutBound`: what
   * the node itself has to say has room in any case.
   * @throws ERR_VALUE for a key or value that is too long, ERR_OVERLOADED above a bound.
   */
  write(writes: readonly StoreWrite[], wallMs: number, isWithoutBound = false): readonly Entry[] {
    this.tick(wallMs);
    if (!isWithoutBound) this.#room.check(writes);
    return writes.map(({ key, value, ttlMs }) => {
      const expiresAtMs = value === undefined || ttlMs === undefined ? 0 : this.#wallMs + ttlMs;
      return this.#mint(key, value, Math.ceil(expiresAtMs));
    });
  }

  /** Entries that this node had on disk. Nothing is reported. */
  restore(entries: Iterable<Entry>, wallMs: number): void {
    this.tick(wallMs);
    for (const entry of entries) {
      if (this.#join(entry)) this.knowledge.restored(entry.writer, entry.stamp);
    }
    this.takeOutcome();
  }

  /** Entries as other nodes tell them. */
  take(entries: readonly Entry[], wallMs: number): Intake {
    this.tick(wallMs);
    const intake: OpenIntake = { buried: [], strangers: [], refused: 0, contradicted: [] };
    for (const entry of entries) this.#note(entry, this.#judge(entry), intake);
    return intake;
  }

  /** All that their writer wrote after that stamp, as far as it stands, was among these. */
  heard(entries: readonly Entry[], after: Stamp): void {
    const [first] = entries;
    if (
      first === undefined ||
      !entries.every(({ writer }) => isSameReplica(writer, first.writer))
    ) {
      return;
    }
    const upTo = entries.reduce((latest, { stamp }) => laterStamp(latest, stamp), 0n);
    this.knowledge.heard(first.writer, { after, upTo });
  }

  /**
   * Another replica has these as deleted history: they go, unless they are other by now. Where
   * that is no certain knowledge, what this node wrote after its last complete exchange, `since`,
   * is written anew: others stopped counting on this replica before they heard of it. Returns what
   * was written anew, for the other nodes.
   */
  forget(entries: readonly BuriedEntry[], since: Stamp, wallMs: number): readonly Entry[] {
    this.tick(wallMs);
    const reminted: Entry[] = [];
    for (const { key, stamp, writer, isCertain } of entries) {
      const known = this.registers.get(key);
      if (known?.stamp !== stamp || !isSameReplica(known.writer, writer)) continue;
      const isOwn = isSameReplica(known.writer, this.self);
      // Of an owned store nobody else deletes anything.
      const isNew = (!isCertain && stamp > since) || this.rules.ownership === 'owner';
      if (isOwn && isNew && !isBuried(known, this.#wallMs)) {
        reminted.push(this.#mint(key, known.value, known.expiresAtMs));
      } else this.#drop(known, 'gone');
    }
    return reminted;
  }

  /** A start of a node is no more: so is what it wrote, where entries end with their writers. */
  dropWriter(writer: Replica): readonly Entry[] {
    const dropped: Entry[] = [];
    if (this.rules.lifetime !== 'writer') return dropped;
    const shared = this.knowledge.intern(writer);
    for (const key of this.#keysOf.get(shared) ?? []) {
      const entry = this.registers.get(key);
      if (entry === undefined) continue;
      dropped.push(entry);
      this.#drop(entry, 'gone');
    }
    this.#keysOf.delete(shared);
    this.knowledge.forget(writer);
    return dropped;
  }

  /** Buries what has expired by now. */
  tick(wallMs: number): void {
    if (wallMs < this.#wallMs - CLOCK_WAVER_MS) this.#stepBack(wallMs);
    // A wall clock that wavers brings nothing back to life.
    this.#wallMs = Math.max(this.#wallMs, wallMs);
    for (const { key, stamp } of this.#expiries.due(this.#wallMs)) {
      const entry = this.registers.get(key);
      if (entry === undefined || entry.stamp !== stamp || entry.value === undefined) continue;
      this.#visible -= 1;
      this.#bury(entry);
      this.#changed(entry, { previous: entry.value, value: undefined, cause: 'expired' });
    }
  }

  /** True when something is buried for so long that it may be forgotten once all have it. */
  hasAged(): boolean {
    return this.#graveyard.hasAged(this.#buriedBeforeMs());
  }

  /** Forgets what all replicas have buried, and that for long enough. */
  collect(): void {
    if (!this.hasAged()) return;
    const stable = this.knowledge.stable(this.#options.clock.now());
    for (const { key, stamp } of this.#graveyard.collectable(stable, this.#buriedBeforeMs())) {
      const entry = this.registers.get(key);
      if (entry?.stamp === stamp && isBuried(entry, this.#wallMs)) this.#drop(entry, 'gone');
    }
  }

  // Own writes

  #mint(key: string, value: Uint8Array | undefined, expiresAtMs: number): Entry {
    const { self, clock } = this.#options;
    const entry = { key, stamp: clock.now(), writer: self, value, expiresAtMs };
    if (this.#join(entry)) this.knowledge.wrote(entry.stamp);
    return entry;
  }

  // Entries of others

  #judge(entry: Entry): Verdict {
    const { ownership, lifetime } = this.rules;
    if (ownership === 'owner' && splitOwnedKey(entry.key)?.owner !== entry.writer.node) {
      return 'refused';
    }
    if (!this.#options.clock.observe(entry.stamp)) return 'refused';
    const known = this.registers.get(entry.key);
    if (!this.registers.accepts(entry)) return 'stale';
    const isAbsent = known === undefined;
    if (isAbsent && this.knowledge.absence(entry.writer, entry.stamp) !== 'new') return 'buried';
    if (ownership === 'owner' && entry.writer.node === this.self.node) {
      const isOwn = isSameReplica(entry.writer, this.self);
      // What is contradicted takes a key, too.
      return isOwn && this.#room.has({ key: entry.key, value: known?.value }, known)
        ? 'forged'
        : 'refused';
    }
    if (lifetime === 'writer' && !this.#isAlive(entry.writer)) return 'stranger';
    return this.#room.has(entry, known) ? 'taken' : 'refused';
  }

  #note(entry: Entry, verdict: Verdict, intake: OpenIntake): void {
    switch (verdict) {
      case 'taken':
        if (this.#join(entry)) this.knowledge.saw(entry.writer, entry.stamp);
        break;
      case 'buried':
        intake.buried.push(this.#buried(entry));
        break;
      case 'stranger':
        intake.strangers.push(entry);
        break;
      case 'refused':
        intake.refused += 1;
        break;
      case 'forged':
        intake.contradicted.push(this.#contradict(entry));
        break;
      case 'stale':
        // Should its key be forgotten, it must not pass for something new.
        this.knowledge.saw(this.knowledge.intern(entry.writer), entry.stamp);
        break;
    }
  }

  #buried({ key, stamp, writer }: Entry): BuriedEntry {
    const isCertain = this.knowledge.absence(writer, stamp) === 'deleted';
    return { key, stamp, writer, isCertain };
  }

  /** Says again, later than what was said in this node's name, what this node says of the key. */
  #contradict({ key }: Entry): Entry {
    const known = this.registers.get(key);
    return this.#mint(key, known?.value, known?.expiresAtMs ?? 0);
  }

  #isAlive(writer: Replica): boolean {
    return isSameReplica(writer, this.self) || this.#options.isAlive(writer);
  }

  // Both

  /** The entry is greater than what is known of its key. */
  #join(told: Entry): boolean {
    const writer = this.knowledge.intern(told.writer);
    const { key, stamp, value: bytes, expiresAtMs } = told;
    const entry = told.writer === writer ? told : { key, stamp, writer, value: bytes, expiresAtMs };
    const known = this.registers.get(entry.key);
    if (!this.registers.join(entry)) return false;
    this.#index(entry, known);
    const previous = known === undefined || isBuried(known, this.#wallMs) ? undefined : known.value;
    const value = isBuried(entry, this.#wallMs) ? undefined : entry.value;
    this.#visible += Number(value !== undefined) - Number(previous !== undefined);
    if (value === undefined) this.#bury(entry);
    else if (entry.expiresAtMs !== 0) this.#expireLater(entry);
    this.#stored.push(entry);
    this.#changed(entry, { previous, value, cause: 'write' });
    return true;
  }

  /** The clock was ahead by mistake: what has expired here alone is there again. */
  #stepBack(wallMs: number): void {
    this.#wallMs = wallMs;
    const revived: Entry[] = [];
    this.#graveyard.retain(({ key, stamp }) => {
      const entry = this.registers.get(key);
      if (entry?.stamp !== stamp || isBuried(entry, wallMs)) return true;
      revived.push(entry);
      return false;
    });
    for (const entry of revived) {
      this.#visible += 1;
      this.#expireLater(entry);
      this.#changed(entry, { previous: undefined, value: entry.value, cause: 'write' });
    }
  }

  #expireLater({ expiresAtMs, key, stamp }: Entry): void {
    this.#expiries.add(expiresAtMs, key, stamp);
    if (this.#expiries.size <= 2 * this.registers.size + GRAVES_SPARE) return;
    this.#expiries.retain((expiry) => this.registers.get(expiry.key)?.stamp === expiry.stamp);
  }

  #drop(entry: Entry, cause: 'gone'): void {
    if (!this.registers.forget(entry)) return;
    this.#keysOf.get(entry.writer)?.delete(entry.key);
    this.#forgotten.push(entry.key);
    if (isBuried(entry, this.#wallMs)) return;
    this.#visible -= 1;
    this.#changed(entry, { previous: entry.value, value: undefined, cause });
  }

  #index(entry: Entry, known: Entry | undefined): void {
    if (this.rules.lifetime !== 'writer') return;
    if (known !== undefined) this.#keysOf.get(known.writer)?.delete(known.key);
    const keys = this.#keysOf.get(entry.writer) ?? new Set();
    this.#keysOf.set(entry.writer, keys.add(entry.key));
  }

  /** A stamp of its own: what is captured at an earlier one does not have it. */
  #bury({ key, stamp }: Entry): void {
    this.#graveyard.bury(key, stamp, this.#options.clock.now());
    // Of a key that is written again and again only the last grave counts.
    if (this.#graveyard.size <= 2 * this.registers.size + GRAVES_SPARE) return;
    this.#graveyard.retain((grave) => this.registers.get(grave.key)?.stamp === grave.stamp);
  }

  #changed(entry: Entry, change: Pick<StoreChange, 'previous' | 'value' | 'cause'>): void {
    if (areSameBytes(change.previous, change.value)) return;
    this.#changes.push({ key: entry.key, writer: entry.writer, ...change });
  }

  #buriedBeforeMs(): number {
    return this.#wallMs - this.#options.tombstoneTtlMs;
  }
}
