/**
 * All replicas of one node as one machine: who hosts what, whom to compare with and when, what goes
 * out and what comes in. Facts in, effects out.
 */
import { vary } from '../membership/randomness.ts';
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
import { partnersOf, periodMs } from './partners.ts';
import type {
  HostedStoreOptions,
  ReplicatorEffect,
  ReplicatorInput,
  ReplicatorTime,
} from './replicator-contract.ts';
import type { Intake, StoreReplica } from './store-replica.ts';
import { Strangers } from './strangers.ts';

export type ReplicatorOptions = HostedStoresOptions;

export class Replicator {
  readonly #options: ReplicatorOptions;
  readonly #stores: HostedStores;
  readonly #neighbors = new Set<NodeName>();
  readonly #strangers = new Strangers();
  readonly #absences = new Absences();
  readonly #exchanges: StoreExchanges;
  readonly #news = new News();
  #effects: ReplicatorEffect[] = [];
  #now: ReplicatorTime = { monotonicMs: 0, wallMs: 0 };
  /** Entries of others that were not taken in: of their stores less is known than was exchanged. */
  #refusals = 0;
  #nextMs = 0;
  #isSettled = false;
  #hasLeft = false;

  constructor(options: ReplicatorOptions) {
    this.#options = options;
    this.#stores = new HostedStores(options);
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
    this.#tell(hosted);
    this.#stores.refreshLive(name);
    this.#nextMs = Math.min(this.#nextMs, now.monotonicMs);
    return this.#done();
  }

  /** Hosts it no more. `isFinal`: a durable replica leaves the replica set, too. */
  unhost(name: string, isFinal: boolean, now: ReplicatorTime): readonly ReplicatorEffect[] {
    this.#now = now;
    this.#stores.byName.delete(name);
    this.#news.drop(name);
    const { node } = this.#options.self;
    this.#writeOwn(HOSTS, [{ key: hostsKey(node, name), value: undefined }]);
    if (isFinal && this.#stores.hosts.durable(name, node) !== undefined) {
      this.#writeOwn(REPLICAS, [{ key: replicasKey(name, node), value: undefined }]);
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
    this.#writeOwn(store, writes);
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
        this.#onDelta(input.store, input.entries);
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
    this.#absences.end(node);
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

  #writeOwn(store: string, writes: readonly StoreWrite[]): void {
    const hosted = this.#stores.get(store);
    if (hosted === undefined) return;
    this.#spread(hosted.replica, hosted.replica.write(writes, this.#now.wallMs));
    this.#drain(hosted.replica);
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
    for (const { store, write } of words) this.#writeOwn(store, [write]);
  }

  #settle(): void {
    this.#isSettled = true;
    this.#nextMs = this.#now.monotonicMs;
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
      this.#writeOwn(REPLICAS, [{ key: replicasKey(replica.name, node), value: undefined }]);
    }
    this.#effects.push(...this.#news.take());
  }

  // Taking in

  #onDelta(store: string, entries: readonly Entry[]): void {
    const hosted = this.#stores.get(store);
    if (hosted !== undefined) this.#take(hosted.replica, entries);
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
    const hosted = this.#stores.get(store);
    if (hosted === undefined) return;
    if (!hosted.isSynced) this.#nextMs = Math.min(this.#nextMs, this.#now.monotonicMs);
    // Others believed that this node was away for good.
    const { node } = this.#options.self;
    const isTold =
      this.#stores.hosts.durable(store, node)?.incarnation === hosted.replica.self.incarnation;
    if (hosted.isDurable && !isTold && !this.#hasLeft) this.#tell(hosted);
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
    this.#retireAbsent();
    if (monotonicMs < this.#nextMs || this.#hasLeft) return;
    this.#nextMs =
      monotonicMs + vary(this.#options.random, periodMs(this.#stores, this.#isSettled));
    this.#syncLonely();
    const partners = partnersOf({
      self: this.#options.self.node,
      stores: this.#stores,
      neighbors: this.#neighbors,
      random: this.#options.random,
      isSettled: this.#isSettled,
    });
    for (const node of partners) this.#ask(node);
  }

  #ask(node: NodeName): void {
    if (node !== this.#options.self.node) this.#exchanges.ask(node);
  }

  #complete(hosted: Hosted, { node, knowledge, refusals }: CompleteExchange): void {
    const { replica } = hosted;
    if (refusals === this.#refusals) {
      const now = this.#options.clock.now();
      if (knowledge !== undefined) replica.knowledge.learn(knowledge, now);
      hosted.exchangedAt = now;
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
    if (!this.#isSettled) return;
    for (const hosted of this.#stores.all()) {
      const { name } = hosted.replica;
      const isAlone = BUILT_IN.has(name) || this.#stores.hostFor(hosted) === undefined;
      if (isAlone) this.#sync(hosted);
    }
  }

  /** The one with the smallest name says it. */
  #retireAbsent(): void {
    const { node: own } = this.#options.self;
    const { hosts, members } = this.#stores;
    const isHere = (node: NodeName): boolean => node === own || members.has(node);
    const keys = this.#absences.overdue(hosts, isHere, this.#now.monotonicMs);
    if (keys.length === 0 || [...members.keys()].some((member) => member < own)) return;
    for (const key of keys) this.#writeOwn(REPLICAS, [{ key, value: undefined }]);
  }

  #exchangeOptions(): ExchangesOptions {
    return {
      nowMs: () => this.#now.monotonicMs,
      count: (what) => this.#count(what, 1),
      blame: (node, detail) => this.#effects.push({ kind: 'protocolError', node, detail }),
      replica: (store) => this.replica(store),
      sharedWith: (node) => this.#stores.sharedWith(node),
      send: (to, message) => this.#effects.push({ kind: 'send', to, message }),
      take: (replica, entries) => this.#take(replica, entries),
      forget: (replica, entries) => this.#forget(replica, entries),
      digestOf: (replicas) => this.#stores.digestOf(replicas),
      knowledgeOf: (replicas) => this.#stores.knowledgeOf(replicas),
      snapshot: (replica) => replica.knowledge.snapshot(this.#options.clock.now()),
      refusals: () => this.#refusals,
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
