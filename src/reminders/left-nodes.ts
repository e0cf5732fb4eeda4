/** Nodes that left by their own word and have not come back. */
import type { NodeName } from '../core/names.ts';
import { LEFT_NODES_MAX } from '../core/schedule/schedule-limits.ts';

export class LeftNodes {
  readonly #nodes = new Set<NodeName>();

  has(node: NodeName): boolean {
    return this.#nodes.has(node);
  }

  add(node: NodeName): void {
    this.#nodes.delete(node);
    this.#nodes.add(node);
    const [oldest] = this.#nodes;
    if (this.#nodes.size > LEFT_NODES_MAX && oldest !== undefined) this.#nodes.delete(oldest);
  }

  delete(node: NodeName): void {
    this.#nodes.delete(node);
  }
}
