/**
 * What is done with an occurrence that has its turn, from the first write to the last. Whatever is
 * under way under an id, nothing else is begun under it.
 */
import { unreachable } from '../unreachable.ts';
import type { DeliveryOutcome, ReminderBookOptions, ScheduleInput } from './contract.ts';
import { DueHeap } from './due-heap.ts';
import { fenceOf, isClaimedBy, type ReminderRecord } from './record.ts';
import { versionOf } from './reminder-id.ts';
import type { ScheduleConfig } from './schedule-config.ts';
import type { ScheduleOutbox } from './schedule-outbox.ts';
import {
  apart,
  type Change,
  claimed,
  completed,
  failed,
  givenBack,
  type Passage,
  type ReminderAt,
  renewed,
} from './transitions.ts';
import { beforeOf, type Work, Works } from './work.ts';

/** What deliveries stand on. */
export interface DeliveryGround {
  readonly book: ReminderBookOptions;
  readonly config: ScheduleConfig;
  readonly outbox: ScheduleOutbox;
  readonly isSettled: () => boolean;
  readonly partitionOfId: (id: string) => number;
  readonly holds: (partition: number) => boolean;
  /** A later version of its key is there. */
  readonly isReplaced: (id: string) => boolean;
  /** What has to go before one more occurrence leaves the series of that id. */
  readonly tooManyApart: (id: string) => string | undefined;
  /** A delivery of it is on; `pauseMs`: it shall not be split off before. */
  readonly onRunning: (at: ReminderAt, pauseMs: number) => void;
  /** Nothing is under way under that id any more: it has its next turn, after that pause. */
  readonly onFree: (id: string, pauseMs: number) => void;
  /** Nothing is under way in that partition any more. */
  readonly onIdle: (partition: number) => void;
}

type Answer<K extends ScheduleInput['kind']> = Extract<ScheduleInput, { readonly kind: K }>;

export class Deliveries {
  readonly #ground: DeliveryGround;
  readonly #works = new Works();
  /** When claims are renewed, and writes that failed are made again. */
  readonly #renewals = new DueHeap<Work>();

  constructor(ground: DeliveryGround) {
    this.#ground = ground;
  }

  get size(): number {
    return this.#works.size;
  }

  /** In monotonic time. */
  get nextMs(): number {
    return this.#renewals.first?.atMs ?? Number.POSITIVE_INFINITY;
  }

  isBusy(id: string): boolean {
    return this.#works.ofId(id) !== undefined;
  }

  isBusyIn(partition: number): boolean {
    return this.#works.isBusy(partition);
  }

