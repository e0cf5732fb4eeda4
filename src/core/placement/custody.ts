/**
 * Which partitions this node holds. Of each partition one node at a time is the custodian, and it
 * alone may hold it: it holds it, or ends work on it, or keeps it for somebody else.
 *
 * - A holder whose table names another node releases the partition, then grants it to that node.
 *   While work on it goes on it tells that node so.
 * - A node whose table names itself asks whom it believes to have the partition: the owner by its
 *   former table; a newcomer, the owner without itself.
 * - Who gets a partition that its table gives to somebody else passes it on, but not back: it keeps
 *   it until its table changes.
 * - A partition that nobody is known to have is an orphan: its owner takes it when members have not
 *   changed for so long that all know of the same ones.
 * - When the deadline comes, the owner takes the partition all the same.
 */
import { CUSTODY_HOPS_MAX } from '../../limits.ts';
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import type { CustodyMessage } from './custody-codec.ts';
import {
  CUSTODY_DEFAULTS,
  type CustodyConfig,
  type CustodyEffect,
  type CustodyInput,
  type OwnerTable,
} from './custody-contract.ts';
import { CustodyOutbox } from './custody-outbox.ts';
import { CustodyWants } from './custody-wants.ts';

export interface CustodyOptions {
  readonly self: NodeName;
  readonly ringSize: number;
  readonly config?: Partial<CustodyConfig> | undefined;
}

/** A partition that this node has and does not hold. */
interface Keepsake {
  /** It does not go back there. */
  readonly from: NodeName | undefined;
  readonly hops: number;
  readonly sinceMs: number;
}

const AT_HAND = { from: undefined, hops: 0 } as const;

/** The custody of one node. No clock, no links: facts in, effects out. */
export class Custody {
  readonly #self: NodeName;
  readonly #ringSize: number;
  readonly #config: CustodyConfig;
  readonly #outbox = new CustodyOutbox();
  readonly #wants: CustodyWants;
  readonly #held = new Set<number>();
  /** Held, and work on them is about to end; with the node that was told so. */
  readonly #ending = new Map<number, NodeName | undefined>();
  readonly #kept = new Map<number, Keepsake>();
  /** To whom this node gave partitions last, or who said that it has them. */
  readonly #lastKnown = new Map<number, NodeName>();
  /** Members that have said that they leave. */
  readonly #leaving = new Set<NodeName>();
  #table: OwnerTable | undefined;
  #stage: 'starting' | 'settled' | 'left' = 'starting';

