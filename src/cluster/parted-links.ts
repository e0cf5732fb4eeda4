/**
 * Links whose end this node has agreed to, while the other end has the last word. Nothing is sent
 * on them; what has to be sent waits until it is known whether there has to be a new link.
 */
import { PARTED_MS_MAX } from '../core/links/link-limits.ts';
import type { NodeName } from '../core/names.ts';
import type { Host } from '../host/host.ts';
import { type Settlement, settlement } from '../settlement.ts';
import type { Link } from './link.ts';

interface Parted {
  readonly link: Link;
  readonly outcome: Settlement<void>;
  readonly deadline: Disposable;
}

/** One for each node at most, as there is one link. */
export class PartedLinks {
  readonly #timers: Host['timers'];
  readonly #byNode = new Map<NodeName, Parted>();

  constructor(timers: Host['timers']) {
    this.#timers = timers;
  }

  nodes(): IterableIterator<NodeName> {
    return this.#byNode.keys();
  }

  has(link: Link): boolean {
    return this.#byNode.get(link.node)?.link === link;
  }

  /** Who says nothing more loses the connection in the end. */
  add(link: Link): void {
    const { node } = link;
    const deadline = this.#timers.after(PARTED_MS_MAX, () => this.close(node, 'idle'));
    this.#byNode.set(node, { link, outcome: settlement(), deadline });
  }

  /** Its fate is known; no effect for a link that is not here. */
  remove(link: Link): void {
    const parted = this.#byNode.get(link.node);
    if (parted?.link !== link) return;
    this.#byNode.delete(link.node);
    parted.deadline[Symbol.dispose]();
    parted.outcome.resolve();
  }

  /** Ends the connection of the one to that node, if there is one. */
  close(node: NodeName, reason: string): void {
    const link = this.#byNode.get(node)?.link;
    if (link === undefined) return;
    link.connection.close(reason);
    this.remove(link);
  }

  /** Resolves when the fate of the one to that node is known; undefined when there is none. */
  outcome(node: NodeName): Promise<void> | undefined {
    return this.#byNode.get(node)?.outcome.promise;
  }
}
