/**
 * Attempts that callers share who want the same node and know the same addresses of it: an attempt
 * ends when none of them waits for it any more.
 */
import type { Address, NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import { DIALS_MAX } from '../limits.ts';
import { abortable } from '../settlement.ts';

/** Whom an attempt is for. */
export interface Sought {
  readonly node: NodeName;
  /** Addresses that the caller knows beside those that all know. */
  readonly hints?: readonly Address[] | undefined;
}

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
    sought: Sought,
    start: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const key = [sought.node, ...(sought.hints ?? [])].join(' ');
    const attempt = this.#underWay.get(key) ?? this.#start(key, sought, start);
    attempt.waiters += 1;
    try {
      return await abortable(attempt.outcome, signal);
    } finally {
      attempt.waiters -= 1;
      if (attempt.waiters === 0) this.#end(key, attempt);
    }
  }

  #start(key: string, { node }: Sought, start: (signal: AbortSignal) => Promise<T>): Attempt<T> {
    if (this.#underWay.size >= DIALS_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${DIALS_MAX} nodes are being dialled`, { node });
    }
    const abort = new AbortController();
    const attempt = { outcome: start(abort.signal), abort, waiters: 0 };
    this.#underWay.set(key, attempt);
    return attempt;
  }

  /** Nobody waits any more: the attempt has ended, or ends now. */
  #end(key: string, attempt: Attempt<T>): void {
    if (this.#underWay.get(key) === attempt) this.#underWay.delete(key);
    attempt.abort.abort(new BarrelError('ERR_CLOSED', `nobody waits for ${key} any more`));
    attempt.outcome.catch(() => {});
  }
}
