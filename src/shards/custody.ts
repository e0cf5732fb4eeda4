/**
 * Between "by the table this partition is mine" and holding it: when a partition is acquired and
 * when it is released. What is here takes and gives at once.
 */

import type { NodeName } from '../core/names.ts';
import type { Placement } from '../core/placement/placement.ts';
import type { PlacementTable } from '../core/placement/placement-table.ts';
import type { HeldPartitions } from './held-partitions.ts';
import type { ShardRuns } from './shard-runs.ts';

/** What a custody works with. */
export interface CustodyGround {
  readonly self: NodeName;
  /** What this node holds; a custody alone changes it. */
  readonly held: HeldPartitions;
  /** The members as of the last table; also tells the table without one of them. */
  readonly placement: Pick<Placement, 'table' | 'without'>;
  /** The jobs on what this node holds; they end before it is released. */
  readonly runs: Pick<ShardRuns, 'end'>;
}

/** Decides what this node holds. Called one at a time. */
export interface Custody {
  /** Somebody on this node looks at what it holds, now or later. */
  use(): void;
  /**
   * The table by which this node takes part, each time it is another one; the first after the start
   * or a `surrender` comes when this node has been compared with a member, or is alone.
   */
  follow(table: PlacementTable): void;
  /** The table of the others as this node sees it while it surrenders, when it is another one. */
  watch(table: PlacementTable): void;
  /**
   * This node takes part no more: it leaves, or closes, before it says goodbye. Resolves when
   * nothing is held and others have been told what they have to know, within a bounded time.
   */
  surrender(): Promise<void>;
}

/** Releases what is another's, then acquires what is its own, both at once and in order. */
export class ImmediateCustody implements Custody {
  readonly #ground: CustodyGround;

  constructor(ground: CustodyGround) {
    this.#ground = ground;
  }

  follow(table: PlacementTable): void {
    const { self, held } = this.#ground;
    const own = table.partitionsOf(self);
    const stays = new Set(own);
    held.release(
      held.partitions.filter((partition) => !stays.has(partition)),
      table.epoch,
    );
    held.acquire(own, table.epoch);
  }

  use(): void {}

  watch(): void {}

  async surrender(): Promise<void> {
    const { held, placement } = this.#ground;
    held.release(held.partitions, placement.table.epoch);
  }
}