  /** Claims it, then delivers it; so many before it are passed over. */
  claim({ id, record }: ReminderAt, skipped: number): void {
    const claim = claimed(record, this.#terms);
    const work = this.#begin({ id, record: claim }, 'claiming');
    this.#write(work, { writes: [{ id, record: claim }], skipped });
  }

  /** Removes it or moves it on, then delivers it; so many before it are passed over. */
  take(at: ReminderAt, skipped: number): void {
    this.#take(this.#begin(at, 'taking'), skipped);
  }

  /** Its last attempt has failed without a word. */
  fail(at: ReminderAt, error: string): void {
    this.change(at, this.#failed(at, error));
  }

  /** Writes something that leads to no delivery. */
  change(at: ReminderAt, change: Change): void {
    this.#write(this.#begin(at, 'changing'), change);
  }

  /** The occurrence under way gets an id of its own; the series goes on beside it. */
  split(id: string): void {
    const work = this.#works.ofId(id);
    const record = this.#ground.book.read(id);
    if (work?.stage !== 'running' || record === undefined || !this.#isOurs(work, record)) return;
    const change = apart({ id, record }, renewed(record), this.#passage);
    const [first] = change.writes;
    if (first === undefined || first.id === id) return;
    this.#works.rename(work, first.id);
    const moving = this.#begin({ id, record }, 'changing');
    moving.splitOff = work;
    this.#write(moving, change);
  }

  /**
   * The store has changed under that id, or its key has a later version: what was removed or
   * replaced ends here, what somebody else has claimed may still say that it is done.
   */
  recheck(id: string): void {
    const work = this.#works.ofId(id);
    if (work?.stage !== 'running') return;
    const record = this.#ground.book.read(id);
    if (record === undefined || this.#ground.isReplaced(id)) this.#disown(work);
    else if (!this.#isOurs(work, record)) this.#abandon(work);
  }

  /** Handlers in that partition are told to give up. */
  letGo(partition: number): void {
    for (const work of this.#works.ofPartition(partition)) {
      if (work.stage === 'running') this.#abandon(work);
    }
  }

  renewDue(nowMs: number): void {
    for (let work = this.#renewals.takeDue(nowMs); work; work = this.#renewals.takeDue(nowMs)) {
      if (work.stage === 'running') this.#renew(work);
      else this.#writeEnd(work);
    }
  }

  onWritten({ token, isDurable }: Answer<'written'>): void {
    const work = this.#works.take(token);
    if (work === undefined) return;
    if (work.renewalToken === token) {
      work.renewalToken = 0;
      return;
    }
    if (isDurable && work.change !== undefined) this.#ground.outbox.countOf(work.change);
    this.#onWritten(work, isDurable);
  }

  onAcknowledged({ token, isMajority }: Answer<'acknowledged'>): void {
    const work = this.#works.take(token);
    if (work?.stage !== 'asking') return;
    if (!isMajority && this.#ground.holds(work.partition)) {
      this.#end(work, this.#ground.config.askMs);
    } else if (this.#mayGoOn(work)) this.#onAllowed(work);
  }

  onOutcome({ token, outcome }: Answer<'outcome'>): void {
    const work = this.#works.take(token);
    if (work?.stage !== 'running' && work?.stage !== 'given') return;
    const { outbox } = this.#ground;
    if (outcome.kind !== 'undelivered') outbox.count(outcome.kind);
    else if (work.stage === 'given' && !work.isAbandoned) outbox.count('lost');
    if (work.stage === 'given') this.#works.end(work);
    else this.#finish(work, outcome);
  }

  #onWritten(work: Work, isDurable: boolean): void {
    const { retryMs } = this.#ground.config;
    switch (work.stage) {
      case 'claiming':
        if (!isDurable) this.#end(work, retryMs);
        else if (this.#mayGoOn(work)) this.#onClaimed(work);
        break;
      case 'taking':
        if (isDurable) this.#give(work);
        else this.#onNotTaken(work);
        break;
      case 'ending':
        this.#onEnded(work, isDurable);
        break;
      case 'changing':
        this.#onChanged(work, isDurable);
        break;
      case 'asking':
      case 'running':
      case 'given':
        break;
      default:
        unreachable(work.stage);
    }
  }

  /** What is gone although it could not be made durable is not delivered: it might come back. */
  #onNotTaken(work: Work): void {
    const record = this.#ground.book.read(work.id);
    if (record?.occurrence !== work.record.occurrence) this.#ground.outbox.count('lost');
    this.#end(work, this.#ground.config.retryMs);
  }

  #onEnded(work: Work, isDurable: boolean): void {
    const { retryMs } = this.#ground.config;
    if (!isDurable) this.#renewals.set(work, this.#nowMs + retryMs);
    else this.#end(work, work.outcome?.kind === 'undelivered' ? retryMs : 0);
  }

  #onChanged(work: Work, isDurable: boolean): void {
    const { splitOff } = work;
    this.#end(work, isDurable ? 0 : this.#ground.config.retryMs);
    if (isDurable || splitOff === undefined || splitOff.stage !== 'running') return;
    // A write that was refused has split nothing off.
    if (this.#ground.book.read(splitOff.id) !== undefined) return;
    this.#works.rename(splitOff, work.id);
    this.#ground.onRunning(splitOff, this.#ground.config.retryMs);
  }

  /** False when the claim is void, or nothing may be fired here now: then it is seen to. */
  #mayGoOn(work: Work): boolean {
    const record = this.#ground.book.read(work.id);
    const isVoid = record === undefined || !this.#isOurs(work, record);
    if (isVoid || this.#ground.isReplaced(work.id)) this.#end(work, 0);
    else if (!this.#ground.holds(work.partition)) this.#finish(work, { kind: 'undelivered' });
    else if (!this.#ground.isSettled()) this.#end(work, this.#ground.config.retryMs);
    else return true;
    return false;
  }

  #onClaimed(work: Work): void {
    const { rules } = work.record;
    const owners = work.record.owners.filter((owner) => !this.#ground.book.hasLeft(owner));
    if (rules.onPartition === 'fire' || owners.length === 0) {
      this.#onAllowed(work);
      return;
    }
    work.stage = 'asking';
    const token = this.#works.await(work);
    this.#ground.outbox.push({ kind: 'ask', token, id: work.id, claim: work.record, owners });
  }

  #onAllowed(work: Work): void {
    if (work.record.rules.delivery === 'at-most-once') this.#take(work, 0);
    else this.#run(work);
  }

  #run(work: Work): void {
    work.stage = 'running';
    this.#deliver(work, work.record.state.attempt);
    this.#renewals.set(work, this.#nowMs + this.#ground.config.renewMs);
    this.#ground.onRunning(work, 0);
  }

  #take(work: Work, skipped: number): void {
    work.stage = 'taking';
    const change = completed(work, this.#passage);
    this.#write(work, { ...change, skipped: change.skipped + skipped });
  }

  /** Nobody else knows of it any more: it is delivered, whoever holds the partition now. */
  #give(work: Work): void {
    this.#works.give(work);
    this.#deliver(work, 1);
    this.#ground.onFree(work.id, 0);
    this.#toldIdle(work);
  }

  #deliver(work: Work, attempt: number): void {
    const { outbox } = this.#ground;
    const { dueAtMs, occurrence, payload } = work.record;
    const token = this.#works.await(work);
    const fence = fenceOf(versionOf(work.id), occurrence);
    const lateMs = Math.max(0, outbox.time.wallMs - dueAtMs);
    const what = { token, id: work.id, attempt, fence, dueAtMs, lateMs, payload };
    outbox.push({ kind: 'deliver', ...what });
    outbox.count(attempt === 1 ? 'fired' : 'retried');
  }

  /** Nothing of it counts any more; it has its place among the deliveries until it ends. */
  #disown(work: Work): void {
    this.#abandon(work);
    this.#renewals.remove(work);
    this.#works.give(work);
    this.#ground.onFree(work.id, 0);
    this.#toldIdle(work);
  }

  #abandon(work: Work): void {
    if (work.isAbandoned) return;
    work.isAbandoned = true;
    this.#ground.outbox.push({ kind: 'abandon', token: work.token });
  }

  #renew(work: Work): void {
    const { id } = work;
    const record = this.#ground.book.read(id);
    if (record === undefined || !this.#isOurs(work, record)) {
      this.recheck(id);
      return;
    }
    this.#renewals.set(work, this.#nowMs + this.#ground.config.renewMs);
    if (work.renewalToken !== 0) return;
    const token = this.#works.awaitRenewal(work);
    const writes = [{ id, record: renewed(record) }];
    this.#ground.outbox.push({ kind: 'write', token, writes, before: 'nothing' });
  }

