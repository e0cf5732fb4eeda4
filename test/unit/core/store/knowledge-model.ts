/**
 * Replicas of a small store over a network that loses: sets of registers, `Knowledge` and a
 * graveyard, no frames. An oracle beside them knows what no replica can: which entries each removal
 * was made in sight of.
 */
import { laterStamp, type Stamp } from '../../../../src/core/clock/stamp.ts';
import { beats, type Entry, type Replica } from '../../../../src/core/store/entry.ts';
import { Knowledge } from '../../../../src/core/store/knowledge.ts';

export type Step =
  | { readonly kind: 'write'; readonly at: number; readonly key: string; readonly reach: number }
  | { readonly kind: 'remove'; readonly at: number; readonly key: string; readonly reach: number }
  | { readonly kind: 'exchange'; readonly at: number; readonly with: number }
  /** Replicas of one bit talk to each other only, and take the others out of the set. */
  | { readonly kind: 'split'; readonly sides: number }
  | { readonly kind: 'heal' }
  /** Comes back empty, as another start of the node. */
  | { readonly kind: 'crash'; readonly at: number }
  | { readonly kind: 'restart'; readonly at: number };

export interface Grave {
  readonly entry: Entry;
  readonly at: Stamp;
}

export class ModelReplica {
  readonly self: Replica;
  knowledge: Knowledge;
  readonly entries: Map<string, Entry> = new Map();
  graves: Grave[] = [];
  /** The oracle: all that this one ever held, also by hearsay. */
  readonly past: Set<Entry> = new Set();
  /** The oracle: what was replaced in sight. */
  readonly replaced: Set<Entry> = new Set();
  /** Stamp of the last write of this replica. */
  lastOwn: Stamp = 0n;
  #last: Stamp;

  constructor(index: number, incarnation: bigint) {
    this.self = { node: `n${index}@test`, incarnation };
    this.knowledge = new Knowledge(this.self);
    // Clocks differ.
    this.#last = BigInt(100 * index) + incarnation;
  }

  now(): Stamp {
    this.#last += 1n;
    return this.#last;
  }

  write(key: string, value: Uint8Array | undefined): Entry {
    for (const old of this.past) if (old.key === key) this.replaced.add(old);
    const entry = { key, stamp: this.now(), writer: this.self, value, expiresAtMs: 0 };
    this.lastOwn = entry.stamp;
    this.knowledge.wrote(entry.stamp);
    this.#join(entry);
    return entry;
  }

  /** True when the entry is deleted history here. */
  take(entry: Entry): boolean {
    this.past.add(entry);
    this.#last = laterStamp(this.#last, entry.stamp);
    const known = this.entries.get(entry.key);
    if (known === undefined && this.knowledge.absence(entry.writer, entry.stamp) !== 'new') {
      return true;
    }
    this.knowledge.intern(entry.writer);
    this.knowledge.saw(entry.writer, entry.stamp);
    if (known === undefined || beats(entry, known)) this.#join(entry);
    return false;
  }

  forget(entry: Entry): void {
    if (this.entries.get(entry.key) === entry) this.entries.delete(entry.key);
  }

  collect(): number {
    const stable = this.knowledge.stable(this.now());
    const due = this.graves.filter(({ at }) => at <= stable);
    this.graves = this.graves.filter(({ at }) => at > stable);
    for (const { entry } of due) this.forget(entry);
    return due.length;
  }

  #join(entry: Entry): void {
    this.past.add(entry);
    this.entries.set(entry.key, entry);
    if (entry.value !== undefined) return;
    this.graves.push({ entry, at: this.now() });
  }
}

export class Model {
  readonly replicas: ModelReplica[];
  /** All that was ever written. */
  readonly written: Entry[] = [];
  collected = 0;
  #sides = 0;
  #starts = 1n;

  constructor(size: number) {
    this.replicas = Array.from({ length: size }, (_, index) => new ModelReplica(index, 1n));
    this.#setLive();
  }

