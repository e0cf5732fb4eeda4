/** Runs the book of reminders of one node: carries out its effects, tells it what comes back. */
import { CoreInbox } from '../cluster/core-inbox.ts';
import type { NodeRef } from '../cluster/ports.ts';
import type {
  DeliverEffect,
  DeliveryOutcome,
  ReminderBookOptions,
  ReminderWrite,
  ScheduleCount,
  ScheduleEffect,
  ScheduleInput,
} from '../core/schedule/contract.ts';
import type { ReminderRecord } from '../core/schedule/record.ts';
import { ReminderBook } from '../core/schedule/reminder-book.ts';
import { unreachable } from '../core/unreachable.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { Counter } from '../host/meter.ts';
import type { CronGate } from './cron-gate.ts';
import type { ReminderStore } from './reminder-store.ts';
import { SettlingBarrier } from './settling-barrier.ts';

type Ask = Extract<ScheduleEffect, { readonly kind: 'ask' }>;
type Write = Extract<ScheduleEffect, { readonly kind: 'write' }>;

export interface ScheduleDriverOptions
  extends Pick<ReminderBookOptions, 'partitionOf' | 'canHandle' | 'hasLeft'> {
  readonly self: NodeRef;
  readonly host: Pick<Host, 'clock' | 'timers' | 'logger' | 'meter'>;
  readonly store: ReminderStore;
  readonly cron: CronGate;
  /** To the handler of the key, wherever that is. Never rejects. */
  readonly deliver: (effect: DeliverEffect) => Promise<DeliveryOutcome>;
  readonly abandon: (token: number) => void;
  /** What is written is on disk when it is durable. */
  readonly isKept: boolean;
  /** Resolves when those who would fire it next know of the write, or not in time. */
  readonly told: (write: ReminderWrite) => Promise<void>;
  /** Whether a majority of those nodes has that claim. Never rejects. */
  readonly ask: (ask: Ask) => Promise<boolean>;
}

export class ScheduleDriver {
  readonly #options: ScheduleDriverOptions;
  readonly #book: ReminderBook;
  readonly #inbox: CoreInbox<ScheduleInput>;
  readonly #barrier: SettlingBarrier;
  readonly #counters: Readonly<Record<ScheduleCount, Counter>>;
  readonly #lateness: Counter;
  /** Called when nothing works on the partition any more. */
  readonly #releases = new Map<number, () => void>();
  /** Partitions that came and go in this turn. */
  #held: number[] = [];
  #letGo: number[] = [];
  #isTurning = false;

