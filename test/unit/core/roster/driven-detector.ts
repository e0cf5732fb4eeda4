/** One failure detector on virtual time, with links and a roster that a test sets. */
import type {
  DetectorEffect,
  DetectorInput,
} from '../../../../src/core/roster/detector-contract.ts';
import type { RosterEntry } from '../../../../src/core/roster/entry.ts';
import {
  FailureDetector,
  type FailureDetectorConfig,
} from '../../../../src/core/roster/failure-detector.ts';
import type { DetectorMessage } from '../../../../src/core/roster/messages.ts';
import { SeededRandom } from '../../../../src/testing/seeded-random.ts';
import { TimerHeap } from '../../../../src/testing/timer-heap.ts';
import { entry } from './driven-roster.ts';

export class DrivenDetector {
  readonly core: FailureDetector;
  readonly heard: Map<string, number> = new Map();
  readonly roster: Map<string, RosterEntry> = new Map();
  rttMs = 10;
  nowMs = 0;
  /** Timers fire so much later than they should. */
  lateMs = 0;
  #effects: DetectorEffect[] = [];
  readonly #heap = new TimerHeap();

  /** `name`: of this node. It audits nobody unless a test asks for it. */
  constructor(name = 'm', config: Partial<FailureDetectorConfig> = {}) {
    this.core = new FailureDetector(
      { node: `${name}@t` },
      {
        links: {
          rttMs: (node) => (this.heard.has(node) ? this.rttMs : undefined),
          lastHeardMs: (node) => this.heard.get(node),
        },
        roster: this.roster,
        random: new SeededRandom(1),
        config: { auditPeriodMs: 1e9, ...config },
      },
    );
    this.roster.set(`${name}@t`, entry(name, 'alive'));
  }

  do(input: DetectorInput): void {
    for (const effect of this.core.handle(input, this.nowMs)) {
      if (effect.kind !== 'schedule') {
        this.#effects.push(effect);
        continue;
      }
      const { timer } = effect;
      const fire = (): void => this.do({ kind: 'timerFired', timer });
      this.#heap.push(this.nowMs + effect.delayMs + this.lateMs, fire);
    }
  }

  run(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let next = this.#heap.popDue(endMs); next; next = this.#heap.popDue(endMs)) {
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.callback?.();
    }
    this.nowMs = endMs;
  }

  member(name: string, ...neighbors: string[]): void {
    const names = neighbors.map((neighbor) => `${neighbor}@t`);
    this.roster.set(`${name}@t`, entry(name, 'alive', { neighbors: names }));
  }

  neighbor(name: string, ...neighbors: string[]): void {
    this.member(name, ...neighbors);
    this.heard.set(`${name}@t`, this.nowMs);
    this.do({ kind: 'neighborUp', node: `${name}@t`, incarnation: 1n });
  }

  lose(name: string): void {
    this.heard.delete(`${name}@t`);
    this.do({ kind: 'neighborDown', node: `${name}@t`, isLost: true });
  }

  receive(from: string, message: DetectorMessage): void {
    if (this.heard.has(`${from}@t`)) this.heard.set(`${from}@t`, this.nowMs);
    this.do({ kind: 'messageReceived', from: `${from}@t`, message });
  }

  /** Answers as a neighbour that lives, for so long. */
  keepAlive(name: string, ms: number): void {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      this.run(100);
      this.receive(name, { kind: 'pong' });
    }
  }

  take(): DetectorEffect[] {
    return this.#effects.splice(0);
  }

  /** What was sent since the last call, each as `kind to`. */
  sent(): string[] {
    return this.take().map((effect) => {
      if (effect.kind === 'send') return `${effect.message.kind} ${effect.to.slice(0, -2)}`;
      const node = effect.kind === 'stray' ? effect.peer.node : 'node' in effect ? effect.node : '';
      return `${effect.kind} ${node.slice(0, -2)}`;
    });
  }
}
