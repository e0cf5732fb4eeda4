/**
 * When a reminder is due, and what is done then. Every node has a book; the holder of a key's
 * partition is the one that fires it.
 *
 * - At most once: removed, or moved to the next occurrence, durably; then delivered.
 * - At least once: claimed durably, then delivered; removed or moved on when the handler is done,
 *   else tried again after a pause, or dead. While the handler runs the claim is renewed.
 * - Who comes to hold a partition waits until the claims of others in it have run out as seen here,
 *   or were given back, and then makes the next attempt.
 * - What nobody can handle stays as it is and waits.
 *
 * Due times are wall time, and no first attempt is made before them by this node's wall clock.
 * Leases and pauses are monotonic time, so that a step of the wall clock ends none of them.
 */
import { unreachable } from '../unreachable.ts';
import { Agenda } from './agenda.ts';
import { ClaimsSeen } from './claims-seen.ts';
import type {
  ReminderBookOptions,
  ScheduleEffect,
  ScheduleInput,
  ScheduleTime,
} from './contract.ts';
import { Deliveries } from './deliveries.ts';
import { isClaimedBy, type ReminderRecord } from './record.ts';
import { nextDue, turnOf } from './recurrence.ts';
import { isOccurrenceId, keyPartOf } from './reminder-id.ts';
import { SCHEDULE_DEFAULTS, type ScheduleConfig } from './schedule-config.ts';
import { APART_MAX, DELIVERIES_MAX, LOOKS_MAX } from './schedule-limits.ts';
import { ScheduleOutbox } from './schedule-outbox.ts';
import { Shelf } from './shelf.ts';
import type { Slip } from './slip.ts';
import { backoffMs, givenBack, movedTo, type ReminderAt } from './transitions.ts';

const GONE = 'the node that had it is gone';

/** The reminders of one node. No clock, no store: facts in, effects out. */
export class ReminderBook {
  readonly #options: ReminderBookOptions;
  readonly #config: ScheduleConfig;
  readonly #outbox = new ScheduleOutbox();
  readonly #agenda = new Agenda();
  readonly #claimsSeen = new ClaimsSeen();
  readonly #shelf: Shelf;
  readonly #deliveries: Deliveries;
  /** Partitions that are to go once nothing here works on them. */
  readonly #leaving = new Set<number>();
  #isSettled = false;

