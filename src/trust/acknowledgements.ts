/** Who has followed a rotation, and who is waited for. */
import type { NodeName } from '../core/names.ts';
import { settlement } from '../settlement.ts';

export class Acknowledgements {
  readonly seq: number;
  readonly #waiting: Set<NodeName>;
  readonly #done = settlement<void>();

  constructor(seq: number, nodes: Iterable<NodeName>) {
    this.seq = seq;
    this.#waiting = new Set(nodes);
    if (this.#waiting.size === 0) this.#done.resolve();
  }

  /** A node goes by that statement, or a later one. */
  note(node: NodeName, seq: number): void {
    if (seq < this.seq) return;
    this.#waiting.delete(node);
    if (this.#waiting.size === 0) this.#done.resolve();
  }

  /** Resolves when nobody is waited for. */
  get all(): Promise<void> {
    return this.#done.promise;
  }

  /** Sorted. */
  get pending(): readonly NodeName[] {
    return [...this.#waiting].sort();
  }
}
