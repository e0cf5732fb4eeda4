/**
 * Failures of peers, apart from the views, so that no shuffle overwrites them. They are this node's
 * own experience and never travel.
 */
import type { NodeName } from '../names.ts';
import type { HyParViewConfig } from './config.ts';
import type { Randomness } from './randomness.ts';

interface Failure {
  readonly count: number;
  readonly untilMs: number;
}

/** Peers remembered; above it the one that failed longest ago goes. */
const FAILURES_REMEMBERED_MAX = 1_024;

export class FailureTable {
  readonly #config: HyParViewConfig;
  readonly #random: Randomness;
  readonly #failures = new Map<NodeName, Failure>();

  constructor(config: HyParViewConfig, random: Randomness) {
    this.#config = config;
    this.#random = random;
  }

  /** Counts a failure and draws the wait before the next try: full jitter, doubling bound. */
  record(node: NodeName, nowMs: number): void {
    const count = (this.#failures.get(node)?.count ?? 0) + 1;
    const { backoffBaseMs, backoffMaxMs } = this.#config;
    const boundMs = Math.min(backoffMaxMs, backoffBaseMs * 2 ** Math.min(count, 30));
    const waitMs = Math.max(backoffBaseMs, this.#random.float() * boundMs);
    this.#failures.delete(node);
    this.#failures.set(node, { count, untilMs: nowMs + waitMs });
    if (this.#failures.size <= FAILURES_REMEMBERED_MAX) return;
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest);
      break;
    }
  }

  clear(node: NodeName): void {
    this.#failures.delete(node);
  }

  /** Failures in a row. */
  count(node: NodeName): number {
    return this.#failures.get(node)?.count ?? 0;
  }

  /** True while the peer may not be tried. */
  isBackingOff(node: NodeName, nowMs: number): boolean {
    const failure = this.#failures.get(node);
    return failure !== undefined && nowMs < failure.untilMs;
  }
}
