/**
 * All replicas of one node as one machine: who hosts what, whom to compare with and when, what goes
 * out and what comes in. Facts in, effects out.
 */
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import { Absences } from './absences.ts';
import type { StoreWrite } from './contract.ts';
import type { Entry, Replica } from './entry.ts';
import type { CompleteExchange } from './exchange/context.ts';
import { type ExchangesOptions, StoreExchanges } from './exchange/exchanges.ts';
import type { BuriedEntry } from './exchange/messages.ts';
import { type Hosted, HostedStores, type HostedStoresOptions } from './hosted-stores.ts';
import { BUILT_IN, HOSTS, hostsKey, REPLICAS, replicasKey, wordsOf } from './hosts.ts';
import { News } from './news.ts';
import type {
  HostedStoreOptions,
  ReplicatorEffect,
  ReplicatorInput,
  ReplicatorTime,
} from './replicator-contract.ts';
import { Rounds } from './rounds.ts';
import type { Intake, StoreReplica } from './store-replica.ts';
import { Strangers } from './strangers.ts';

export type ReplicatorOptions = HostedStoresOptions;

type Delta = Extract<ReplicatorInput, { kind: 'delta' }>;

export class Replicator {
  readonly #options: ReplicatorOptions;
  readonly #stores: HostedStores;
  readonly #neighbors = new Set<NodeName>();
  readonly #strangers = new Strangers();
  readonly #absences: Absences;
  readonly #rounds: Rounds;
  readonly #exchanges: StoreExchanges;
  readonly #news = new News();
  #effects: ReplicatorEffect[] = [];
  #now: ReplicatorTime = { monotonicMs: 0, wallMs: 0 };
  /** Entries of others that were not taken in: of their stores less is known than was exchanged. */
  #refusals = 0;
  #isSettled = false;
  #hasLeft = false;

