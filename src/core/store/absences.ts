/**
 * Since when nodes are away that keep replicas on disk. After a day they leave the replica sets:
 * tombstones wait for them no longer, and one that returns takes what it lacks from the others.
 */
import type { NodeName } from '../names.ts';
import { type Hosts, replicasKey } from './hosts.ts';

const ABSENCE_MS_MAX = 86_400_000;

export class Absences {
  /** Each node counts by itself, from its own start. */
  readonly #sinceMs = new Map<NodeName, number>();

  /** The node is here. */
  end(node: NodeName): void {
    this.#sinceMs.delete(node);
  }

  /** The keys in `replicas` of nodes that have been away for too long. */
  overdue(hosts: Hosts, isHere: (node: NodeName) => boolean, nowMs: number): readonly string[] {
    const away = [...hosts.allDurable()].filter(({ replica }) => !isHere(replica.node));
    const nodes = new Set(away.map(({ replica }) => replica.node));
    for (const node of this.#sinceMs.keys()) if (!nodes.has(node)) this.#sinceMs.delete(node);
    for (const node of nodes) if (!this.#sinceMs.has(node)) this.#sinceMs.set(node, nowMs);
    return away
      .filter(({ replica }) => nowMs - (this.#sinceMs.get(replica.node) ?? nowMs) >= ABSENCE_MS_MAX)
      .map(({ store, replica }) => replicasKey(store, replica.node));
  }
}
