/**
 * What this node knows of who lives, to its neighbours: page by page what a neighbour lacks, so
 * that no roster, however large, fills a queue.
 */
import type { NodeName } from '../core/names.ts';
import type { ControlSender } from './control-sender.ts';

/** Comparisons whose pages wait for one neighbour; above it one is left to the next comparison. */
const COMPARISONS_WAITING_MAX = 4;

interface Neighbor {
  /** Pages that are still to be sent, those of one comparison after those of another. */
  readonly pages: Iterator<Uint8Array>[];
}

export class PagedRoster {
  readonly #control: ControlSender;
  readonly #neighbors = new Map<NodeName, Neighbor>();

  constructor(control: ControlSender) {
    this.#control = control;
  }

  /** A new neighbour: pages may follow from now on. */
  start(node: NodeName): void {
    this.#neighbors.set(node, { pages: [] });
  }

  stop(node: NodeName): void {
    this.#neighbors.delete(node);
  }

  /** Sends these pages, as far as the link takes them, behind those that wait already. */
  add(node: NodeName, pages: Iterator<Uint8Array>): void {
    const neighbor = this.#neighbors.get(node);
    if (neighbor === undefined || neighbor.pages.length >= COMPARISONS_WAITING_MAX) return;
    neighbor.pages.push(pages);
    if (neighbor.pages.length === 1) this.goOn(node);
  }

  /** Sends pages until the link is above its high-water mark. Called when it has drained. */
  goOn(node: NodeName): void {
    const neighbor = this.#neighbors.get(node);
    if (neighbor === undefined) return;
    for (let hasRoom = true; hasRoom; ) {
      const page = neighbor.pages[0]?.next();
      if (page === undefined) return;
      if (page.done === true) neighbor.pages.shift();
      else hasRoom = this.#control.send(node, page.value);
    }
  }
}
