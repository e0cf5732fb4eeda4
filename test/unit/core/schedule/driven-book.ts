/** One book on virtual time, over a store, a disk and handlers that the test plays: `me@lab`. */
import { CoreInbox } from '../../../../src/cluster/core-inbox.ts';
import { packStamp } from '../../../../src/core/clock/stamp.ts';
import {
  onceWrite,
  type Repetition,
  repeatedWrite,
} from '../../../../src/core/schedule/commands.ts';
import type {
  CronPort,
  DeliverEffect,
  DeliveryOutcome,
  ReminderWrite,
  ScheduleCount,
  ScheduleEffect,
  ScheduleInput,
} from '../../../../src/core/schedule/contract.ts';
import { deliveryRules } from '../../../../src/core/schedule/delivery-options.ts';
import { isClaimedBy, type ReminderRecord } from '../../../../src/core/schedule/record.ts';
import { decodeRecord, encodeRecord } from '../../../../src/core/schedule/record-codec.ts';
import { ReminderBook } from '../../../../src/core/schedule/reminder-book.ts';
import { isOccurrenceId, keyTextOf } from '../../../../src/core/schedule/reminder-id.ts';
import type { ScheduleConfig } from '../../../../src/core/schedule/schedule-config.ts';
import type { Key } from '../../../../src/core/wire/key.ts';
import { TimerHeap } from '../../../../src/testing/timer-heap.ts';
import { everyDay } from './played-cron.ts';

export const START_MS = 1_800_000_000_000;
export const SELF = { node: 'me@lab', incarnation: 7n };
export const OTHER = { node: 'other@lab', incarnation: 3n };
export const OWNERS: readonly string[] = ['me@lab', 'other@lab', 'third@lab'];
const FULFILLED: DeliveryOutcome = { kind: 'fulfilled' };

export interface BookSettings {
  readonly config?: Partial<ScheduleConfig>;
  readonly partitions?: number;
  readonly cron?: CronPort;
  /** Neither held nor settled yet. */
  readonly isFresh?: boolean;
}

