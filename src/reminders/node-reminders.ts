/**
 * The reminders of one node: what its users ask for, and the parts that make it so. Every node
 * follows the store; with the first reminder that it sees, or the first word of a user, it takes
 * its share of the ring and answers to others.
 */
import { onceAborted } from '../abort.ts';
import type { NodeRef, SavedStores } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import type { Pid } from '../core/pid.ts';
import {
  cancelWrites,
  currentOf,
  dueAfter,
  dueAtOf,
  onceWrite,
  type ReminderRequest,
  type RequestTime,
  repeatedWrite,
  retryWrites,
} from '../core/schedule/commands.ts';
import type { CronPort, ReminderWrite } from '../core/schedule/contract.ts';
import { deliveryRules } from '../core/schedule/delivery-options.ts';
import { keyOf, keyPartOf, keyTextOf } from '../core/schedule/reminder-id.ts';
import { REMINDER_OWNERS_MAX } from '../core/schedule/schedule-limits.ts';
import type { ReminderAt } from '../core/schedule/transitions.ts';
import { bytesOfText } from '../core/store/binary-text.ts';
import type { StampSource } from '../core/store/contract.ts';
import type { Key } from '../core/wire/key.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { CALL_TIMEOUT_MS_DEFAULT } from '../limits.ts';
import type { Cancellable } from '../observable.ts';
import type { Processes, Value } from '../processes/processes.ts';
import { abortable, type Settlement, settlement } from '../settlement.ts';
import type { NodeShards } from '../shards/node-shards.ts';
import type { HeldShard } from '../shards/shards.ts';
import { unlessOver } from '../time-limit.ts';
import { Cancelled } from './cancelled.ts';
import { Copies } from './copies.ts';
import { CronGate } from './cron-gate.ts';
import { Departures } from './departures.ts';
import { Firings } from './firings.ts';
import { keyPrefix } from './key-prefix.ts';
import { KnownHandlers } from './known-handlers.ts';
import { OwnHandlers } from './own-handlers.ts';
import { peerAnswers } from './peer-answers.ts';
import { PeerCalls } from './peer-calls.ts';
import { reminderList, reminderOf } from './reminder-list.ts';
import { type ReminderChange, ReminderStore } from './reminder-store.ts';
import type {
  Firing,
  HandleOptions,
  Reminder,
  ReminderFilter,
  ReminderOptions,
  ReminderSchedule,
  Reminders,
} from './reminders.ts';
import { ScheduleDriver } from './schedule-driver.ts';
import { Successors } from './successors.ts';

export interface NodeRemindersOptions {
  readonly self: NodeRef;
  readonly host: Pick<Host, 'clock' | 'timers' | 'logger' | 'meter'>;
  /** Of the node: versions are its stamps. */
  readonly clock: StampSource;
  readonly processes: Processes;
  readonly shards: Pick<NodeShards, 'use' | 'run' | 'owners' | 'ringSize' | 'partitionOfBytes'>;
  /** Those that live, this node too. */
  readonly members: () => readonly NodeName[];
  /** Loads the reader of cron expressions. @throws ERR_OPTION when it is not installed. */
  readonly openCron: () => Promise<CronPort>;
  /** This node has a disk. */
  readonly isKept: boolean;
}

/** After that long what was claimed is not given back any more: claims run out by themselves. */
const GIVE_BACK_MS = 500;

interface Stored {
  readonly store: ReminderStore;
  readonly known: KnownHandlers;
  readonly departures: Departures;
}

export class NodeReminders implements Reminders {
  readonly #options: NodeRemindersOptions;
  readonly #store: ReminderStore;
  readonly #handlers: OwnHandlers;
  readonly #peers: PeerCalls;
  readonly #copies: Copies;
  readonly #cron: CronGate;
  readonly #driver: ScheduleDriver;
  readonly #departures: Departures;
  readonly #cancelled: Cancelled;
  readonly #closing = new AbortController();
  /** Sets that are waited for. */
  readonly #puts = new Set<Settlement<never>>();
  #running: Promise<void> | undefined;
  #isRehearing = false;

