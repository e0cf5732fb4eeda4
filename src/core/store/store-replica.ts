/**
 * One node's replica of one store: the registers, who may write what, what is buried, and when it
 * may be forgotten. Each input does its work at once; what it did waits in the outcome.
 */
import { BarrelError } from '../../errors.ts';
import {
  SMALL_VALUE_BYTES_MAX,
  STORE_BYTES_MAX,
  STORE_ENTRIES_MAX,
  STORE_KEY_BYTES_MAX,
  STORE_OTHERS_FACTOR,
} from '../../limits.ts';
import { type Stamp, wallMsOf } from '../clock/stamp.ts';
import type { StampSource, StoreChange, StoreOutcome, StoreRules, StoreWrite } from './contract.ts';
import { splitOwnedKey } from './contract.ts';
import { areSameBytes, beats, type Entry, isBuried, isSameReplica, type Replica } from './entry.ts';
import type { BuriedEntry } from './exchange/messages.ts';
import { Expiries } from './expiries.ts';
import { Graveyard } from './graveyard.ts';
import { Knowledge } from './knowledge.ts';
import { type Digest, RegisterStore } from './register-store.ts';

/** Stale graves and expiries that are kept until it is worth to sort them out. */
const GRAVES_SPARE = 1_024;

export interface StoreReplicaOptions extends StoreRules {
  readonly name: string;
  readonly tombstoneTtlMs: number;
  /** Who writes here. */
  readonly self: Replica;
  readonly clock: StampSource;
  readonly digest: Digest;
  /** Of the cluster: ids of another cluster are others. */
  readonly salt: string;
  /** True while that start of the node is alive; asked where entries end with their writers. */
  readonly isAlive: (writer: Replica) => boolean;
  /** @default STORE_ENTRIES_MAX */
  readonly entriesMax?: number | undefined;
  /** @default STORE_BYTES_MAX */
  readonly bytesMax?: number | undefined;
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
    this.knowledge = new Knowledge(options.self, { isOfTheLiving: options.lifetime === 'writer' });
    this.registers = new RegisterStore({
      digest: options.digest,
      salt: `${options.salt}\0${options.name}`,
    });
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
    };
    this.#changes = [];
    this.#stored = [];
    this.#forgotten = [];
    return outcome;
  }

  /**
   * Writes of this node, all or none; the entries are for the other nodes.
   * @throws ERR_VALUE for a key or value that is too long, ERR_OVERLOADED above a bound.
   */
  write(writes: readonly StoreWrite[], wallMs: number): readonly Entry[] {
    this.tick(wallMs);
    this.#checkWrites(writes);
    return writes.map(({ key, value, ttlMs }) => {
      const expiresAtMs = value === undefined || ttlMs === undefined ? 0 : this.#wallMs + ttlMs;
      return this.#mint(key, value, Math.ceil(expiresAtMs));
    });
  }

  /** Entries that this node had on disk. Nothing is reported. */
  restore(entries: Iterable<Entry>, wallMs: number): void {
    this.tick(wallMs);
    for (const entry of entries) this.#join(entry);
    this.takeOutcome();
  }

  /** Entries as other nodes tell them. */
  take(entries: readonly Entry[], wallMs: number): Intake {
    this.tick(wallMs);
    const intake: OpenIntake = { buried: [], strangers: [], refused: 0, contradicted: [] };
    for (const entry of entries) this.#note(entry, this.#judge(entry), intake);
    return intake;
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
    // A wall clock that steps back brings nothing back to life.
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

  #checkWrites(writes: readonly StoreWrite[]): void {
    const { entriesMax = STORE_ENTRIES_MAX, bytesMax = STORE_BYTES_MAX } = this.#options;
    let size = this.registers.size;
    let bytes = this.registers.bytes;
    for (const { key, value } of writes) {
      this.#checkSize(key, value);
      if (value === undefined) continue;
      if (this.registers.get(key) === undefined) size += 1;
      bytes += key.length + value.length - bytesOf(this.registers.get(key));
    }
    if (size > entriesMax || bytes > bytesMax) {
      const room = `${entriesMax} entries and ${bytesMax} bytes`;
      throw new BarrelError('ERR_OVERLOADED', `${this.name} has room for ${room}`);
    }
  }

  #checkSize(key: string, value: Uint8Array | undefined): void {
    if (key.length > STORE_KEY_BYTES_MAX) {
      const size = `${key.length} bytes, the limit is ${STORE_KEY_BYTES_MAX}`;
      throw new BarrelError('ERR_VALUE', `a key of ${this.name} has ${size}`);
    }
    if (value !== undefined && value.length > SMALL_VALUE_BYTES_MAX) {
      const size = `${value.length} bytes, the limit is ${SMALL_VALUE_BYTES_MAX}`;
      throw new BarrelError('ERR_VALUE', `a value of ${this.name} has ${size}`);
    }
  }

  #mint(key: string, value: Uint8Array | undefined, expiresAtMs: number): Entry {
    const { self, clock } = this.#options;
    const entry = { key, stamp: clock.now(), writer: self, value, expiresAtMs };
    this.#join(entry);
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
    if (known !== undefined && !beats(entry, known)) return 'stale';
    const isAbsent = known === undefined;
    if (isAbsent && this.knowledge.covers(entry.writer, entry.stamp)) return 'buried';
    if (ownership === 'owner' && entry.writer.node === this.self.node) {
      return isSameReplica(entry.writer, this.self) ? 'forged' : 'refused';
    }
    if (lifetime === 'writer' && !this.#isAlive(entry.writer)) return 'stranger';
    return this.#hasRoom(entry, known) ? 'taken' : 'refused';
  }

  #note(entry: Entry, verdict: Verdict, intake: OpenIntake): void {
    switch (verdict) {
      case 'taken':
        this.#join(entry);
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
    return { key, stamp, writer, isCertain: stamp > this.knowledge.floor };
  }

  /** Says again, later than what was said in this node's name, what this node says of the key. */
  #contradict({ key }: Entry): Entry {
    const known = this.registers.get(key);
    return this.#mint(key, known?.value, known?.expiresAtMs ?? 0);
  }

  #isAlive(writer: Replica): boolean {
    return isSameReplica(writer, this.self) || this.#options.isAlive(writer);
  }

  #hasRoom(entry: Entry, known: Entry | undefined): boolean {
    const { entriesMax = STORE_ENTRIES_MAX, bytesMax = STORE_BYTES_MAX } = this.#options;
    const isMore =
      known === undefined && this.registers.size + 1 > entriesMax * STORE_OTHERS_FACTOR;
    const bytes = this.registers.bytes + bytesOf(entry) - bytesOf(known);
    return !isMore && bytes <= bytesMax * STORE_OTHERS_FACTOR;
  }

  // Both

  /** The entry is greater than what is known of its key. */
  #join(told: Entry): void {
    const writer = this.knowledge.intern(told.writer);
    const { key, stamp, value: bytes, expiresAtMs } = told;
    const entry = told.writer === writer ? told : { key, stamp, writer, value: bytes, expiresAtMs };
    const known = this.registers.get(entry.key);
    if (!this.registers.join(entry)) return;
    this.knowledge.saw(entry.writer, entry.stamp);
    this.#index(entry, known);
    const previous = known === undefined || isBuried(known, this.#wallMs) ? undefined : known.value;
    const value = isBuried(entry, this.#wallMs) ? undefined : entry.value;
    this.#visible += Number(value !== undefined) - Number(previous !== undefined);
    if (value === undefined) this.#bury(entry);
    else if (entry.expiresAtMs !== 0) this.#expireLater(entry);
    this.#stored.push(entry);
    this.#changed(entry, { previous, value, cause: 'write' });
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
    return wallMsOf(this.#options.clock.now()) - this.#options.tombstoneTtlMs;
  }
}

function bytesOf(entry: Entry | undefined): number {
  return entry === undefined ? 0 : entry.key.length + (entry.value?.length ?? 0);
}
