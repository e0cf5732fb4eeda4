/**
 * Attempts that several callers share who want the same: an attempt ends when none of them waits
 * for it any more.
 */
import { BarrelError } from '../errors.ts';
import { DIALS_MAX } from '../limits.ts';
import { abortable } from '../settlement.ts';

interface Attempt<T> {
  readonly outcome: Promise<T>;
  readonly abort: AbortController;
  waiters: number;
}

export class JointAttempts<T> {
  readonly #underWay = new Map<string, Attempt<T>>();

  /**
   * What the attempt under way brings, or the one that `start` makes.
   * @throws ERR_OVERLOADED, the signal's reason, or what the attempt throws.
   */
  async join(
    what: string,
    start: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const attempt = this.#underWay.get(what) ?? this.#start(what, start);
    attempt.waiters += 1;
    try {
      return await abortable(attempt.outcome, signal);
    } finally {
      attempt.waiters -= 1;
      if (attempt.waiters === 0) this.#end(what, attempt);
    }
  }

  #start(what: string, start: (signal: AbortSignal) => Promise<T>): Attempt<T> {
    if (this.#underWay.size >= DIALS_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${DIALS_MAX} nodes are being dialled`);
    }
    const abort = new AbortController();
    const attempt = { outcome: start(abort.signal), abort, waiters: 0 };
    this.#underWay.set(what, attempt);
    return attempt;
  }

  /** Nobody waits any more: the attempt has ended, or ends now. */
  #end(what: string, attempt: Attempt<T>): void {
    if (this.#underWay.get(what) === attempt) this.#underWay.delete(what);
    attempt.abort.abort(new BarrelError('ERR_CLOSED', `nobody waits for ${what} any more`));
    attempt.outcome.catch(() => {});
  }
}
