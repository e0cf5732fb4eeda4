/**
 * Tells who gives no sign of life: the neighbours all the time, other members now and then. It only
 * suspects; who is dead is for the roster. A node that notices that it is slow itself, or stood
 * still, waits longer before it blames others (Lifeguard; Dadgar, Phillips, Currey, 2018).
 */

import type { LinkFacts } from '../link-facts.ts';
import type { Randomness } from '../membership/randomness.ts';
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import { Audits } from './audits.ts';
import { FAILURE_DETECTOR_DEFAULTS, type FailureDetectorConfig } from './detector-config.ts';
import { DetectorContext, type RosterView } from './detector-context.ts';
import type { DetectorEffect, DetectorInput, DetectorTimer } from './detector-contract.ts';
import { IndirectPings } from './indirect-pings.ts';
import type { DetectorMessage } from './messages.ts';
import { PeerBudgets } from './peer-budgets.ts';
import { Stalls } from './stalls.ts';
import { TimerBook } from './timer-book.ts';
import { Watching } from './watching.ts';

export type { FailureDetectorConfig } from './detector-config.ts';
export type { RosterView } from './detector-context.ts';

export interface FailureDetectorOptions {
  readonly links: LinkFacts;
  readonly roster: RosterView;
  readonly random: Randomness;
  readonly config?: Partial<FailureDetectorConfig> | undefined;
}

/** The failure detector of one node. No clock, no links: facts in, effects out. */
export class FailureDetector {
  readonly config: FailureDetectorConfig;
  readonly #context: DetectorContext;
  readonly #watching: Watching;
  readonly #indirectPings: IndirectPings;
  readonly #audits: Audits;
  readonly #budgets: PeerBudgets = new PeerBudgets();
  readonly #timers = new TimerBook<DetectorTimer['kind']>();
  readonly #stalls: Stalls = new Stalls();

  constructor(self: { readonly node: NodeName }, options: FailureDetectorOptions) {
    const { links, roster, random, config = {} } = options;
    this.config = { ...FAILURE_DETECTOR_DEFAULTS, ...config };
    this.#context = new DetectorContext({
      self: self.node,
      links,
      roster,
      random,
      config: this.config,
    });
    this.#watching = new Watching(this.#context);
    this.#indirectPings = new IndirectPings(this.#context);
    this.#audits = new Audits(this.#context, this.#watching);
  }

  /** How slow this node is, 0 to 8: its time-outs are one more than that times as long. */
  get health(): number {
    return this.#context.health.value;
  }

  /**
   * Applies one input at a monotonic time in milliseconds; returns its effects in the order in
   * which the driver must carry them out. Never throws for what a peer sent.
   */
  handle(input: DetectorInput, nowMs: number): readonly DetectorEffect[] {
    this.#context.nowMs = nowMs;
    switch (input.kind) {
      case 'neighborUp':
        this.#watching.onNeighborUp(input.node, input.incarnation);
        break;
      case 'neighborDown':
        this.#watching.onNeighborDown(input.node, input.isLost);
        break;
      case 'messageReceived':
        this.#onMessage(input.from, input.message);
        break;
      case 'doubt':
        this.#audits.doubt(input.node, input.incarnation);
        break;
      case 'reached':
        this.#audits.onReached(input.node, input.isReached);
        break;
      case 'refuted':
        this.#context.health.raise(nowMs);
        break;
      case 'timerFired':
        this.#onTimer(input.timer);
        break;
      default:
        unreachable(input);
    }
    this.#plan();
    return this.#context.take();
  }

  #onMessage(from: NodeName, message: DetectorMessage): void {
    this.#indirectPings.onHeard(from);
    this.#watching.onMessage(from);
    switch (message.kind) {
      case 'ping':
        this.#context.send(from, { kind: 'pong' });
        break;
      case 'pong':
        break;
      case 'pingAnswer':
        if (message.isAlive) this.#watching.onAnswer(from, message.nonce);
        break;
      case 'pingRequest':
      case 'audit':
      case 'audited':
        // What one node can ask of others through this one is bounded.
        if (this.#budgets.take(from, this.#context.nowMs)) this.#onRequest(from, message);
        break;
      default:
        unreachable(message);
    }
  }

  #onRequest(
    from: NodeName,
    message: Extract<DetectorMessage, { kind: 'pingRequest' | 'audit' | 'audited' }>,
  ): void {
    switch (message.kind) {
      case 'pingRequest': {
        const isNeighbor = this.#watching.isNeighbor(message.target);
        this.#indirectPings.onRequest(from, { ...message, isNeighbor });
        break;
      }
      case 'audit':
        this.#audits.onAudit(from, message);
        break;
      case 'audited':
        this.#audits.onAudited(from, message);
        break;
      default:
        unreachable(message);
    }
  }

  #onTimer(timer: DetectorTimer): void {
    const latenessMs = this.#timers.take(timer, this.#context.nowMs);
    if (latenessMs === undefined) return;
    const stallMs = this.#stalls.notice(latenessMs, this.#context.nowMs);
    if (stallMs > 0) this.#onStall(stallMs);
    if (timer.kind === 'audit') {
      this.#audits.look();
      return;
    }
    this.#watching.look();
    this.#indirectPings.look();
  }

  /** Nobody is blamed for the time in which this node stood still; it is the slow one. */
  #onStall(stallMs: number): void {
    this.#context.health.raise(this.#context.nowMs);
    this.#watching.shift(stallMs);
    this.#indirectPings.shift(stallMs);
    this.#audits.shift(stallMs);
  }

  #plan(): void {
    const watchMs = this.#watching.nextMs ?? Number.POSITIVE_INFINITY;
    const indirectMs = this.#indirectPings.nextMs ?? Number.POSITIVE_INFINITY;
    this.#wake('watch', Math.min(watchMs, indirectMs));
    this.#wake('audit', this.#audits.planMs());
  }

  #wake(kind: DetectorTimer['kind'], atMs: number): void {
    if (!Number.isFinite(atMs)) return;
    const { nowMs } = this.#context;
    const timer = this.#timers.advance(kind, Math.max(atMs, nowMs + 1));
    if (timer === undefined) return;
    this.#context.push({ kind: 'schedule', timer, delayMs: Math.max(atMs - nowMs, 1) });
  }
}
