/** Sets of ids for the tests of the sketch, drawn from a seed: so a failure can be replayed. */
import { CodedPrefix } from '../../../../../src/core/store/sketch/coded-prefix.ts';
import { Difference } from '../../../../../src/core/store/sketch/difference.ts';

/** Ids that look like the output of a keyed hash: 16 bytes, all of them random. */
export class Ids {
  readonly #state: Uint32Array;

  constructor(seed: number) {
    this.#state = Uint32Array.of(0x9e3779b9, 0x243f6a88, 0xb7e15162, seed);
    for (let i = 0; i < 20; i += 1) this.#word();
  }

  next(): string {
    const words = Uint32Array.of(this.#word(), this.#word(), this.#word(), this.#word());
    return Buffer.from(words.buffer).toString('latin1');
  }

  many(count: number): string[] {
    return Array.from({ length: count }, () => this.next());
  }

  /** A step of sfc32. */
  #word(): number {
    const [a = 0, b = 0, c = 0, counter = 0] = this.#state;
    const sum = (a + b + counter) >>> 0;
    this.#state[0] = b ^ (b >>> 9);
    this.#state[1] = c + (c << 3);
    this.#state[2] = ((c << 21) | (c >>> 11)) + sum;
    this.#state[3] = counter + 1;
    return sum;
  }
}

export function prefixOf(ids: Iterable<string>, size?: number): CodedPrefix {
  const prefix = new CodedPrefix(size);
  for (const id of ids) prefix.add(id);
  return prefix;
}

/** Asks for symbols as `next` says until there are none to ask for. */
export function reconcile(local: CodedPrefix, remote: CodedPrefix): Reconciliation {
  const difference = new Difference(local);
  let batches = 0;
  let count = difference.next();
  while (count > 0) {
    difference.add(remote.symbols(difference.received, difference.received + count));
    batches += 1;
    count = difference.next();
  }
  return { difference, batches };
}

interface Reconciliation {
  readonly difference: Difference;
  readonly batches: number;
}

export interface Found {
  readonly onlyLocal: readonly string[];
  readonly onlyRemote: readonly string[];
}

export function found({ onlyLocal, onlyRemote }: Found): Found {
  return { onlyLocal: [...onlyLocal].sort(), onlyRemote: [...onlyRemote].sort() };
}