  apply(step: Step): void {
    switch (step.kind) {
      case 'write':
        this.#write(step, Uint8Array.of(1));
        break;
      case 'remove':
        if (this.#at(step.at).entries.has(step.key)) this.#write(step, undefined);
        break;
      case 'exchange':
        this.exchange(step.at, step.with);
        break;
      case 'split':
        this.#sides = step.sides;
        this.#setLive();
        break;
      case 'heal':
        this.#sides = 0;
        this.#setLive();
        break;
      case 'crash':
        this.#starts += 1n;
        this.replicas[this.#index(step.at)] = new ModelReplica(this.#index(step.at), this.#starts);
        this.#setLive();
        break;
      case 'restart':
        this.#restart(this.#at(step.at));
    }
  }

  /** In both directions, and complete; what is written meanwhile is in neither snapshot. */
  exchange(first: number, second: number): void {
    const [a, b] = [this.#at(first), this.#at(second)];
    if (a === b || !this.#isLinked(this.#index(first), this.#index(second))) return;
    const [ofA, ofB] = [a.knowledge.snapshot(a.now()), b.knowledge.snapshot(b.now())];
    const [fromA, fromB] = [[...a.entries.values()], [...b.entries.values()]];
    for (const entry of fromA) if (b.take(entry)) a.forget(entry);
    for (const entry of fromB) if (a.take(entry)) b.forget(entry);
    for (const replaced of a.replaced) b.replaced.add(replaced);
    for (const replaced of b.replaced) a.replaced.add(replaced);
    a.knowledge.learn(ofB, laterStamp(a.now(), ofB.clock));
    b.knowledge.learn(ofA, laterStamp(b.now(), ofA.clock));
    this.collected += a.collect() + b.collect();
  }

  /** Everybody with everybody, until nothing is left to be told or forgotten. */
  settle(): void {
    this.apply({ kind: 'heal' });
    for (let round = 0; round < 5; round += 1) {
      for (const a of this.replicas.keys())
        for (const b of this.replicas.keys()) this.exchange(a, b);
    }
  }

  #write(
    { at, key, reach }: Extract<Step, { kind: 'write' | 'remove' }>,
    value?: Uint8Array,
  ): void {
    const after = this.#at(at).lastOwn;
    const entry = this.#at(at).write(key, value);
    this.written.push(entry);
    for (const [index, replica] of this.replicas.entries()) {
      const isReached = (reach & (1 << index)) !== 0 && this.#isLinked(this.#index(at), index);
      if (!isReached || replica === this.#at(at)) continue;
      replica.take(entry);
      replica.knowledge.heard(entry.writer, { after, upTo: entry.stamp });
    }
  }

  /** What it knew is on disk as of now. */
  #restart(replica: ModelReplica): void {
    const kept = replica.knowledge.export();
    const startedAt = replica.now();
    replica.lastOwn = startedAt;
    replica.knowledge = new Knowledge(replica.self, { startedAt });
    replica.knowledge.restore(kept);
    replica.knowledge.setLive([], replica.now());
    replica.knowledge.setLive([], replica.now());
    this.#setLive();
  }

  #setLive(): void {
    for (const [index, { knowledge, self }] of this.replicas.entries()) {
      const linked = this.replicas.filter((_, other) => this.#isLinked(index, other));
      const live = linked.map((replica) => replica.self).filter(({ node }) => node !== self.node);
      knowledge.setLive(live, this.#at(index).now());
    }
  }

  #isLinked(a: number, b: number): boolean {
    return ((this.#sides >> a) & 1) === ((this.#sides >> b) & 1);
  }

  #index(at: number): number {
    return at % this.replicas.length;
  }

  #at(at: number): ModelReplica {
    const replica = this.replicas[this.#index(at)];
    if (replica === undefined) throw new RangeError(`no replica ${at}`);
    return replica;
  }
}
