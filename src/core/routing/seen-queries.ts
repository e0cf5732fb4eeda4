/** Which queries came to this node before: each is handled once, whichever ways it takes. */
import { QUERY_IDS_SEEN_MAX } from '../../limits.ts';

export class SeenQueries {
  readonly #ids = new Set<bigint>();

  has(id: bigint): boolean {
    return this.#ids.has(id);
  }

  add(id: bigint): void {
    this.#ids.add(id);
    for (const oldest of this.#ids) {
      if (this.#ids.size <= QUERY_IDS_SEEN_MAX) break;
      this.#ids.delete(oldest);
    }
  }
}
