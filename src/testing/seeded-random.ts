/**
 * Randomness that one seed reproduces, for simulations and tests. Never for secrets.
 */
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Random } from '../host/host.ts';

/** Outputs of near seeds are alike at first; these many are thrown away. */
const WARM_UP_DRAWS = 16;

/** xoroshiro128+ behind the host's `Random`: the same seed gives the same values on any machine. */
export class SeededRandom implements Random {
  readonly #generator: ReturnType<typeof xoroshiro128plus>;

  /** @param seed any 32-bit integer; other numbers are cut down to one. */
  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed | 0);
    for (let draw = 0; draw < WARM_UP_DRAWS; draw += 1) this.#generator.next();
  }

  /** Uniform in [0, 1), with all 53 bits that fit. */
  float(): number {
    const high = this.#generator.next() >>> 5;
    const low = this.#generator.next() >>> 6;
    return (high * 0x400_0000 + low) / 0x20_0000_0000_0000;
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    let word = 0;
    for (let index = 0; index < count; index += 1) {
      word = index % 4 === 0 ? this.#generator.next() : word >>> 8;
      bytes[index] = word;
    }
    return bytes;
  }

  /** A generator of its own, so that what one part draws does not shift what another one gets. */
  fork(): SeededRandom {
    return new SeededRandom(this.#generator.next());
  }
}