  #finish(work: Work, outcome: DeliveryOutcome): void {
    this.#renewals.remove(work);
    work.stage = 'ending';
    work.outcome = outcome;
    this.#writeEnd(work);
  }

  #writeEnd(work: Work): void {
    const record = this.#ground.book.read(work.id);
    const isOver = record === undefined || this.#ground.isReplaced(work.id);
    const change = isOver ? undefined : this.#endOf(work, record);
    if (change === undefined) this.#end(work, 0);
    else this.#write(work, change);
  }

  /** Undefined when somebody else decides. */
  #endOf(work: Work, record: ReminderRecord): Change | undefined {
    const { id, outcome } = work;
    const isOurs = this.#isOurs(work, record);
    switch (outcome?.kind) {
      case 'fulfilled': {
        // Done is done, whoever has claimed it meanwhile.
        const isSame = record.occurrence === work.record.occurrence;
        return isSame ? completed({ id, record }, this.#passage) : undefined;
      }
      case 'rejected':
        if (!isOurs) return undefined;
        if (!work.isAbandoned) return this.#failed({ id, record }, outcome.error);
        // What was told to give up has not failed: it is not dead for that, nor tried once more.
        return changeTo({
          id,
          record: givenBack(record, record.state.attempt < record.rules.maxAttempts),
        });
      default:
        return isOurs ? changeTo({ id, record: givenBack(record, false) }) : undefined;
    }
  }

  /** What follows when an attempt has failed. */
  #failed(at: ReminderAt, error: string): Change {
    const change = failed(at, error, this.#passage);
    const isApart = change.writes.length > 1;
    const surplus = isApart ? this.#ground.tooManyApart(at.id) : undefined;
    if (surplus === undefined) return change;
    return {
      ...change,
      writes: [...change.writes, { id: surplus, record: undefined }],
      dropped: 1,
    };
  }

  #begin({ id, record }: ReminderAt, stage: Work['stage']): Work {
    const partition = this.#ground.partitionOfId(id);
    return this.#works.begin({ id, partition, record, stage });
  }

  #write(work: Work, change: Change): void {
    const { writes } = change;
    work.change = change;
    const token = this.#works.await(work);
    this.#ground.outbox.push({ kind: 'write', token, writes, before: beforeOf(work) });
  }

  #end(work: Work, pauseMs: number): void {
    this.#renewals.remove(work);
    this.#works.end(work);
    this.#ground.onFree(work.id, pauseMs);
    this.#toldIdle(work);
  }

  #toldIdle({ partition }: Work): void {
    if (!this.#works.isBusy(partition)) this.#ground.onIdle(partition);
  }

  #isOurs(work: Work, record: ReminderRecord): boolean {
    const { occurrence, state } = work.record;
    const isSame = record.occurrence === occurrence && record.state.attempt === state.attempt;
    return isSame && isClaimedBy(record, this.#ground.book.self);
  }

  get #terms(): { readonly by: ReminderBookOptions['self']; readonly leaseMs: number } {
    return { by: this.#ground.book.self, leaseMs: this.#ground.config.leaseMs };
  }

  get #passage(): Passage {
    return { wallMs: this.#ground.outbox.time.wallMs, cron: this.#ground.book.cron };
  }

  get #nowMs(): number {
    return this.#ground.outbox.time.nowMs;
  }
}

function changeTo(at: ReminderAt): Change {
  return { writes: [at], skipped: 0 };
}
