/**
 * The custody that waits for former holders: runs the core of it over links, and ends the work on
 * partitions before they go to another node. While nobody on this node uses placement it holds
 * nothing and asks nobody, so that a cluster without shards pays with no link for them.
 */
import { CoreInbox } from '../cluster/core-inbox.ts';
import type { CustodyPort } from '../cluster/ports.ts';
import { Custody as CustodyCore } from '../core/placement/custody.ts';
import type {
  CustodyCount,
  CustodyEffect,
  CustodyInput,
  OwnerTable,
} from '../core/placement/custody-contract.ts';
import type { PlacementTable } from '../core/placement/placement-table.ts';
import { unreachable } from '../core/unreachable.ts';
import type { Host } from '../host/host.ts';
import type { Counter } from '../host/meter.ts';
import { type Settlement, settlement } from '../settlement.ts';
import type { Custody, CustodyGround } from './custody.ts';

/** Frames to nodes without a link may take so long when this node takes part no more. */
const SENT_MS_MAX = 1_000;
/** Of the time for which the next owner waits: so it does not take over before work has ended. */
const WORK_SHARE = 0.9;

export interface HandOffOptions extends CustodyGround {
  readonly host: Pick<Host, 'clock' | 'timers' | 'logger' | 'meter'>;
  readonly port: CustodyPort;
  /** How long a new owner waits for the former one, in milliseconds; 0: it does not. */
  readonly handOffMs: number;
}

export class HandOff implements Custody {
  readonly #options: HandOffOptions;
  readonly #core: CustodyCore;
  readonly #inbox: CoreInbox<CustodyInput>;
  readonly #counters: Readonly<Record<CustodyCount, Counter>>;
  /** Work on these has ended in this turn. */
  #ended: number[] = [];
  #isOut = true;
  #isUsed = false;
  /** The last table that was followed. */
  #latest: PlacementTable | undefined;
  /** Since it began to surrender. */
  #hasSent = false;
  #surrendered: Settlement<void> | undefined;

  constructor(options: HandOffOptions) {
    const { self, placement, host, port, handOffMs } = options;
    const { meter } = host;
    this.#options = options;
    const { ringSize } = placement.table;
    this.#core = new CustodyCore({ self, ringSize, config: { handOffMs } });
    this.#inbox = new CoreInbox((input) => this.#apply(input));
    this.#counters = {
      handedOver: meter.counter('barrel_shards_handed_over_total'),
      timedOut: meter.counter('barrel_shards_handoff_timeouts_total'),
    };
    meter.gauge('barrel_shards_waiting', () => this.#core.waitingCount);
    port.onCustody((from, message) => this.#inbox.submit({ kind: 'received', from, message }));
  }

  use(): void {
    if (this.#isUsed) return;
    this.#isUsed = true;
    if (!this.#isOut && this.#latest !== undefined) this.follow(this.#latest);
  }

  follow(table: PlacementTable): void {
    this.#latest = table;
    if (this.#isOut) this.#inbox.submit({ kind: 'joined' });
    this.#isOut = false;
    if (!this.#isUsed) return;
    this.watch(table);
    this.#inbox.submit({ kind: 'settled' });
  }

  watch(table: PlacementTable): void {
    const rttMs = this.#options.port.longestRttMs();
    this.#inbox.submit({ kind: 'table', table: this.#ownersBy(table), rttMs });
  }

  async surrender(): Promise<void> {
    const { placement } = this.#options;
    this.#isOut = true;
    this.#surrendered ??= settlement();
    const { promise } = this.#surrendered;
    this.#hasSent = false;
    this.watch(placement.table);
    this.#inbox.submit({ kind: 'left' });
    await promise;
    if (this.#hasSent) await this.#sent();
  }

  async #sent(): Promise<void> {
    const { host, port } = this.#options;
    const late = settlement<void>();
    const timer = host.timers.after(SENT_MS_MAX, () => late.resolve());
    await Promise.race([port.sent(), late.promise]);
    timer[Symbol.dispose]();
  }

  /** The table without this node is worked out once, when it is asked for. */
  #ownersBy(table: PlacementTable): OwnerTable {
    const { self, placement } = this.#options;
    const nodes = new Set(table.nodes);
    let others: { readonly table: PlacementTable | undefined } | undefined;
    return {
      owner: (partition) => table.ownerOf(partition),
      ownerWithoutSelf: (partition) => {
        others ??= { table: placement.without(self) };
        return others.table?.ownerOf(partition);
      },
      isMember: (node) => nodes.has(node),
    };
  }

  get #epoch(): string {
    return this.#options.placement.table.epoch;
  }

  #apply(input: CustodyInput): void {
    const nowMs = this.#options.host.clock.monotonicMs();
    for (const effect of this.#core.handle(input, nowMs)) this.#perform(effect);
    // Whoever takes part again meanwhile has nothing to wait for either.
    if (this.#isOut && this.#core.heldCount > 0) return;
    this.#surrendered?.resolve();
    this.#surrendered = undefined;
  }

  #perform(effect: CustodyEffect): void {
    const { host, held, port } = this.#options;
    switch (effect.kind) {
      case 'release':
        this.#release(effect.partitions);
        break;
      case 'acquire':
        held.acquire(effect.partitions, this.#epoch);
        break;
      case 'send':
        this.#hasSent = true;
        port.sendCustody(effect.to, effect.message);
        break;
      case 'schedule': {
        const { timer, delayMs } = effect;
        host.timers.after(delayMs, () => this.#inbox.submit({ kind: 'timerFired', timer }));
        break;
      }
      case 'count':
        this.#count(effect.what, effect.count);
        break;
      default:
        unreachable(effect);
    }
  }

  #count(what: CustodyCount, count: number): void {
    this.#counters[what].value += count;
    if (what !== 'timedOut') return;
    const text = 'partitions were taken that the former holder has not handed over in time';
    this.#options.host.logger.warn(text, { count });
  }

  /** At once where nothing is at work, else when that has ended or had the time to. */
  #release(partitions: readonly number[]): void {
    const { runs, handOffMs } = this.#options;
    const atWork = new Map<number, Promise<unknown>>();
    for (const partition of partitions) {
      const ended = runs.end(partition);
      if (ended !== undefined && handOffMs > 0) atWork.set(partition, ended);
    }
    this.#released(partitions.filter((partition) => !atWork.has(partition)));
    if (atWork.size > 0) this.#await(atWork);
  }

  #await(atWork: Map<number, Promise<unknown>>): void {
    const { host, handOffMs } = this.#options;
    this.#inbox.submit({ kind: 'ending', partitions: [...atWork.keys()] });
    const timer = host.timers.after(WORK_SHARE * handOffMs, () => {
      const text = 'jobs have not ended in time, their partitions are handed over all the same';
      host.logger.warn(text, { count: atWork.size });
      const late = [...atWork.keys()];
      atWork.clear();
      this.#released(late);
    });
    for (const [partition, ended] of [...atWork]) {
      void ended.then(() => {
        if (!atWork.delete(partition)) return;
        if (atWork.size === 0) timer[Symbol.dispose]();
        this.#note(partition);
      });
    }
  }

  /** Those of one turn go out together. */
  #note(partition: number): void {
    this.#ended.push(partition);
    if (this.#ended.length > 1) return;
    this.#options.host.timers.soon(() => {
      const ended = this.#ended.sort((a, b) => a - b);
      this.#ended = [];
      this.#released(ended);
    });
  }

  #released(partitions: readonly number[]): void {
    if (partitions.length === 0) return;
    this.#options.held.release(partitions, this.#epoch);
    this.#inbox.submit({ kind: 'released', partitions });
  }
}