  constructor({ self, ringSize, config }: CustodyOptions) {
    this.#self = self;
    this.#ringSize = ringSize;
    this.#config = { ...CUSTODY_DEFAULTS, ...config };
    this.#wants = new CustodyWants({
      config: this.#config,
      outbox: this.#outbox,
      isOther: (node) => this.#isOther(node),
      take: (partition) => this.#acquire(partition),
    });
  }

  /** Acquired, and not released yet. */
  holds(partition: number): boolean {
    return this.#held.has(partition) || this.#ending.has(partition);
  }

  /** Of partitions that this node holds. */
  get heldCount(): number {
    return this.#held.size + this.#ending.size;
  }

  /** Of partitions that this node waits for. */
  get waitingCount(): number {
    return this.#wants.size;
  }

  /** In ascending order. */
  get held(): readonly number[] {
    return [...this.#held, ...this.#ending.keys()].sort((a, b) => a - b);
  }

  /**
   * Applies one input at a monotonic time in milliseconds; returns its effects in the order in
   * which the driver must carry them out. Never throws for what a peer sent.
   */
  handle(input: CustodyInput, nowMs: number): readonly CustodyEffect[] {
    this.#outbox.nowMs = nowMs;
    this.#apply(input);
    return this.#outbox.take();
  }

  #apply(input: CustodyInput): void {
    switch (input.kind) {
      case 'table':
        this.#onTable(input.table, input.rttMs ?? 0);
        break;
      case 'joined':
        if (this.#stage === 'left') this.#stage = 'starting';
        break;
      case 'settled':
        this.#onSettled();
        break;
      case 'left':
        this.#onLeft();
        break;
      case 'ending':
        for (const partition of input.partitions) this.#tellHolder(partition);
        break;
      case 'released':
        for (const partition of input.partitions) {
          if (this.#ending.delete(partition)) this.#place(partition, this.#ownKeepsake());
        }
        break;
      case 'received':
        this.#onReceived(input.from, input.message);
        break;
      case 'timerFired':
        if (this.#outbox.takeTimer(input.timer)) this.#look();
        break;
      default:
        unreachable(input);
    }
  }

  // What this node learns of the members

  #onTable(table: OwnerTable, rttMs: number): void {
    const former = this.#table;
    this.#table = table;
    this.#wants.disturb(rttMs);
    for (const node of this.#leaving) if (!table.isMember(node)) this.#leaving.delete(node);
    for (const [partition, node] of this.#lastKnown) {
      // Who is not known yet may have told of a partition all the same.
      const isGone = former?.isMember(node) === true && !table.isMember(node);
      if (isGone) this.#lastKnown.delete(partition);
    }
    if (this.#stage === 'left') this.#giveAway();
    if (this.#stage !== 'settled') return;
    for (let partition = 0; partition < this.#ringSize; partition += 1) {
      this.#review(partition, former?.owner(partition));
    }
  }

  #onSettled(): void {
    if (this.#stage !== 'starting') return;
    this.#stage = 'settled';
    this.#wants.begin();
    for (let partition = 0; partition < this.#ringSize; partition += 1) {
      const other = this.#table?.ownerWithoutSelf(partition);
      const isAlone = other === undefined && this.#ownerOf(partition) === this.#self;
      if (isAlone && !this.#ending.has(partition)) this.#acquire(partition);
      else this.#review(partition, other);
    }
  }

  #onLeft(): void {
    if (this.#stage === 'left') return;
    this.#stage = 'left';
    this.#wants.clear();
    this.#giveAway();
    for (const partition of [...this.#held]) this.#release(partition);
  }

  /** Who shall have next what this node has, while it leaves. */
  #giveAway(): void {
    for (const partition of this.#ending.keys()) this.#tellHolder(partition);
    for (const [partition, keepsake] of [...this.#kept]) this.#place(partition, keepsake);
  }

  /** @param former who had it before, as far as the members tell. */
  #review(partition: number, former: NodeName | undefined): void {
    const owner = this.#ownerOf(partition);
    const isOwn = owner === this.#self;
    if (this.#held.has(partition)) {
      if (!isOwn && owner !== undefined) this.#release(partition);
    } else if (this.#ending.has(partition)) {
      this.#tellHolder(partition);
    } else if (this.#kept.has(partition)) {
      this.#place(partition, this.#ownKeepsake());
    } else if (isOwn) {
      this.#wants.want(partition, this.#lastKnown.get(partition), former);
    } else {
      this.#wants.delete(partition);
    }
  }

  /** By its table; undefined when that node has given away what it had, because it leaves. */
  #ownerOf(partition: number): NodeName | undefined {
    const owner = this.#table?.owner(partition);
    return owner === undefined || this.#leaving.has(owner) ? undefined : owner;
  }

  /** Who shall have what this node gives away. */
  #nextOwner(partition: number): NodeName | undefined {
    if (this.#stage !== 'left') return this.#ownerOf(partition);
    const owner = this.#table?.ownerWithoutSelf(partition);
    return owner === undefined || this.#leaving.has(owner) ? undefined : owner;
  }

  /** Time has passed. */
  #look(): void {
    this.#wants.look();
    for (const [partition, { sinceMs }] of [...this.#kept]) {
      const untilMs = sinceMs + this.#config.retryMs;
      if (this.#outbox.nowMs < untilMs) this.#outbox.wake(untilMs);
      // Others may have taken it for an orphan meanwhile: it is one, rather than there twice.
      else if (this.#stage === 'starting') this.#kept.delete(partition);
      else this.#place(partition, this.#ownKeepsake());
    }
  }

  #isOther(node: NodeName): boolean {
    return node !== this.#self && this.#table?.isMember(node) === true;
  }

  // What it has

  #acquire(partition: number): void {
    this.#wants.delete(partition);
    this.#kept.delete(partition);
    this.#lastKnown.delete(partition);
    this.#held.add(partition);
    this.#outbox.acquire(partition);
  }

  #release(partition: number): void {
    this.#held.delete(partition);
    this.#ending.set(partition, undefined);
    this.#outbox.release(partition);
  }

  /** Work on the partition goes on: who shall have it next waits for it. */
  #tellHolder(partition: number): void {
    if (!this.#ending.has(partition)) return;
    const next = this.#nextOwner(partition);
    if (next === this.#ending.get(partition)) return;
    this.#ending.set(partition, next);
    if (next === undefined || next === this.#self) return;
    this.#outbox.send(next, { kind: 'redirect', holder: this.#self }, partition);
  }

  #ownKeepsake(): Keepsake {
    return { ...AT_HAND, sinceMs: this.#outbox.nowMs };
  }

  /** Finds the place of a partition of which this node is the custodian. */
  #place(partition: number, keepsake: Keepsake): void {
    if (this.#stage === 'starting') {
      this.#keep(partition, keepsake);
      return;
    }
    const next = this.#nextOwner(partition);
    if (next === undefined) this.#placeNowhere(partition);
    else if (next === this.#self) this.#acquire(partition);
    else if (this.#isKept(next, keepsake)) this.#keep(partition, keepsake);
    else this.#grant(next, partition, keepsake.hops + 1);
  }

  /** Who leaves keeps nothing: the one that it came from learns that it leaves. */
  #isKept(next: NodeName, { from, hops }: Keepsake): boolean {
    if (hops >= CUSTODY_HOPS_MAX) return true;
    return next === from && this.#stage !== 'left';
  }

  /** The owner leaves and has given it away; who leaves, too, has nobody to give it to. */
  #placeNowhere(partition: number): void {
    if (this.#stage === 'settled') this.#acquire(partition);
    else this.#kept.delete(partition);
  }

  #keep(partition: number, keepsake: Keepsake): void {
    this.#wants.delete(partition);
    this.#kept.set(partition, keepsake);
    this.#outbox.wake(keepsake.sinceMs + this.#config.retryMs);
  }

  #grant(to: NodeName, partition: number, hops: number): void {
    this.#kept.delete(partition);
    this.#wants.delete(partition);
    this.#lastKnown.set(partition, to);
    this.#outbox.count('handedOver');
    const leaver = this.#stage === 'left' ? this.#self : undefined;
    this.#outbox.send(to, { kind: 'grant', hops, leaver }, partition);
  }

  // What others say

  #onReceived(from: NodeName, message: CustodyMessage): void {
    if (message.kind === 'ask') this.#leaving.delete(from);
    // Nobody says of another one that it leaves: that would take its partitions from it.
    if (message.kind === 'grant' && message.leaver === from) this.#noteLeaver(from);
    for (const partition of message.partitions) {
      if (partition < this.#ringSize) this.#onWord(partition, from, message);
    }
  }

  #noteLeaver(leaver: NodeName): void {
    if (this.#isOther(leaver)) this.#leaving.add(leaver);
  }

  #onWord(partition: number, from: NodeName, message: CustodyMessage): void {
    switch (message.kind) {
      case 'ask':
        this.#answer(partition, from);
        break;
      case 'grant':
        this.#onGrant(partition, from, message);
        break;
      case 'redirect':
        // Who waits for nothing yet may do so by its next table.
        if (from === message.holder) this.#lastKnown.set(partition, from);
        this.#wants.onRedirect(partition, from, message.holder);
        break;
      case 'none':
        this.#wants.onNone(partition, from);
        break;
      default:
        unreachable(message);
    }
  }

  #answer(partition: number, asker: NodeName): void {
    const keepsake = this.#kept.get(partition);
    if (keepsake !== undefined && this.#isFor(partition, asker)) {
      this.#grant(asker, partition, 0);
      return;
    }
    // Only now that the asker is known to stay, the table may name it.
    if (this.#held.has(partition) && this.#ownerOf(partition) === asker) this.#release(partition);
    const isHere = this.holds(partition) || keepsake !== undefined;
    const known = this.#wants.holderOf(partition) ?? this.#lastKnown.get(partition);
    const holder = isHere ? this.#self : known;
    if (holder === undefined || holder === asker) {
      this.#outbox.send(asker, { kind: 'none' }, partition);
    } else {
      this.#outbox.send(asker, { kind: 'redirect', holder }, partition);
    }
  }

  /** What is kept goes to the owner; while this node has no say of its own, to who asks. */
  #isFor(partition: number, asker: NodeName): boolean {
    return this.#stage === 'starting' || this.#nextOwner(partition) === asker;
  }

  #onGrant(
    partition: number,
    from: NodeName,
    { hops }: Extract<CustodyMessage, { kind: 'grant' }>,
  ): void {
    if (this.holds(partition) || this.#kept.has(partition)) return;
    this.#place(partition, { from, hops, sinceMs: this.#outbox.nowMs });
  }
}
