/** One node of a `ScheduleNetwork`: the book, its store in memory and on disk, and handlers. */
import { CoreInbox } from '../../../../src/cluster/core-inbox.ts';
import type {
  DeliverEffect,
  DeliveryOutcome,
  ReminderWrite,
  ScheduleEffect,
  ScheduleInput,
} from '../../../../src/core/schedule/contract.ts';
import { decodeRecord, encodeRecord } from '../../../../src/core/schedule/record-codec.ts';
import { ReminderBook } from '../../../../src/core/schedule/reminder-book.ts';
import { everyDay } from './played-cron.ts';
import { type PlayedEntry, PlayedStore } from './played-store.ts';
import { isClaim, PARTITIONS, type ScheduleNetwork } from './schedule-network.ts';

export interface PlayedStart {
  readonly name: string;
  readonly incarnation: bigint;
  readonly disk: PlayedStore;
}

export class PlayedNode {
  readonly name: string;
  readonly store: PlayedStore = new PlayedStore();
  readonly held: Set<number> = new Set();
  isUp: boolean = true;
  isPlaced: boolean = false;
  isLeaving: boolean = false;
  side: number = 0;
  readonly #network: ScheduleNetwork;
  readonly #disk: PlayedStore;
  readonly #book: ReminderBook;
  readonly #running = new Set<number>();
  readonly #inbox = new CoreInbox<ScheduleInput>((input) => {
    const { nowMs, wallMs } = this.#network;
    for (const effect of this.#book.handle(input, { nowMs, wallMs })) this.#perform(effect);
  });

  constructor(network: ScheduleNetwork, { name, incarnation, disk }: PlayedStart) {
    this.#network = network;
    this.name = name;
    this.#disk = disk;
    this.#book = new ReminderBook({
      self: { node: name, incarnation },
      cron: everyDay,
      read: (id) => this.store.read(id),
      partitionOf: (keyText) => (keyText.codePointAt(keyText.length - 1) ?? 0) % PARTITIONS,
      canHandle: () => true,
      hasLeft: (node) => network.leavers.has(node),
    });
    for (const entry of disk.entries.values()) this.learn(entry);
  }

  /** Something is under way here. */
  get isWorking(): boolean {
    return this.#book.busyCount > 0;
  }

  do(input: ScheduleInput): void {
    if (this.isUp) this.#inbox.submit(input);
  }

  hold(partition: number): void {
    if (this.held.has(partition)) return;
    this.held.add(partition);
    this.do({ kind: 'held', partitions: [partition] });
  }

  letGo(partition: number): void {
    this.do({ kind: 'letGo', partitions: [partition] });
  }

  entry({ id, record }: ReminderWrite, stamp: number): PlayedEntry {
    const bytes = record === undefined ? undefined : encodeRecord(record);
    const copy = bytes === undefined ? undefined : decodeRecord(bytes);
    return { id, bytes, record: copy, stamp, writer: this.name };
  }

  learn(entry: PlayedEntry): void {
    const had = this.store.read(entry.id) !== undefined;
    if (!this.isUp || !this.store.join(entry)) return;
    const { id } = entry;
    if (entry.record !== undefined) this.do({ kind: 'stored', id, isClaimed: isClaim(entry) });
    else if (had) this.do({ kind: 'removed', id });
  }

  keep(entry: PlayedEntry): void {
    this.#disk.join(entry);
  }

  learnAndKeep(entry: PlayedEntry): void {
    this.learn(entry);
    this.keep(entry);
  }

  #perform(effect: ScheduleEffect): void {
    const network = this.#network;
    switch (effect.kind) {
      case 'write': {
        const { token } = effect;
        const onDurable = (): void => this.do({ kind: 'written', token, isDurable: true });
        network.write(this, effect.writes, onDurable);
        break;
      }
      case 'ask': {
        const { token } = effect;
        network.ask(this, effect, (isMajority) =>
          this.do({ kind: 'acknowledged', token, isMajority }),
        );
        break;
      }
      case 'deliver':
        this.#deliver(effect);
        break;
      case 'abandon':
        if (network.random.float() < 0.7) this.#end(effect.token, 'aborted', 10);
        break;
      case 'released':
        for (const partition of effect.partitions) {
          this.held.delete(partition);
          network.released(this, partition);
        }
        break;
      case 'schedule':
        network.after(effect.delayMs, () => this.do({ kind: 'timerFired', timer: effect.timer }));
        break;
      case 'count':
        network.counts.set(effect.what, (network.counts.get(effect.what) ?? 0) + effect.count);
        break;
    }
  }

  #deliver(what: DeliverEffect): void {
    const { random, rules, deliveries, nowMs } = this.#network;
    deliveries.push({ node: this.name, side: this.side, atMs: nowMs, what });
    this.#running.add(what.token);
    const mostMs = random.float() < rules.slowness ? 8_000 : 800;
    const isFailure = random.float() < rules.failures;
    const takesMs = random.float() * mostMs;
    if (isFailure) this.#end(what.token, 'failed', takesMs);
    else this.#network.after(takesMs, () => this.#fulfil(what));
  }

  #fulfil({ token, fence }: DeliverEffect): void {
    if (!this.isUp || !this.#running.delete(token)) return;
    const { fulfilled } = this.#network;
    fulfilled.set(fence, (fulfilled.get(fence) ?? 0) + 1);
    this.do({ kind: 'outcome', token, outcome: { kind: 'fulfilled' } });
  }

  #end(token: number, error: string, inMs: number): void {
    const outcome: DeliveryOutcome = { kind: 'rejected', error };
    this.#network.after(inMs, () => {
      if (this.#running.delete(token)) this.do({ kind: 'outcome', token, outcome });
    });
  }
}
