/** What the book keeps of a reminder in a partition that this node holds: no more than its turn. */
import type { HeapItem } from './due-heap.ts';

/**
 * `due`: waits for a wall time. `paused`: for a monotonic one. `ripe`: its pause is over.
 * `unheard`: nobody can handle it. `busy`: it is worked on. `still`: nothing is to be done.
 */
export type SlipStage = 'due' | 'paused' | 'ripe' | 'unheard' | 'busy' | 'still';

export interface Slip extends HeapItem {
  readonly id: string;
  stage: SlipStage;
}

export function newSlip(id: string): Slip {
  return { id, stage: 'still', atMs: 0, heapAt: -1 };
}
