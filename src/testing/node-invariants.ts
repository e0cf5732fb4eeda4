/**
 * What must hold of one node after every step of a simulation, told by its events and views
 * alone. It stands apart from the code that it judges and shares nothing with it.
 */
import type { BarrelNode } from '../barrel-node.ts';
import type { Views } from '../compose-node.ts';
import type { NodeName } from '../core/names.ts';
import type { BrokenRule, OverlayInvariants } from './overlay-invariants.ts';

/** Which node broke a rule. */
export interface Violation extends BrokenRule {
  readonly node: NodeName;
}

export interface InvariantsOptions {
  readonly node: BarrelNode;
  /** Of the node, unsorted: sorting them for each step would cost more than the step. */
  readonly views: Views;
  readonly sizes: ViewSizes;
  /** The rules of what cannot be seen from outside. */
  readonly overlay?: OverlayInvariants | undefined;
}

export interface ViewSizes {
  readonly activeSize: number;
  readonly passiveSize: number;
}

export class NodeInvariants {
  readonly #node: BarrelNode;
  readonly #views: Views;
  readonly #sizes: ViewSizes;
  readonly #overlay: OverlayInvariants | undefined;
  /** Neighbours and members as the events tell. */
  readonly #peers: Set<NodeName>;
  readonly #members: Set<NodeName>;
  #violation: Violation | undefined;
  #membershipSteps: number | undefined;
  /** As they were checked last. */
  #active: readonly NodeName[] = [];
  #passive: readonly NodeName[] = [];

  /** Follows the node from now on. */
  constructor({ node, views, sizes, overlay }: InvariantsOptions) {
    this.#node = node;
    this.#views = views;
    this.#sizes = sizes;
    this.#overlay = overlay;
    this.#peers = new Set(node.activeView());
    this.#members = new Set(node.members());
    node.on('peerUp', (event) => this.#enter(this.#peers, event));
    node.on('peerDown', (event) => this.#exit(this.#peers, event));
    node.on('memberUp', (event) => this.#enter(this.#members, event));
    node.on('memberDown', (event) => this.#exit(this.#members, event));
  }

  /** The first broken rule; it stays. Most steps change no view, and those cost little. */
  check(): Violation | undefined {
    const steps = this.#overlay?.membershipSteps;
    if (steps === undefined || steps !== this.#membershipSteps) this.#look();
    this.#membershipSteps = steps;
    const broken = this.#overlay?.broken;
    if (broken !== undefined) this.#break(broken.rule, broken.detail);
    return this.#violation;
  }

  #look(): void {
    const active = this.#views.activeView();
    const passive = this.#views.passiveView();
    if (!isSame(active, this.#active) || !isSame(passive, this.#passive)) {
      this.#active = active;
      this.#passive = passive;
      this.#checkViews(active, passive);
    }
    if (active.length !== this.#peers.size || !active.every((peer) => this.#peers.has(peer))) {
      this.#break('events match the active view', `view ${active}, events ${[...this.#peers]}`);
    }
  }

  #checkViews(active: readonly NodeName[], passive: readonly NodeName[]): void {
    const { name } = this.#node;
    if (active.includes(name) || passive.includes(name)) {
      this.#break('a node is in no view of its own', `active ${active}, passive ${passive}`);
    }
    const shared = passive.find((peer) => active.includes(peer));
    if (shared !== undefined) this.#break('the views are disjoint', `${shared} is in both`);
    if (active.length > this.#sizes.activeSize) {
      this.#break('the active view is within its size', `${active.length} neighbours`);
    }
    if (passive.length > this.#sizes.passiveSize) {
      this.#break('the passive view is within its size', `${passive.length} spares`);
    }
  }

  #enter(up: Set<NodeName>, { type, node }: Told): void {
    if (up.has(node)) this.#break('up and down alternate', `${type} again for ${node}`);
    up.add(node);
  }

  #exit(up: Set<NodeName>, { type, node }: Told): void {
    if (!up.delete(node)) this.#break('up and down alternate', `${type} without up for ${node}`);
  }

  #break(rule: string, detail: string): void {
    this.#violation ??= { node: this.#node.name, rule, detail };
  }
}

interface Told {
  readonly type: string;
  readonly node: NodeName;
}

function isSame(some: readonly NodeName[], others: readonly NodeName[]): boolean {
  return some.length === others.length && some.every((name, index) => name === others[index]);
}
