/**
 * What must hold of a membership core after every input. Tests and the simulator attach one of
 * these to each node.
 */
import type { NodeName } from '../names.ts';
import type { MembershipEffect, MembershipInput, MembershipTimer } from './contract.ts';
import type { HyParView } from './hyparview.ts';

export class MembershipInvariants {
  readonly #core: HyParView;
  /** Neighbours as the events tell. */
  readonly #up: Set<NodeName>;
  /** Timers of requests that were scheduled and neither replaced nor fired, by node. */
  readonly #timers: Map<NodeName, number>;
  #generation: number;

  /** Begins with the core as it is now. */
  constructor(core: HyParView) {
    this.#core = core;
    this.#up = new Set(core.activeView);
    this.#timers = new Map(core.pendingTimers);
    this.#generation = Math.max(0, ...this.#timers.values());
  }

  /**
   * Checks the core after an input that had these effects. Without the input, timers that fired
   * count as running.
   * @throws Error that names the broken rule and the node.
   */
  check(effects: readonly MembershipEffect[], input?: MembershipInput): void {
    if (input?.kind === 'timerFired') this.#fired(input.timer);
    for (const effect of effects) this.#follow(effect);
    this.#checkViews();
    this.#checkTimers();
  }

  #checkViews(): void {
    const { activeView, passiveView, pendingNodes, blockedNodes, self, config } = this.#core;
    const known = [...activeView, ...passiveView, ...pendingNodes];
    if (known.includes(self.node)) this.#fail('the node itself is in a view');
    if (new Set(known).size !== known.length) this.#fail('a peer is in two states');
    if (activeView.length > config.activeSize) this.#fail('the active view is overfull');
    if (passiveView.length > config.passiveSize) this.#fail('the passive view is overfull');
    const isTold = activeView.length === this.#up.size && activeView.every((n) => this.#up.has(n));
    if (!isTold) this.#fail('events do not match the active view');
    const isKept = blockedNodes.some((node) => known.includes(node));
    if (isKept) this.#fail('a blocked peer is in a view');
  }

  /** A request owns the timer that was scheduled for its node last, and outlives no timer. */
  #checkTimers(): void {
    for (const [node, generation] of this.#core.pendingTimers) {
      if (this.#timers.get(node) !== generation) this.#fail(`the request to ${node} has no timer`);
    }
  }

  #fired(timer: MembershipTimer): void {
    if (timer.kind !== 'request') return;
    if (this.#timers.get(timer.node) === timer.generation) this.#timers.delete(timer.node);
  }

  #follow(effect: MembershipEffect): void {
    if (effect.kind === 'schedule' && effect.timer.kind === 'request') {
      const { node, generation } = effect.timer;
      if (generation <= this.#generation) this.#fail(`a timer of ${node} is not new`);
      this.#generation = generation;
      this.#timers.set(node, generation);
    }
    if (effect.kind !== 'emit') return;
    const { type, node } = effect.event;
    if ((type === 'peerUp') === this.#up.has(node)) this.#fail(`${type} twice for ${node}`);
    if (type === 'peerUp') this.#up.add(node);
    else this.#up.delete(node);
  }

  #fail(rule: string): never {
    throw new Error(`membership of ${this.#core.self.node}: ${rule}`);
  }
}

/**
 * One-sided links among nodes at rest, as `a -> b`; empty when all are mutual.
 */
export function oneSidedLinks(cores: Iterable<HyParView>): string[] {
  const views = new Map<NodeName, ReadonlySet<NodeName>>();
  for (const core of cores) views.set(core.self.node, new Set(core.activeView));
  const found: string[] = [];
  for (const [node, view] of views) {
    for (const peer of view) {
      if (views.get(peer)?.has(node) !== true) found.push(`${node} -> ${peer}`);
    }
  }
  return found;
}
