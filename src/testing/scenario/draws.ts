/** Choices that a scenario draws from its seed. */
import type { SeededRandom } from '../seeded-random.ts';

export class Draws {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  chance(share: number): boolean {
    return this.#random.float() < share;
  }

  /** Uniform in [least, most). */
  between(least: number, most: number): number {
    return least + this.#random.float() * (most - least);
  }

  /** As `between`, but small ones are much more frequent: the cube of a uniform draw. */
  skewed(least: number, most: number): number {
    return least + this.#cube() * (most - least);
  }

  /** Multiplied out: powers are not the same to the last bit on all engines. */
  #cube(): number {
    const draw = this.#random.float();
    return draw * draw * draw;
  }

  /** One of them, or undefined when there is none. */
  pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random.float() * from.length)];
  }

  /** All of them in another order. */
  shuffled<T>(from: readonly T[]): T[] {
    const rest = [...from];
    const drawn: T[] = [];
    while (rest.length > 0) {
      drawn.push(...rest.splice(Math.floor(this.#random.float() * rest.length), 1));
    }
    return drawn;
  }
}