export class DrivenBook {
  readonly book: ReminderBook;
  readonly store: Map<string, ReminderRecord> = new Map();
  readonly deliveries: DeliverEffect[] = [];
  readonly abandoned: number[] = [];
  readonly released: number[] = [];
  readonly asked: number[] = [];
  /** Whom the last question was for. */
  askedOf: readonly string[] = [];
  leavers: readonly string[] = [];
  readonly writes: ReminderWrite[][] = [];
  readonly counts: Map<ScheduleCount, number> = new Map();
  timersSet: number = 0;
  reads: number = 0;
  nowMs: number = 0;
  wallMs: number = START_MS;
  disk: 'works' | 'waits' | 'loses' | 'refuses' = 'works';
  canHandle: (keyText: string) => boolean = () => true;
  readonly #cron: CronPort;
  readonly #waiting: number[] = [];
  readonly #heap = new TimerHeap();
  #versions = 0;
  readonly #inbox = new CoreInbox<ScheduleInput>((input) => {
    for (const effect of this.book.handle(input, this)) this.#perform(effect);
  });

  constructor({ config = {}, partitions = 1, cron = everyDay, isFresh }: BookSettings = {}) {
    this.#cron = cron;
    this.book = new ReminderBook({
      self: SELF,
      cron,
      read: (id) => {
        this.reads += 1;
        return this.store.get(id);
      },
      partitionOf: (keyText) => (keyText.codePointAt(keyText.length - 1) ?? 0) % partitions,
      canHandle: (keyText) => this.canHandle(keyText),
      hasLeft: (node) => this.leavers.includes(node),
      config: { graceMs: 0, ...config },
    });
    if (isFresh === true) return;
    this.hold(...Array.from({ length: partitions }, (_, partition) => partition));
    this.do({ kind: 'settled' });
  }

  do(input: ScheduleInput): void {
    this.#inbox.submit(input);
  }

  hold(...partitions: readonly number[]): void {
    this.do({ kind: 'held', partitions });
  }

  letGo(...partitions: readonly number[]): void {
    this.do({ kind: 'letGo', partitions });
  }

  /** Sets a reminder; returns its id. */
  set(key: Key, inMs: number, options: object = {}): string {
    const dueAtMs = Math.ceil(this.wallMs) + inMs;
    const write = onceWrite(this.#request(key, options), dueAtMs, this.#time());
    return this.put(write);
  }

  every(key: Key, repetition: Repetition, options: object = {}): string {
    const time = { ...this.#time(), cron: this.#cron };
    return this.put(repeatedWrite(this.#request(key, options), repetition, time));
  }

  /** A write that comes from a user or another node. */
  put({ id, record }: ReminderWrite): string {
    if (record === undefined) this.remove(id);
    else {
      this.store.set(id, decodeRecord(encodeRecord(record)));
      this.do({ kind: 'stored', id, isClaimed: record.state.kind === 'claimed' });
    }
    return id;
  }

  /** Changes a record as another node would. */
  change(id: string, change: Partial<ReminderRecord>): void {
    const record = this.get(id);
    this.put({ id, record: { ...record, step: record.step + 1, ...change } });
  }

  claimByOther(id: string, attempt = 1): void {
    const claim = { kind: 'claimed', attempt, by: OTHER, leaseMs: 10_000, error: undefined };
    this.change(id, { state: claim as ReminderRecord['state'] });
  }

  remove(id: string): void {
    if (this.store.delete(id)) this.do({ kind: 'removed', id });
  }

  get(id: string): ReminderRecord {
    const record = this.store.get(id);
    if (record === undefined) throw new Error('no such record');
    return record;
  }

  state(id: string): string {
    const { state } = this.get(id);
    return `${state.kind} ${state.attempt}`;
  }

  /** Ids of occurrences that left their series. */
  get apart(): readonly string[] {
    return [...this.store.keys()].filter(isOccurrenceId);
  }

  /** Ends the delivery of that index, the last one by default. */
  end(outcome: DeliveryOutcome = FULFILLED, index = -1): void {
    const token = this.deliveries.at(index)?.token ?? 0;
    this.do({ kind: 'outcome', token, outcome });
  }

  reject(error = 'no', index = -1): void {
    this.end({ kind: 'rejected', error }, index);
  }

  acknowledge(isMajority = true): void {
    this.do({ kind: 'acknowledged', token: this.asked.at(-1) ?? 0, isMajority });
  }

  /** The disk does its work, or not. */
  written(isDurable = true): void {
    for (const token of this.#waiting.splice(0)) this.do({ kind: 'written', token, isDurable });
  }

  count(what: ScheduleCount): number {
    return this.counts.get(what) ?? 0;
  }

  /** When each delivery was due, in seconds from the start. */
  get dueSeconds(): readonly number[] {
    return this.deliveries.map(({ dueAtMs }) => (dueAtMs - START_MS) / 1_000);
  }

  /** Both clocks go on, and what is due meanwhile fires. */
  run(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let next = this.#heap.popDue(endMs); next; next = this.#heap.popDue(endMs)) {
      this.#advance(Math.max(this.nowMs, next.dueMs));
      next.callback?.();
    }
    this.#advance(endMs);
  }

  /** The wall clock is set by so much; nobody is told. */
  step(ms: number): void {
    this.wallMs += ms;
  }

  #advance(toMs: number): void {
    this.wallMs += toMs - this.nowMs;
    this.nowMs = toMs;
  }

  #request(key: Key, options: object): Parameters<typeof onceWrite>[0] {
    const rules = deliveryRules(options);
    return { key, payload: { for: keyTextOf(key).length }, rules, owners: OWNERS };
  }

  #time(): { readonly wallMs: number; readonly version: bigint } {
    this.#versions += 1;
    return { wallMs: this.wallMs, version: packStamp(Math.floor(this.wallMs), this.#versions) };
  }

  #perform(effect: ScheduleEffect): void {
    switch (effect.kind) {
      case 'write':
        this.#write(effect.token, effect.writes);
        break;
      case 'ask':
        this.asked.push(effect.token);
        this.askedOf = effect.owners;
        break;
      case 'deliver':
        this.deliveries.push(effect);
        break;
      case 'abandon':
        this.abandoned.push(effect.token);
        break;
      case 'released':
        this.released.push(...effect.partitions);
        break;
      case 'schedule': {
        this.timersSet += 1;
        const { timer, delayMs } = effect;
        this.#heap.push(this.nowMs + delayMs, () => this.do({ kind: 'timerFired', timer }));
        break;
      }
      case 'count':
        this.counts.set(effect.what, this.count(effect.what) + effect.count);
        break;
    }
  }

  /** A write of the book that the store would not take is a fault of the book. */
  #expectHigher({ id, record }: ReminderWrite): void {
    const known = this.store.get(id);
    if (record === undefined || known === undefined || isRankAbove(record, known)) return;
    // An own claim that came to no delivery is made again as it was.
    if (isSameClaim(record, known)) return;
    throw new Error('a write that does not raise the rank');
  }

  #write(token: number, writes: readonly ReminderWrite[]): void {
    for (const write of writes) this.#expectHigher(write);
    this.writes.push([...writes]);
    if (this.disk !== 'refuses') for (const write of writes) this.put(write);
    if (this.disk === 'waits') this.#waiting.push(token);
    else this.do({ kind: 'written', token, isDurable: this.disk === 'works' });
  }
}

function isSameClaim(a: ReminderRecord, b: ReminderRecord): boolean {
  return a.state.kind === 'claimed' && isRankSame(a, b) && isClaimedBy(b, SELF);
}

function isRankSame(a: ReminderRecord, b: ReminderRecord): boolean {
  return a.occurrence === b.occurrence && a.step === b.step;
}

/** Occurrence before step. */
function isRankAbove(a: ReminderRecord, b: ReminderRecord): boolean {
  return a.occurrence !== b.occurrence ? a.occurrence > b.occurrence : a.step > b.step;
}

/** The tests' short word for the other mode. */
export const LEAST_ONCE = { delivery: 'at-least-once' } as const;
