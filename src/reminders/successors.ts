/**
 * Those who would fire a reminder if this node died now. Before it is delivered at most once they
 * have to know that it is gone: else a handler that brings its process down would be called again
 * on every node in turn. They are not waited for longer than 500 ms.
 */
import type { NodeName } from '../core/names.ts';
import type { ReminderWrite } from '../core/schedule/contract.ts';
import type { Timers } from '../host/host.ts';
import { settlement } from '../settlement.ts';
import type { PeerCalls } from './peer-calls.ts';
import { QuestionBatches } from './question-batches.ts';

/** The next owner, and the one after it if that one dies with this node. */
const SUCCESSORS = 2;
const WAIT_MS = 500;

export interface SuccessorsOptions {
  readonly peers: Pick<PeerCalls, 'haveCome'>;
  readonly timers: Timers;
  /** Other nodes to ask about that id, best first; none when this node is alone. */
  readonly othersFor: (id: string) => readonly NodeName[];
}

export class Successors {
  readonly #options: SuccessorsOptions;
  readonly #questions: QuestionBatches<ReminderWrite>;

  constructor(options: SuccessorsOptions) {
    this.#options = options;
    const { timers, peers } = options;
    this.#questions = new QuestionBatches(timers, (node, writes) => peers.haveCome(node, writes));
  }

  /** Resolves when they have answered, or have not in time. */
  async told(write: ReminderWrite): Promise<void> {
    const nodes = this.#options.othersFor(write.id).slice(0, SUCCESSORS);
    if (nodes.length === 0) return;
    const late = settlement<void>();
    const timer = this.#options.timers.after(WAIT_MS, () => late.resolve());
    const answers = nodes.map((node) => this.#questions.ask(node, write));
    await Promise.race([Promise.all(answers), late.promise]);
    timer[Symbol.dispose]();
  }
}
