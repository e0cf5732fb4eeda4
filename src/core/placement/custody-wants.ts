/** Partitions that a node owns by its table and does not hold yet, and whom it waits for. */
import { CUSTODY_HOPS_MAX } from '../../limits.ts';
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import type { CustodyConfig } from './custody-contract.ts';
import type { CustodyOutbox } from './custody-outbox.ts';

/**
 * Word of a member takes a few hops, some of them twice where datagrams get lost. In simulations
 * with 150 ms and a loss of 5 % four were too few.
 */
const AGREED_RTTS = 8;
const AGREED_MS_MAX = 2_000;

/** One partition that is waited for. */
interface Want {
  readonly sinceMs: number;
  /** Who has it, as believed here; undefined for an orphan, which nobody is known to have. */
  holder: NodeName | undefined;
  askedMs: number;
  /** When the views of members were last seen to differ: others told of a node unknown here. */
  doubtedMs: number;
  /** Redirects that were followed since it was last asked for anew. */
  hops: number;
}

/** What to do about a want. */
type Verdict =
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'ask'; readonly holder: NodeName }
  | { readonly kind: 'take'; readonly isTimedOut: boolean };

export interface CustodyWantsOptions {
  readonly config: CustodyConfig;
  readonly outbox: CustodyOutbox;
  /** A member, and not this node. */
  readonly isOther: (node: NodeName) => boolean;
  /** This node holds the partition from now on. */
  readonly take: (partition: number) => void;
}

export class CustodyWants {
  readonly #options: CustodyWantsOptions;
  readonly #wants = new Map<number, Want>();
  #stableSinceMs = Number.NEGATIVE_INFINITY;
  /** So long after a change all know of it. */
  #agreedMs: number;

  constructor(options: CustodyWantsOptions) {
    this.#options = options;
    this.#agreedMs = options.config.agreedMs;
  }

  get size(): number {
    return this.#wants.size;
  }

  /** Whom this node waits for. */
  holderOf(partition: number): NodeName | undefined {
    return this.#wants.get(partition)?.holder;
  }

  /** Members have changed. */
  disturb(rttMs: number): void {
    const { agreedMs } = this.#options.config;
    this.#agreedMs = Math.max(agreedMs, Math.min(agreedMs + AGREED_RTTS * rttMs, AGREED_MS_MAX));
    this.begin();
  }

  /** They are looked at for the first time. */
  begin(): void {
    this.#stableSinceMs = this.#options.outbox.nowMs;
  }

  /**
   * Waits for the partition, also when it has done so before: then for the same node, as long as
   * that is a member.
   * @param known who has it, as last heard; `former` owned it before.
   */
  want(partition: number, known: NodeName | undefined, former: NodeName | undefined): void {
    const want = this.#wants.get(partition);
    if (want === undefined) this.#waitFor(partition, this.#add(partition), known ?? former);
    else if (want.holder === undefined || !this.#options.isOther(want.holder)) {
      this.#waitFor(partition, want, known);
    }
  }

  delete(partition: number): void {
    this.#wants.delete(partition);
  }

  clear(): void {
    this.#wants.clear();
  }

  /** That node has not got the partition, and does not know who has. */
  onNone(partition: number, from: NodeName): void {
    const want = this.#wants.get(partition);
    if (want?.holder === from) this.#waitFor(partition, want, undefined);
  }

  /** That node says who has the partition: the holder itself, or who was taken for it. */
  onRedirect(partition: number, from: NodeName, holder: NodeName): void {
    const want = this.#wants.get(partition);
    if (want === undefined) return;
    const { isOther, outbox } = this.#options;
    if (from === holder) {
      want.holder = from;
      want.askedMs = outbox.nowMs;
      this.#judge(partition, want);
    } else if (from === want.holder && want.hops < CUSTODY_HOPS_MAX) {
      want.hops += 1;
      if (!isOther(holder)) want.doubtedMs = outbox.nowMs;
      this.#waitFor(partition, want, holder);
    }
  }

  /** Time has passed. */
  look(): void {
    for (const [partition, want] of [...this.#wants]) {
      want.hops = 0;
      this.#judge(partition, want);
    }
  }

  #add(partition: number): Want {
    const want: Want = {
      sinceMs: this.#options.outbox.nowMs,
      holder: undefined,
      askedMs: Number.NEGATIVE_INFINITY,
      doubtedMs: Number.NEGATIVE_INFINITY,
      hops: 0,
    };
    this.#wants.set(partition, want);
    return want;
  }

  /** Asks that node; without one the partition is an orphan. */
  #waitFor(partition: number, want: Want, holder: NodeName | undefined): void {
    want.holder = holder !== undefined && this.#options.isOther(holder) ? holder : undefined;
    want.askedMs = Number.NEGATIVE_INFINITY;
    this.#judge(partition, want);
  }

  #judge(partition: number, want: Want): void {
    const { outbox, take } = this.#options;
    const verdict = this.#verdict(want);
    switch (verdict.kind) {
      case 'wait':
        outbox.wake(verdict.untilMs);
        break;
      case 'ask':
        want.askedMs = outbox.nowMs;
        outbox.send(verdict.holder, { kind: 'ask' }, partition);
        this.#judge(partition, want);
        break;
      case 'take':
        if (verdict.isTimedOut) outbox.count('timedOut');
        take(partition);
        break;
      default:
        unreachable(verdict);
    }
  }

  /** An orphan is taken when all know the members, any partition at its deadline. */
  #verdict({ sinceMs, holder, askedMs, doubtedMs }: Want): Verdict {
    const { config, outbox } = this.#options;
    const { handOffMs, retryMs } = config;
    const { nowMs } = outbox;
    const deadlineMs = sinceMs + handOffMs;
    if (nowMs >= deadlineMs) return { kind: 'take', isTimedOut: handOffMs > 0 };
    if (holder === undefined) {
      const agreedAtMs = Math.max(this.#stableSinceMs, doubtedMs) + this.#agreedMs;
      if (nowMs >= agreedAtMs) return { kind: 'take', isTimedOut: false };
      return { kind: 'wait', untilMs: Math.min(agreedAtMs, deadlineMs) };
    }
    if (nowMs >= askedMs + retryMs) return { kind: 'ask', holder };
    return { kind: 'wait', untilMs: Math.min(askedMs + retryMs, deadlineMs) };
  }
}