  constructor(options: ScheduleDriverOptions) {
    const { self, host, store, cron, partitionOf, canHandle, hasLeft } = options;
    const { meter } = host;
    this.#options = options;
    this.#book = new ReminderBook({
      self,
      cron,
      partitionOf,
      canHandle,
      hasLeft,
      read: (id) => cron.admit(id, store.read(id)),
    });
    this.#inbox = new CoreInbox((input) => this.#apply(input));
    this.#barrier = new SettlingBarrier(host, (kind) => this.submit({ kind }));
    this.#counters = {
      fired: meter.counter('barrel_reminders_fired_total'),
      retried: meter.counter('barrel_reminders_retried_total'),
      fulfilled: meter.counter('barrel_reminders_fulfilled_total'),
      rejected: meter.counter('barrel_reminders_rejected_total'),
      dead: meter.counter('barrel_reminders_dead_total'),
      skipped: meter.counter('barrel_reminders_skipped_total'),
      lost: meter.counter('barrel_reminders_lost_total'),
      dropped: meter.counter('barrel_reminders_dropped_total'),
    };
    this.#lateness = meter.counter('barrel_reminders_late_ms_total');
    meter.gauge('barrel_reminders_armed', () => this.#book.heldCount);
    meter.gauge('barrel_reminders_busy', () => this.#book.busyCount);
    meter.gauge('barrel_reminders_unheard', () => this.#book.unheardCount);
    cron.onOpen((ids) => this.#lookAgain(ids));
    for (const change of store.changes()) this.submit(change);
    store.onChange((change) => this.submit(change));
    this.#barrier.start(!store.isEmpty);
  }

  submit(input: ScheduleInput): void {
    this.#inbox.submit(input);
  }

  /** Ids of that key that the store has, in no order. */
  idsOf(keyText: string): readonly string[] {
    return this.#book.idsOf(keyText);
  }

  /** A member came: what it knows may not be here yet. */
  memberCame(): void {
    this.#barrier.raise();
  }

  /** This node holds the partition from now on. */
  hold(partition: number): void {
    this.#held.push(partition);
    this.#turnSoon();
  }

  /** Resolves when nothing here works on the partition any more. */
  letGo(partition: number): Promise<void> {
    this.#letGo.push(partition);
    this.#turnSoon();
    return new Promise((resolve) => this.#releases.set(partition, resolve));
  }

  /** Nothing happens any more. */
  close(): void {
    this.#barrier.end();
    this.#inbox.close();
    for (const release of this.#releases.values()) release();
    this.#releases.clear();
  }

  /** Thousands of partitions may come at once. */
  #turnSoon(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    this.#options.host.timers.soon(() => this.#turn());
  }

  #turn(): void {
    const [held, letGo] = [this.#held, this.#letGo];
    this.#isTurning = false;
    this.#held = [];
    this.#letGo = [];
    if (held.length > 0) this.submit({ kind: 'held', partitions: held });
    if (letGo.length > 0) this.submit({ kind: 'letGo', partitions: letGo });
  }

  #lookAgain(ids: readonly string[]): void {
    for (const id of ids) {
      const record: ReminderRecord | undefined = this.#options.store.read(id);
      if (record === undefined) continue;
      this.submit({ kind: 'stored', id, isClaimed: record.state.kind === 'claimed' });
    }
  }

  #apply(input: ScheduleInput): void {
    const { clock } = this.#options.host;
    const time = { nowMs: clock.monotonicMs(), wallMs: clock.wallMs() };
    for (const effect of this.#book.handle(input, time)) this.#perform(effect);
  }

  #perform(effect: ScheduleEffect): void {
    const { host, abandon } = this.#options;
    switch (effect.kind) {
      case 'write':
        void this.#write(effect);
        break;
      case 'ask':
        void this.#ask(effect);
        break;
      case 'deliver':
        void this.#deliver(effect);
        break;
      case 'abandon':
        abandon(effect.token);
        break;
      case 'released':
        for (const partition of effect.partitions) this.#release(partition);
        break;
      case 'schedule': {
        const { timer, delayMs } = effect;
        host.timers.after(delayMs, () => this.submit({ kind: 'timerFired', timer }));
        break;
      }
      case 'count':
        this.#counters[effect.what].value += effect.count;
        break;
      default:
        unreachable(effect);
    }
  }

  /** Readers see it before this returns, so that the book finds what it has written. */
  async #write({ token, writes, before }: Write): Promise<void> {
    const { store, isKept, told } = this.#options;
    const isTold = before === 'onlyDelivery' || (before === 'attempt' && !isKept);
    let isDurable = true;
    try {
      const durable = store.write(writes);
      const [first] = writes;
      await Promise.all([durable, isTold && first !== undefined ? told(first) : undefined]);
    } catch (error) {
      if (!(error instanceof BarrelError)) throw error;
      isDurable = false;
    }
    this.submit({ kind: 'written', token, isDurable });
  }

  async #ask(ask: Ask): Promise<void> {
    const isMajority = await this.#options.ask(ask);
    this.submit({ kind: 'acknowledged', token: ask.token, isMajority });
  }

  async #deliver(effect: DeliverEffect): Promise<void> {
    this.#lateness.value += effect.lateMs;
    const outcome = await this.#options.deliver(effect);
    this.submit({ kind: 'outcome', token: effect.token, outcome });
  }

  #release(partition: number): void {
    this.#releases.get(partition)?.();
    this.#releases.delete(partition);
  }
}
