/**
 * What a SWIM node believes of the others, and the news that it passes on: each piece rides on so
 * many messages as an epidemic needs (section 4.1 of the paper), the least told first.
 */
import type { NodeName } from '../../../core/names.ts';
import type { SwimState, SwimUpdate } from './swim-messages.ts';

/** Pieces of news on one message. */
const UPDATES_MAX = 8;
/** Times that a piece is told, in logarithms of the size. */
const TELLING_FACTOR = 4;

interface Belief {
  state: SwimState;
  incarnation: number;
}

const RANKS: Readonly<Record<SwimState, number>> = { alive: 0, suspect: 1, dead: 2 };

export class SwimTable {
  readonly #beliefs = new Map<NodeName, Belief>();
  readonly #news = new Map<NodeName, { readonly update: SwimUpdate; told: number }>();
  readonly #tellingsMax: number;

  constructor(members: Iterable<NodeName>) {
    for (const node of members) this.#beliefs.set(node, { state: 'alive', incarnation: 0 });
    this.#tellingsMax = TELLING_FACTOR * Math.ceil(Math.log10(this.#beliefs.size + 1));
  }

  /** Members that are not dead. */
  get present(): NodeName[] {
    const present: NodeName[] = [];
    for (const [node, { state }] of this.#beliefs) if (state !== 'dead') present.push(node);
    return present;
  }

  belief(node: NodeName): Readonly<Belief> | undefined {
    return this.#beliefs.get(node);
  }

  /**
   * Takes an update when it overrides what is believed (section 4.2): the greater incarnation, then
   * suspect over alive, then dead. A dead member comes back by a greater incarnation, as in
   * memberlist; in the paper it would have to join again.
   */
  take(update: SwimUpdate): boolean {
    const known = this.#beliefs.get(update.node);
    if (known === undefined) return false;
    const isNewer = update.incarnation > known.incarnation;
    const isSame = update.incarnation === known.incarnation;
    if (!isNewer && !(isSame && RANKS[update.state] > RANKS[known.state])) return false;
    known.state = update.state;
    known.incarnation = update.incarnation;
    this.spread(update);
    return true;
  }

  spread(update: SwimUpdate): void {
    this.#news.set(update.node, { update, told: 0 });
  }

  /** News for one message. */
  riders(): readonly SwimUpdate[] {
    if (this.#news.size === 0) return [];
    const news = [...this.#news.values()].sort((a, b) => a.told - b.told).slice(0, UPDATES_MAX);
    for (const piece of news) {
      piece.told += 1;
      if (piece.told >= this.#tellingsMax) this.#news.delete(piece.update.node);
    }
    return news.map(({ update }) => update);
  }
}
