/** Whether other nodes have what was written here: who asks, whom, and for how long. */
import type { NodeName } from '../core/names.ts';
import { acknowledges, majorityOf, type ReminderRecord } from '../core/schedule/record.ts';
import { CLAIM_ASK_MS, COPY_WAIT_MS } from '../core/schedule/schedule-limits.ts';
import type { Timers } from '../host/host.ts';
import { type Settlement, settlement } from '../settlement.ts';
import type { PeerCalls } from './peer-calls.ts';
import { QuestionBatches } from './question-batches.ts';
import type { ReminderStore } from './reminder-store.ts';

/** After an answer that it is not there, the next node is asked no sooner than this. */
const NEXT_MS = 100;

export interface CopiesOptions {
  readonly self: NodeName;
  readonly store: ReminderStore;
  readonly peers: Pick<PeerCalls, 'has' | 'knows'>;
  readonly timers: Timers;
  /** Other nodes to ask about that id, best first; none when this node is alone. */
  readonly othersFor: (id: string) => readonly NodeName[];
}

export class Copies {
  readonly #options: CopiesOptions;
  readonly #questions: QuestionBatches<string>;

  constructor(options: CopiesOptions) {
    this.#options = options;
    const { timers, peers } = options;
    this.#questions = new QuestionBatches(timers, (node, ids) => peers.has(node, ids));
  }

  /**
   * Resolves when another node has it, when there is no other node, or when it is here no more:
   * then it was fired, replaced or cancelled. As long as that is waited for.
   */
  async held(id: string, isWaitedFor: () => boolean): Promise<void> {
    const { store, othersFor } = this.#options;
    if (othersFor(id).length === 0) return;
    const held = settlement<boolean>();
    const watch = store.watch(id, () => {
      if (!store.has(id)) held.resolve(true);
    });
    try {
      for (let turn = 0; isWaitedFor() && store.has(id); turn += 1) {
        const others = othersFor(id);
        const other = others[turn % Math.max(1, others.length)];
        if (other === undefined) return;
        if (await this.#isHeldBy(other, id, held)) return;
      }
    } finally {
      watch[Symbol.dispose]();
    }
  }

  /** Whether a majority of them has the claim, within 2 s. */
  async haveClaim(
    id: string,
    claim: ReminderRecord,
    owners: readonly NodeName[],
  ): Promise<boolean> {
    const { self, store, peers, timers } = this.#options;
    const needed = majorityOf(owners);
    const over = settlement<boolean>();
    let count = 0;
    const note = (isKnown: boolean): void => {
      count += isKnown ? 1 : 0;
      if (count >= needed) over.resolve(true);
    };
    for (const owner of owners) {
      if (owner === self) note(acknowledges(store.read(id), claim));
      else void peers.knows(owner, id, claim).then(note);
    }
    const timer = timers.after(CLAIM_ASK_MS, () => over.resolve(false));
    const isMajority = await over.promise;
    timer[Symbol.dispose]();
    return isMajority;
  }

  /** True when that node, or one asked before, has it; false when the next is to be asked. */
  async #isHeldBy(node: NodeName, id: string, held: Settlement<boolean>): Promise<boolean> {
    const { timers } = this.#options;
    const late = settlement<boolean>();
    let timer = timers.after(COPY_WAIT_MS, () => late.resolve(false));
    void this.#questions.ask(node, id).then((isThere) => {
      if (isThere) held.resolve(true);
      timer[Symbol.dispose]();
      timer = timers.after(NEXT_MS, () => late.resolve(false));
    });
    const isHeld = await Promise.race([held.promise, late.promise]);
    timer[Symbol.dispose]();
    return isHeld;
  }
}
