/**
 * Attempts that several callers share, one for each node: an attempt ends when none of them waits
 * for it any more.
 */
import type { NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import { DIALS_MAX } from '../limits.ts';
import { abortable } from '../settlement.ts';

interface Attempt<T> {
  readonly outcome: Promise<T>;
  readonly abort: AbortController;
  waiters: number;
}

export class JointAttempts<T> {
  readonly #underWay = new Map<NodeName, Attempt<T>>();

  /**
   * What the attempt under way brings, or the one that `start` makes.
   * @throws ERR_OVERLOADED, the signal's reason, or what the attempt throws.
   */
  async join(
    node: NodeName,
    start: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const attempt = this.#underWay.get(node) ?? this.#start(node, start);
    attempt.waiters += 1;
    try {
      return await abortable(attempt.outcome, signal);
    } finally {
      attempt.waiters -= 1;
      if (attempt.waiters === 0) this.#end(node, attempt);
    }
  }

  #start(node: NodeName, start: (signal: AbortSignal) => Promise<T>): Attempt<T> {
    if (this.#underWay.size >= DIALS_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${DIALS_MAX} nodes are being dialled`, { node });
    }
    const abort = new AbortController();
    const attempt = { outcome: start(abort.signal), abort, waiters: 0 };
    this.#underWay.set(node, attempt);
    return attempt;
  }

  /** Nobody waits any more: the attempt has ended, or ends now. */
  #end(node: NodeName, attempt: Attempt<T>): void {
    if (this.#underWay.get(node) === attempt) this.#underWay.delete(node);
    attempt.abort.abort(new BarrelError('ERR_CLOSED', `nobody waits for ${node} any more`));
    attempt.outcome.catch(() => {});
  }
}
