/**
 * What a neighbour's roster said beyond this node's own, and others may not know either. It waits
 * for a moment: mostly it is under way to all already, and this node only heard it here first.
 */
import type { NodeName } from '../names.ts';
import { isLiving, type RosterEntry } from './entry.ts';

/** Between hearing it and telling it. */
export const NEWS_HELD_MS = 500;

/** Told at once; the rest waits as long again, and may be heard meanwhile. */
const NEWS_TOLD_MAX = 1_024;

export class News {
  /** Bounded by the roster: one for each of its entries. */
  readonly #nodes = new Map<NodeName, number>();

  get isEmpty(): boolean {
    return this.#nodes.size === 0;
  }

  has(node: NodeName): boolean {
    return this.#nodes.has(node);
  }

  /** Heard again in another state, it waits anew. */
  add(node: NodeName, nowMs: number): void {
    this.#nodes.delete(node);
    this.#nodes.set(node, nowMs + NEWS_HELD_MS);
  }

  /** Heard by all; true when it was held here. */
  drop(node: NodeName): boolean {
    return this.#nodes.delete(node);
  }

  /** What has waited long enough, oldest first; it is no news any more. */
  take(nowMs: number): readonly NodeName[] {
    const due: NodeName[] = [];
    for (const [node, dueMs] of this.#nodes) {
      if (dueMs > nowMs || due.length >= NEWS_TOLD_MAX) break;
      due.push(node);
    }
    for (const node of due) this.#nodes.delete(node);
    return due;
  }
}

/** True when members change by it; what nodes find by rule is told by nobody. */
export function isNews(entry: RosterEntry, known: RosterEntry | undefined): boolean {
  if (entry.status === 'suspect' && entry.by.length === 0) return false;
  return isLiving(entry) || isLiving(known);
}