  constructor(options: ReplicatorOptions) {
    this.#options = options;
    this.#stores = new HostedStores(options);
    this.#absences = new Absences(options);
    this.#rounds = new Rounds({
      self: options.self.node,
      stores: this.#stores,
      neighbors: this.#neighbors,
      random: options.random,
    });
    this.#exchanges = new StoreExchanges(this.#exchangeOptions());
  }

  replica(store: string): StoreReplica | undefined {
    return this.#stores.get(store)?.replica;
  }

  /** Under way, on either side. */
  get exchanges(): number {
    return this.#exchanges.size;
  }

  /** Hosts a store from now on. The driver carries out the effects of the next input. */
  host(
    name: string,
    options: HostedStoreOptions,
    now: ReplicatorTime,
  ): readonly ReplicatorEffect[] {
    this.#now = now;
    const hosted = this.#stores.add(name, options, now.wallMs);
    this.#news.begin(name, hosted.startedAt);
    this.#tell(hosted);
    this.#stores.refreshLive(name);
    this.#meetRivals();
    this.#rounds.hasten(now.monotonicMs);
    return this.#done();
  }

  /** Hosts it no more. `isFinal`: a durable replica leaves the replica set, too. */
  unhost(name: string, isFinal: boolean, now: ReplicatorTime): readonly ReplicatorEffect[] {
    this.#now = now;
    this.#stores.byName.delete(name);
    // What was written in this turn is the others' all the same.
    this.#effects.push(...this.#news.end(name));
    const { node } = this.#options.self;
    this.#say(HOSTS, { key: hostsKey(node, name), value: undefined });
    if (isFinal && this.#stores.hosts.kept(name, node) !== undefined) {
      this.#say(REPLICAS, { key: replicasKey(name, node), value: undefined });
    }
    return this.#done();
  }

  /**
   * Writes of this node, all or none.
   * @throws as `StoreReplica.write`; nothing has changed then.
   */
  write(
    store: string,
    writes: readonly StoreWrite[],
    now: ReplicatorTime,
  ): readonly ReplicatorEffect[] {
    this.#now = now;
    const replica = this.replica(store);
    if (replica !== undefined) this.#spread(replica, replica.write(writes, now.wallMs));
    if (replica !== undefined) this.#drain(replica);
    return this.#done();
  }

  /**
   * Applies one input; returns its effects in the order in which the driver must carry them out.
   * Never throws for what a peer sent.
   */
  handle(input: ReplicatorInput, now: ReplicatorTime): readonly ReplicatorEffect[] {
    this.#now = now;
    this.#apply(input);
    return this.#done();
  }

  #apply(input: ReplicatorInput): void {
    switch (input.kind) {
      case 'neighborUp':
        this.#neighbors.add(input.node);
        break;
      case 'neighborDown':
        this.#neighbors.delete(input.node);
        break;
      case 'memberUp':
        this.#onMemberUp(input);
        break;
      case 'memberDown':
        this.#onMemberDown(input);
        break;
      case 'settled':
        this.#settle();
        break;
      case 'leave':
        this.#leave(input.isForGood);
        break;
      case 'reassert':
        this.#reassert();
        break;
      case 'ask':
        this.#return();
        this.#ask(input.node);
        break;
      case 'received':
        this.#exchanges.receive(input.from, input.message);
        break;
      case 'delta':
        this.#onDelta(input);
        break;
      case 'flush':
        this.#effects.push(...this.#news.take());
        break;
      case 'tick':
        this.#tick();
        break;
      default:
        unreachable(input);
    }
  }

  // Members

  #onMemberUp(member: Replica): void {
    const { node, incarnation } = member;
    const known = this.#stores.members.get(node);
    if (known !== undefined && known > incarnation) return;
    if (known !== undefined && known < incarnation) this.#dropWriter({ node, incarnation: known });
    this.#stores.members.set(node, incarnation);
    for (const replica of this.#stores.builtIn()) replica.knowledge.enter(member);
    for (const { store, entry } of this.#strangers.take(member)) {
      const hosted = this.#stores.get(store);
      if (hosted !== undefined) this.#take(hosted.replica, [entry]);
    }
  }

  #onMemberDown(member: Replica): void {
    const { node, incarnation } = member;
    if (this.#stores.members.get(node) !== incarnation) return;
    this.#stores.members.delete(node);
    this.#exchanges.drop(node);
    this.#dropWriter(member);
    const clock = this.#options.clock.now();
    for (const replica of this.#stores.builtIn()) replica.knowledge.leave(member, clock);
  }

  /** Where its death was a mistake that it never hears of, its entries wait for that word. */
  #dropWriter(writer: Replica): void {
    for (const { replica } of this.#stores.all()) {
      const dropped = replica.dropWriter(writer);
      // An exchange under way must not count what it had brought.
      this.#refusals += dropped.length;
      this.#strangers.hold(replica.name, dropped);
      this.#drain(replica);
    }
  }

  // Writing

  /** What this node itself has to say: there is room for it, whoever fills the store. */
  #say(store: string, write: StoreWrite): void {
    const replica = this.replica(store);
    if (replica === undefined) return;
    this.#spread(replica, replica.write([write], this.#now.wallMs, true));
    this.#drain(replica);
  }

  #spread({ name }: StoreReplica, entries: readonly Entry[]): void {
    if (this.#news.add(name, entries)) this.#effects.push({ kind: 'flushSoon' });
  }

  #reassert(): void {
    for (const { replica } of this.#stores.all()) {
      if (replica.rules.lifetime === 'writer') this.#spread(replica, replica.own());
    }
  }

  /** What a node hosts, for the others. */
  #tell(hosted: Hosted): void {
    const words = wordsOf(hosted, this.#options.self.node, this.#stores.hosts);
    for (const { store, write } of words) this.#say(store, write);
  }

  #settle(): void {
    this.#isSettled = true;
    this.#rounds.hasten(this.#now.monotonicMs);
    this.#return();
    this.#syncLonely();
  }

  /** After a leave. */
  #return(): void {
    if (!this.#hasLeft) return;
    this.#hasLeft = false;
    for (const hosted of this.#stores.all()) this.#tell(hosted);
  }

  #leave(isForGood: boolean): void {
    this.#hasLeft = true;
    const { node } = this.#options.self;
    for (const { replica, isDurable } of isForGood ? this.#stores.all() : []) {
      if (!isDurable || BUILT_IN.has(replica.name)) continue;
      this.#say(REPLICAS, { key: replicasKey(replica.name, node), value: undefined });
    }
    this.#effects.push(...this.#news.take());
  }

  // Taking in

  #onDelta({ store, entries, after }: Delta): void {
    const replica = this.#stores.get(store)?.replica;
    if (replica === undefined) return;
    const { refused, strangers } = this.#take(replica, entries);
    const isAll = after !== undefined && refused + strangers.length === 0;
    if (isAll) replica.heard(entries, after);
    else replica.knowledge.fallBehind();
  }

  #take(replica: StoreReplica, entries: readonly Entry[]): Intake {
    const intake = replica.take(entries, this.#now.wallMs);
    this.#strangers.hold(replica.name, intake.strangers);
    this.#spread(replica, intake.contradicted);
    this.#refusals += intake.refused + intake.strangers.length;
    this.#count('refused', intake.refused);
    this.#count('buried', intake.buried.length);
    this.#count('forged', intake.contradicted.length);
    this.#drain(replica);
    return intake;
  }

  #forget(replica: StoreReplica, entries: readonly BuriedEntry[]): void {
    const since = this.#stores.get(replica.name)?.exchangedAt ?? 0n;
    const reminted = replica.forget(entries, since, this.#now.wallMs);
    this.#count('reminted', reminted.length);
    this.#spread(replica, reminted);
    this.#drain(replica);
  }

  /** What an input did to a replica goes to the driver, and to the list of hosts. */
  #drain(replica: StoreReplica): void {
    const { name } = replica;
    const outcome = replica.takeOutcome();
    const { changes, stored, forgotten } = outcome;
    if (changes.length + stored.length + forgotten.length === 0) return;
    this.#effects.push({ kind: 'outcome', store: name, outcome });
    if (name !== HOSTS && name !== REPLICAS) return;
    const touched = new Set<string>();
    for (const change of changes) {
      const store = this.#stores.hosts.apply(name, change);
      if (store !== undefined) touched.add(store);
    }
    for (const store of touched) this.#onHosts(store);
  }

  #onHosts(store: string): void {
    this.#stores.refreshLive(store);
    this.#meetRivals(store);
    const hosted = this.#stores.get(store);
    if (hosted === undefined) return;
    if (!hosted.isSynced) this.#rounds.hasten(this.#now.monotonicMs);
    // Others believed that this node was away, perhaps for good.
    const isTold = this.#stores.hosts.isToldAsKept(store, hosted.replica.self);
    if (hosted.isDurable && !isTold && !this.#hasLeft) this.#tell(hosted);
  }

  #meetRivals(name?: string): void {
    for (const met of this.#stores.metRivals(name)) this.#effects.push({ kind: 'rival', ...met });
  }

  // Exchanges

  #tick(): void {
    const { monotonicMs, wallMs } = this.#now;
    for (const { replica } of this.#stores.all()) {
      replica.tick(wallMs);
      replica.collect();
      this.#drain(replica);
    }
    this.#exchanges.giveUpIdle();
    if (this.#hasLeft) return;
    for (const write of this.#absences.due(this.#stores.hosts, this.#now)) {
      this.#say(REPLICAS, write);
    }
    if (!this.#rounds.isDue(monotonicMs)) return;
    this.#syncLonely();
    for (const node of this.#rounds.begin(monotonicMs, this.#isSettled)) this.#ask(node);
  }

  #ask(node: NodeName): void {
    if (node !== this.#options.self.node) this.#exchanges.ask(node);
  }

  #complete(hosted: Hosted, { node, knowledge, begun }: CompleteExchange): void {
    const { replica } = hosted;
    if (begun.refusals === this.#refusals) {
      if (knowledge !== undefined) replica.knowledge.learn(knowledge, this.#options.clock.now());
      hosted.exchangedAt = begun.clock;
    }
    replica.collect();
    this.#drain(replica);
    const { exchangedAt } = hosted;
    this.#effects.push({ kind: 'exchanged', node, store: replica.name, exchangedAt });
    this.#sync(hosted);
  }

  // The first exchange

  #sync(hosted: Hosted): void {
    if (hosted.isSynced) return;
    hosted.isSynced = true;
    this.#effects.push({ kind: 'synced', store: hosted.replica.name });
    this.#tell(hosted);
  }

  /** A store that nobody else hosts has nothing to wait for. */
  #syncLonely(): void {
    for (const hosted of this.#isSettled ? this.#stores.lonely() : []) this.#sync(hosted);
  }

  #exchangeOptions(): ExchangesOptions {
    return {
      nowMs: () => this.#now.monotonicMs,
      count: (what) => this.#count(what, 1),
      blame: (node, detail) => this.#effects.push({ kind: 'protocolError', node, detail }),
      replica: (store) => this.replica(store),
      sharedWith: (node) => this.#stores.sharedWith(node),
      send: (to, message) => this.#effects.push({ kind: 'send', to, message }),
      take: (replica, entries) => {
        replica.knowledge.fallBehind();
        return this.#take(replica, entries);
      },
      forget: (replica, entries) => this.#forget(replica, entries),
      digestOf: (replicas) => this.#stores.digestOf(replicas),
      knowledgeOf: (replicas) => this.#stores.knowledgeOf(replicas),
      answerOf: (replicas) => this.#stores.answerOf(replicas),
      begin: () => ({ clock: this.#options.clock.now(), refusals: this.#refusals }),
      complete: (replica, exchange) => {
        const hosted = this.#stores.get(replica.name);
        if (hosted !== undefined) this.#complete(hosted, exchange);
      },
    };
  }

  #count(what: Extract<ReplicatorEffect, { kind: 'count' }>['what'], count: number): void {
    if (count > 0) this.#effects.push({ kind: 'count', what, count });
  }

  #done(): readonly ReplicatorEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