  constructor(options: ReminderBookOptions) {
    this.#options = options;
    const config = { ...SCHEDULE_DEFAULTS, ...options.config };
    this.#config = { ...config, deliveriesMax: Math.min(config.deliveriesMax, DELIVERIES_MAX) };
    const shelf = new Shelf(options.partitionOf);
    this.#shelf = shelf;
    this.#deliveries = new Deliveries({
      book: options,
      config: this.#config,
      outbox: this.#outbox,
      isSettled: () => this.#isSettled,
      partitionOfId: (id) => shelf.partitionOfId(id),
      holds: (partition) => shelf.holds(partition),
      isReplaced: (id) => shelf.isReplaced(id),
      tooManyApart: (id) => this.#tooManyApart(id),
      onRunning: (at, pauseMs) => this.#onRunning(at, pauseMs),
      onFree: (id, pauseMs) => this.#onFree(id, pauseMs),
      onIdle: (partition) => this.#onIdle(partition),
    });
  }

  /** Records in partitions that this node holds, dead ones too. */
  get heldCount(): number {
    return this.#shelf.heldCount;
  }

  /** Occurrences that are worked on. */
  get busyCount(): number {
    return this.#deliveries.size;
  }

  /** Due ones that nobody can handle. */
  get unheardCount(): number {
    return this.#agenda.unheardCount;
  }

  /** Ids of that key that the store has, in no order. Costs as much as is in its partition. */
  idsOf(keyText: string): readonly string[] {
    return this.#shelf.idsOf(keyText);
  }

  /**
   * Applies one input; returns its effects in the order in which the driver must carry them out.
   * Never throws for what a record says.
   */
  handle(input: ScheduleInput, time: ScheduleTime): readonly ScheduleEffect[] {
    this.#outbox.time = time;
    this.#apply(input);
    this.#deliveries.renewDue(time.nowMs);
    this.#agenda.ripen(time.nowMs);
    this.#lookAtDue();
    this.#setTimer();
    return this.#outbox.take();
  }

  #apply(input: ScheduleInput): void {
    switch (input.kind) {
      case 'stored':
        this.#onStored(input.id, input.isClaimed);
        break;
      case 'removed':
        this.#onRemoved(input.id);
        break;
      case 'held':
        for (const partition of input.partitions) this.#hold(partition);
        break;
      case 'letGo':
        for (const partition of input.partitions) this.#letGo(partition);
        break;
      case 'unsettled':
        this.#isSettled = false;
        break;
      case 'settled':
        this.#isSettled = true;
        break;
      case 'handlersChanged':
        this.#agenda.hearAgain();
        break;
      case 'written':
        this.#deliveries.onWritten(input);
        break;
      case 'acknowledged':
        this.#deliveries.onAcknowledged(input);
        break;
      case 'outcome':
        this.#deliveries.onOutcome(input);
        break;
      case 'timerFired':
        this.#outbox.takeTimer(input.timer);
        break;
      default:
        unreachable(input);
    }
  }

  #onStored(id: string, isClaimed: boolean): void {
    const shelved = this.#shelf.add(id);
    this.#deliveries.recheck(id);
    if (shelved === undefined) {
      if (isClaimed) this.#claimsSeen.note(id, this.#nowMs);
      else this.#claimsSeen.forget(id);
      return;
    }
    const { slip, isOtherVersion } = shelved;
    if (slip.stage !== 'busy') this.#arrange(slip);
    if (isOtherVersion) this.#arrangeSiblings(id);
  }

  #onRemoved(id: string): void {
    const shelved = this.#shelf.remove(id);
    if (shelved !== undefined) this.#agenda.clear(shelved.slip);
    this.#claimsSeen.forget(id);
    this.#deliveries.recheck(id);
    if (shelved?.isOtherVersion === true) this.#arrangeSiblings(id);
  }

  /** Which ids of a key count may be other than before. */
  #arrangeSiblings(id: string): void {
    for (const slip of this.#shelf.family(id)) {
      if (slip.id === id) continue;
      if (slip.stage === 'busy') this.#deliveries.recheck(slip.id);
      else if (this.#shelf.isReplaced(slip.id)) this.#agenda.ripe(slip);
      else if (slip.stage === 'still') this.#arrange(slip);
    }
  }

  #hold(partition: number): void {
    this.#leaving.delete(partition);
    for (const slip of this.#shelf.hold(partition, this.#nowMs)) {
      this.#arrange(slip, { seenMs: this.#claimsSeen.take(slip.id) });
    }
  }

  #letGo(partition: number): void {
    for (const slip of this.#shelf.letGo(partition)) {
      if (slip.stage === 'paused' || slip.stage === 'ripe') this.#giveBack(slip.id);
      this.#agenda.clear(slip);
    }
    this.#leaving.add(partition);
    this.#deliveries.letGo(partition);
    if (!this.#deliveries.isBusyIn(partition)) this.#onIdle(partition);
  }

  /** A claim of this node that came to no delivery. */
  #giveBack(id: string): void {
    const record = this.#options.read(id);
    if (record === undefined || !isClaimedBy(record, this.#options.self)) return;
    const free = givenBack(record, false);
    this.#deliveries.change({ id, record }, { writes: [{ id, record: free }], skipped: 0 });
  }

  #onIdle(partition: number): void {
    if (!this.#leaving.delete(partition)) return;
    this.#outbox.push({ kind: 'released', partitions: [partition] });
  }

  /** Where occurrences may overlap, the next one has its turn while this one is handled. */
  #onRunning({ id, record }: ReminderAt, pauseMs: number): void {
    const slip = this.#shelf.find(id);
    if (slip === undefined || record.rules.overlap !== 'allow' || isOccurrenceId(id)) return;
    const nextMs = nextDue(record.schedule, record.dueAtMs, this.#options.cron);
    const leastMs = this.#outbox.time.wallMs + pauseMs;
    if (nextMs !== undefined) this.#agenda.alarm(slip, Math.max(nextMs, leastMs));
  }

  #onFree(id: string, pauseMs: number): void {
    const slip = this.#shelf.find(id);
    if (slip !== undefined) this.#arrange(slip, { pauseMs });
  }

  /** When it has its next turn. `seenMs`: when its claim was seen, if not now. */
  #arrange(
    slip: Slip,
    how: { readonly pauseMs?: number; readonly seenMs?: number | undefined } = {},
  ): void {
    const { pauseMs = 0, seenMs = this.#nowMs } = how;
    const record = this.#options.read(slip.id);
    if (this.#deliveries.isBusy(slip.id)) this.#agenda.busy(slip);
    else if (record === undefined) this.#agenda.clear(slip);
    else if (pauseMs > 0) this.#agenda.pause(slip, this.#nowMs + pauseMs);
    else if (this.#shelf.isReplaced(slip.id)) this.#agenda.ripe(slip);
    else this.#arrangeFree(slip, record, seenMs);
  }

  #arrangeFree(slip: Slip, record: ReminderRecord, seenMs: number): void {
    const { state, dueAtMs } = record;
    switch (state.kind) {
      case 'dead':
        this.#agenda.clear(slip);
        break;
      case 'scheduled':
        if (state.attempt === 0) this.#agenda.due(slip, Math.max(dueAtMs, state.notBeforeMs));
        else this.#agenda.pause(slip, this.#nowMs + this.#pauseLeft(record));
        break;
      case 'claimed': {
        // An earlier start of this node is over.
        const isOwn = state.by.node === this.#options.self.node;
        this.#agenda.pause(slip, isOwn ? this.#nowMs : seenMs + state.leaseMs);
        break;
      }
      default:
        unreachable(state);
    }
  }

  /** Until the next attempt; never longer than its whole pause, whatever the wall clocks say. */
  #pauseLeft(record: ReminderRecord): number {
    const { state } = record;
    const notBeforeMs = state.kind === 'scheduled' ? state.notBeforeMs : 0;
    const leftMs = notBeforeMs - this.#outbox.time.wallMs;
    return Math.min(Math.max(0, leftMs), backoffMs(record));
  }

  /** The oldest dead occurrence of a series that has as many as may be. */
  #tooManyApart(id: string): string | undefined {
    if (this.#shelf.apartOf(id) < APART_MAX) return undefined;
    for (const slip of this.#shelf.family(id)) {
      const isDead = this.#options.read(slip.id)?.state.kind === 'dead';
      if (isDead && isOccurrenceId(slip.id)) return slip.id;
    }
    return undefined;
  }

  #lookAtDue(): void {
    for (let looks = 0; looks < LOOKS_MAX && this.#hasRoom; looks += 1) {
      const slip = this.#agenda.takeDue(this.#outbox.time.wallMs);
      if (slip === undefined) return;
      if (slip.stage === 'busy') this.#deliveries.split(slip.id);
      else this.#look(slip);
    }
  }

  get #hasRoom(): boolean {
    return this.#isSettled && this.#deliveries.size < this.#config.deliveriesMax;
  }

  #look(slip: Slip): void {
    const { id } = slip;
    const record = this.#options.read(id);
    const heldSinceMs = this.#shelf.heldSinceMs(this.#shelf.partitionOfId(id)) ?? 0;
    const graceEndMs = heldSinceMs + this.#config.graceMs;
    if (record === undefined) this.#agenda.clear(slip);
    else if (this.#nowMs < graceEndMs) this.#agenda.pause(slip, graceEndMs);
    else if (this.#shelf.isReplaced(id)) this.#replace(slip, record);
    else if (record.state.kind === 'dead') this.#agenda.clear(slip);
    // It has its turn when the earlier one is removed, which therefore never comes back.
    else if (this.#shelf.replacesOther(id)) this.#agenda.clear(slip);
    else if (isEarly(record, this.#outbox.time)) this.#agenda.due(slip, record.dueAtMs);
    else if (this.#options.canHandle(keyPartOf(id))) this.#turn(slip, record);
    else this.#agenda.unheard(slip);
  }

  #replace(slip: Slip, record: ReminderRecord): void {
    const { id } = slip;
    this.#agenda.busy(slip);
    this.#deliveries.change({ id, record }, { writes: [{ id, record: undefined }], skipped: 0 });
  }

  /** It is due, it may be fired here, and somebody can handle it. */
  #turn(slip: Slip, record: ReminderRecord): void {
    const { id } = slip;
    const { cron } = this.#options;
    const times = { wallMs: this.#outbox.time.wallMs, missedMs: this.#config.missedMs };
    this.#agenda.busy(slip);
    if (this.#isSpent(record)) {
      this.#deliveries.fail({ id, record }, GONE);
      return;
    }
    const { isFired, dueAtMs, catchUpLeft, skipped } = turnOf(record, times, cron);
    const isSame = dueAtMs === record.dueAtMs && catchUpLeft === record.catchUpLeft;
    const next =
      isSame || dueAtMs === undefined
        ? record
        : movedTo(record, { dueAtMs, catchUpLeft, notBeforeMs: 0 });
    if (isFired) this.#fire({ id, record: next }, skipped);
    else {
      const write = { id, record: dueAtMs === undefined ? undefined : next };
      this.#deliveries.change({ id, record }, { writes: [write], skipped });
    }
  }

  /** At most once is taken without a claim, unless owners have to know of it before. */
  #fire(at: ReminderAt, skipped: number): void {
    const { rules, owners } = at.record;
    const isAsked = rules.onPartition === 'hold' && owners.length > 0;
    if (rules.delivery === 'at-most-once' && !isAsked) this.#deliveries.take(at, skipped);
    else this.#deliveries.claim(at, skipped);
  }

  /** Its last attempt ended with its node. What is delivered at most once was not delivered yet. */
  #isSpent(record: ReminderRecord): boolean {
    const { rules, state } = record;
    if (rules.delivery === 'at-most-once' || state.kind !== 'claimed') return false;
    return state.attempt >= rules.maxAttempts && !isClaimedBy(record, this.#options.self);
  }

  #setTimer(): void {
    const { time } = this.#outbox;
    const dueMs = this.#hasRoom
      ? this.#agenda.dueLookMs(time, this.#config.rereadMs)
      : Number.POSITIVE_INFINITY;
    const atMs = Math.min(dueMs, this.#agenda.pauseEndMs, this.#deliveries.nextMs);
    if (atMs !== Number.POSITIVE_INFINITY) this.#outbox.wake(atMs);
  }

  get #nowMs(): number {
    return this.#outbox.time.nowMs;
  }
}

/** The wall clock was set back: a first attempt waits for its time again. */
function isEarly({ state, dueAtMs }: ReminderRecord, { wallMs }: ScheduleTime): boolean {
  return state.kind === 'scheduled' && state.attempt === 0 && dueAtMs > wallMs;
}
