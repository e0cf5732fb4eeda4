/**
 * A flood over the active views as they stand at one instant: the broadcast of the HyParView paper
 * (section 4.1), which sends each message to all neighbours once. Sends to dead neighbours are
 * noticed where the network says so.
 */
import { BreadthFirst, type Graph } from './graph.ts';

/** What a flood needs of a network. */
export interface Floodable {
  readonly neighbors: Graph;
  isAlive(index: number): boolean;
  probeDead(from: number, dead: number): void;
}

export interface FloodOutcome {
  readonly reached: number;
  /** Of the last delivery. */
  readonly hopsMax: number;
}

export class Flood {
  readonly #network: Floodable;
  readonly #search: BreadthFirst;

  constructor(network: Floodable) {
    this.#network = network;
    this.#search = new BreadthFirst(network.neighbors);
  }

  /** Sends one message from that living node. */
  from(source: number): FloodOutcome {
    return this.#search.from(source, (node, neighbor) => {
      if (this.#network.isAlive(neighbor)) return true;
      this.#network.probeDead(node, neighbor);
      return false;
    });
  }
}
