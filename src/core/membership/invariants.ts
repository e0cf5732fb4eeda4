/**
 * What must hold of a membership core after every input. Tests and the simulator attach one of
 * these to each node.
 */
import type { NodeName } from '../names.ts';
import type { MembershipEffect } from './contract.ts';
import type { HyParView } from './hyparview.ts';

export class MembershipInvariants {
  readonly #core: HyParView;
  /** Neighbours as the events tell. */
  readonly #up = new Set<NodeName>();
  /** Timers of attempts that were scheduled and not replaced. */
  readonly #timers = new Map<NodeName, number>();

  constructor(core: HyParView) {
    this.#core = core;
  }

  /**
   * Checks the core after an input that had these effects.
   * @throws Error that names the broken rule and the node.
   */
  check(effects: readonly MembershipEffect[]): void {
    for (const effect of effects) this.#follow(effect);
    const { activeView, passiveView, pendingNodes, self, config } = this.#core;
    const known = [...activeView, ...passiveView, ...pendingNodes];
    if (known.includes(self.node)) this.#fail('the node itself is in a view');
    if (new Set(known).size !== known.length) this.#fail('a peer is in two states');
    if (activeView.length > config.activeSize) this.#fail('the active view is overfull');
    if (passiveView.length > config.passiveSize) this.#fail('the passive view is overfull');
    const isTold = activeView.length === this.#up.size && activeView.every((n) => this.#up.has(n));
    if (!isTold) this.#fail('events do not match the active view');
    for (const node of pendingNodes) {
      if (!this.#timers.has(node)) this.#fail(`the request to ${node} has no timer`);
    }
  }

  #follow(effect: MembershipEffect): void {
    if (effect.kind === 'schedule' && effect.timer.kind === 'request') {
      this.#timers.set(effect.timer.node, effect.timer.generation);
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