  private constructor(options: NodeRemindersOptions, { store, known, departures }: Stored) {
    const { self, host, processes, shards, openCron, isKept } = options;
    const { timers, logger } = host;
    this.#options = options;
    this.#store = store;
    this.#departures = departures;
    this.#cancelled = new Cancelled(host.clock);
    this.#peers = new PeerCalls(processes);
    this.#cron = new CronGate(openCron, logger);
    this.#handlers = new OwnHandlers({
      logger,
      onChange: (prefix, isThere) => {
        known.tell(prefix, isThere);
        this.#hearAgain();
      },
    });
    const othersFor = (id: string): readonly NodeName[] => this.#othersFor(keyOf(keyPartOf(id)));
    this.#copies = new Copies({ self: self.node, store, peers: this.#peers, timers, othersFor });
    const successors = new Successors({ peers: this.#peers, timers, othersFor });
    const firings = new Firings({
      self,
      own: this.#handlers,
      known,
      peers: this.#peers,
      ownersOf: (keyText) => shards.owners(keyOf(keyText), options.members().length),
    });
    this.#driver = new ScheduleDriver({
      self,
      host,
      store,
      cron: this.#cron,
      partitionOf: (keyText) => shards.partitionOfBytes(bytesOfText(keyText)),
      canHandle: (keyText) => firings.canHandle(keyText),
      hasLeft: (node) => departures.has(node),
      isKept,
      told: (write) => successors.told(write),
      deliver: (effect) => firings.deliver(effect),
      abandon: (token) => firings.abandon(token),
      ask: ({ id, claim, owners }) => this.#copies.haveClaim(id, claim, owners),
    });
    known.onChange(() => this.#hearAgain());
    store.onChange((change) => this.#onChange(change));
    if (!store.isEmpty) this.#use();
  }

  /** @throws ERR_STORE when what is kept cannot be read. */
  static async open(
    options: NodeRemindersOptions & { readonly stores: SavedStores },
  ): Promise<NodeReminders> {
    const { self, host, stores } = options;
    const invalid = host.meter.counter('barrel_reminders_invalid_entries_total');
    const known = await KnownHandlers.open(self, stores);
    const departures = await Departures.open(self.node, stores, host.logger);
    const store = await ReminderStore.open(stores, invalid);
    return new NodeReminders(options, { store, known, departures });
  }

  async set(
    key: Key,
    at: Date | number,
    payload: Value,
    options: ReminderOptions = {},
  ): Promise<void> {
    const request = this.#request(key, payload, options);
    const time = this.#time();
    await this.#put(onceWrite(request, dueAtOf(at, time.wallMs), time), options);
  }

  async after(
    key: Key,
    delayMs: number,
    payload: Value,
    options: ReminderOptions = {},
  ): Promise<void> {
    const request = this.#request(key, payload, options);
    const time = this.#time();
    await this.#put(onceWrite(request, dueAfter(delayMs, time.wallMs), time), options);
  }

  async every(
    key: Key,
    schedule: ReminderSchedule,
    payload: Value,
    options: ReminderOptions = {},
  ): Promise<void> {
    const request = this.#request(key, payload, options);
    checkSchedule(schedule);
    const cron = 'cron' in schedule ? await this.#cron.opened() : this.#cron;
    await this.#put(repeatedWrite(request, schedule, { ...this.#time(), cron }), options);
  }

  async cancel(key: Key, options: Cancellable = {}): Promise<void> {
    this.#checkOpen();
    const ids = this.#driver.idsOf(keyTextOf(key));
    options.signal?.throwIfAborted();
    this.#cancelled.note(ids);
    await this.#write(cancelWrites(ids), options);
  }

  async get(key: Key): Promise<Reminder | undefined> {
    this.#checkOpen();
    const current = currentOf(this.#ofKey(key));
    return current && reminderOf(current);
  }

  list(options: ReminderFilter = {}): AsyncIterable<Reminder> {
    this.#checkOpen();
    return reminderList(this.#store, options, this.#options.host.timers);
  }

  async retry(key: Key, options: Cancellable = {}): Promise<void> {
    this.#checkOpen();
    const writes = retryWrites(this.#ofKey(key), this.#options.host.clock.wallMs());
    if (writes.length === 0) throw new BarrelError('ERR_NOT_FOUND', 'nothing is dead of that key');
    await this.#write(writes, options);
  }

  handle(handler: (firing: Firing) => unknown, options: HandleOptions = {}): Disposable {
    this.#checkOpen();
    if (typeof handler !== 'function') {
      throw new BarrelError('ERR_OPTION', 'the handler of reminders must be a function');
    }
    const { prefix } = options;
    const attached = this.#handlers.attach(handler, prefix && keyPrefix(prefix));
    this.#use();
    return attached;
  }

  /** True for a process that answers to other nodes of this package alone. */
  isOwnProcess(pid: Pid): boolean {
    return this.#peers.isServed(pid);
  }

  /** Another node takes part: what it knows may not be here yet. */
  memberCame(node: NodeName): void {
    this.#departures.memberCame(node);
    if (this.#closing.signal.aborted || node === this.#options.self.node) return;
    this.#driver.memberCame();
  }

  /** `hasLeft`: by its own word. */
  memberWent(node: NodeName, hasLeft: boolean): void {
    if (hasLeft) this.#departures.memberLeft(node);
    // Whoever has its partitions now waits for its leases, and tries again.
    this.#handlers.abandonAllOf(node);
  }

  /** This node is about to leave, by `leave` or `close`; or takes part again. */
  leave(): void {
    if (this.#running !== undefined) this.#departures.leave();
  }

  join(): void {
    this.#departures.come();
  }

  /**
   * No new work; handlers are told to give up and are waited for, for `drainMs` at most; what was
   * claimed is given back for others to fire at once. Idempotent.
   */
  async close(drainMs: number): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new BarrelError('ERR_CLOSED', 'the reminders of this node are closed'));
    for (const put of this.#puts) put.reject(this.#closing.signal.reason);
    const ended = Promise.all([this.#handlers.close(), this.#running]);
    await this.#atMost(drainMs, ended);
    this.#handlers.giveUp();
    await this.#atMost(GIVE_BACK_MS, ended);
    this.#driver.close();
  }

  async #atMost(ms: number, ended: Promise<unknown>): Promise<void> {
    const late = settlement<void>();
    const timer = this.#options.host.timers.after(ms, () => late.resolve());
    await Promise.race([ended, late.promise]);
    timer[Symbol.dispose]();
  }

  /** Judges what is given before anything happens. */
  #request(key: Key, payload: Value, options: ReminderOptions): ReminderRequest {
    this.#checkOpen();
    const rules = deliveryRules(options);
    options.signal?.throwIfAborted();
    const owners =
      rules.onPartition === 'hold' ? this.#options.shards.owners(key, REMINDER_OWNERS_MAX) : [];
    return { key, payload, rules, owners };
  }

  #time(): RequestTime {
    const { clock, host } = this.#options;
    return { wallMs: host.clock.wallMs(), version: clock.now() };
  }

  async #put(write: ReminderWrite, options: ReminderOptions): Promise<void> {
    this.#checkOpen();
    this.#use();
    const { timeoutMs = CALL_TIMEOUT_MS_DEFAULT } = options;
    const over = settlement<never>();
    const limit = { timers: this.#options.host.timers, timeoutMs, signal: options.signal, over };
    this.#puts.add(over);
    try {
      await unlessOver({ ...limit, what: 'setting a reminder' }, async () => {
        const durable = this.#store.write([write]);
        await Promise.all([durable, this.#copies.held(write.id, () => this.#puts.has(over))]);
      });
    } finally {
      this.#puts.delete(over);
    }
  }

  async #write(writes: readonly ReminderWrite[], { signal }: Cancellable): Promise<void> {
    signal?.throwIfAborted();
    if (writes.length > 0) await abortable(this.#store.write(writes), signal);
  }

  #ofKey(key: Key): readonly ReminderAt[] {
    return this.#driver.idsOf(keyTextOf(key)).flatMap((id) => {
      const record = this.#store.read(id);
      return record === undefined ? [] : [{ id, record }];
    });
  }

  /** Other members, the owners of the key first. */
  #othersFor(key: Key): readonly NodeName[] {
    const { self, shards, members } = this.#options;
    const owners = shards.owners(key, REMINDER_OWNERS_MAX);
    return [...new Set([...owners, ...members()])].filter((node) => node !== self.node);
  }

  #onChange(change: ReminderChange): void {
    this.#use();
    if (change.kind !== 'stored' || !this.#cancelled.covers(change.id)) return;
    this.#options.host.timers.soon(() => void this.#removeLate(change.id));
  }

  /** Whoever has it learns of the cancel too; what cannot be written is there to be cancelled. */
  async #removeLate(id: string): Promise<void> {
    try {
      await this.#store.write(cancelWrites([id]));
    } catch (error) {
      if (!(error instanceof BarrelError)) throw error;
      this.#options.host.logger.warn('cannot remove what was cancelled', { error });
    }
  }

  /** From now on this node holds its share of the ring, and answers to others. */
  #use(): void {
    if (this.#running !== undefined || this.#closing.signal.aborted) return;
    const { shards, host } = this.#options;
    const { signal } = this.#closing;
    const { timers } = host;
    this.#peers.serve(peerAnswers({ store: this.#store, handlers: this.#handlers, timers }));
    shards.use();
    this.#running = shards
      .run((shard) => this.#hold(shard), { signal })
      .catch((error) => {
        host.logger.error('reminders do not fire on this node', { error });
      });
  }

  /** Until the partition has to go; it goes when no handler works on it any more. */
  async #hold({ partition, signal }: HeldShard): Promise<void> {
    this.#driver.hold(partition);
    const over = settlement<void>();
    if (signal.aborted) over.resolve();
    else onceAborted(signal, () => over.resolve());
    await over.promise;
    await this.#driver.letGo(partition);
  }

  /** Many changes of one turn are one change. */
  #hearAgain(): void {
    if (this.#isRehearing) return;
    this.#isRehearing = true;
    this.#options.host.timers.soon(() => {
      this.#isRehearing = false;
      this.#driver.submit({ kind: 'handlersChanged' });
    });
  }

  #checkOpen(): void {
    this.#closing.signal.throwIfAborted();
  }
}

function checkSchedule(schedule: unknown): asserts schedule is ReminderSchedule {
  const isObject = typeof schedule === 'object' && schedule !== null;
  if (isObject && 'everyMs' in schedule !== 'cron' in schedule) return;
  throw new BarrelError('ERR_OPTION', 'a schedule is { everyMs } or { cron, timeZone }');
}
