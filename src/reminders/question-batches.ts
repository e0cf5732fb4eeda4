/** Questions to other nodes with yes or no for an answer: those of one turn go out together. */
import type { NodeName } from '../core/names.ts';
import { COPIES_ASKED_MAX } from '../core/schedule/schedule-limits.ts';
import type { Timers } from '../host/host.ts';
import { type Settlement, settlement } from '../settlement.ts';

/** Asks a node all of them in one call; never rejects. What is missing in the answer is no. */
export type AskTogether<Q> = (
  node: NodeName,
  questions: readonly Q[],
) => Promise<readonly boolean[]>;

interface Waiting<Q> {
  readonly question: Q;
  readonly answer: Settlement<boolean>;
}

export class QuestionBatches<Q> {
  readonly #timers: Timers;
  readonly #askTogether: AskTogether<Q>;
  readonly #waiting = new Map<NodeName, Waiting<Q>[]>();

  constructor(timers: Timers, askTogether: AskTogether<Q>) {
    this.#timers = timers;
    this.#askTogether = askTogether;
  }

  /** Never rejects. */
  ask(node: NodeName, question: Q): Promise<boolean> {
    const item = { question, answer: settlement<boolean>() };
    const waiting = this.#waiting.get(node);
    if (waiting === undefined) {
      this.#waiting.set(node, [item]);
      this.#timers.soon(() => this.#sendTo(node));
    } else {
      waiting.push(item);
    }
    return item.answer.promise;
  }

  #sendTo(node: NodeName): void {
    const waiting = this.#waiting.get(node) ?? [];
    this.#waiting.delete(node);
    for (let at = 0; at < waiting.length; at += COPIES_ASKED_MAX) {
      void this.#send(node, waiting.slice(at, at + COPIES_ASKED_MAX));
    }
  }

  async #send(node: NodeName, waiting: readonly Waiting<Q>[]): Promise<void> {
    const questions = waiting.map(({ question }) => question);
    const answers = await this.#askTogether(node, questions);
    for (const [at, { answer }] of waiting.entries()) answer.resolve(answers[at] === true);
  }
}
