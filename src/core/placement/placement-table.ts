/** Who owns which partition, by one set of members: what is read for each key. */
import type { NodeName } from '../names.ts';

export interface PlacementTableParts {
  /** Sorted. */
  readonly nodes: readonly NodeName[];
  /** For each partition the index of its owner in `nodes`. */
  readonly owners: Uint16Array;
  readonly epoch: string;
}

/** Never changes: other members, another table. */
export class PlacementTable {
  /** All members, sorted. */
  readonly nodes: readonly NodeName[];
  /** 16 hex digits: the same for the same members, weights and ring size, on every node. */
  readonly epoch: string;
  readonly #owners: Uint16Array;

  constructor({ nodes, owners, epoch }: PlacementTableParts) {
    this.nodes = nodes;
    this.epoch = epoch;
    this.#owners = owners;
  }

  get ringSize(): number {
    return this.#owners.length;
  }

  /** @param partition 0 to `ringSize - 1`. @throws RangeError for any other one. */
  ownerOf(partition: number): NodeName {
    const owner = this.nodes[this.#owners[partition] ?? -1];
    if (owner === undefined) throw new RangeError(`there is no partition ${partition}`);
    return owner;
  }

  /** How many each of `nodes` owns. */
  counts(): Uint32Array {
    const counts = new Uint32Array(this.nodes.length);
    for (const owner of this.#owners) counts[owner] = (counts[owner] ?? 0) + 1;
    return counts;
  }

  /** Those of one node, growing; none for one that is no member. */
  partitionsOf(node: NodeName): readonly number[] {
    const index = this.nodes.indexOf(node);
    const partitions: number[] = [];
    for (let at = 0; at < this.#owners.length; at += 1) {
      if (this.#owners[at] === index) partitions.push(at);
    }
    return partitions;
  }
}
