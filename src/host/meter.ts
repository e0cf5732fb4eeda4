/**
 * Counts as plain fields: adding costs a field access, reading happens when somebody asks.
 *
 * Names are Prometheus names (`barrel_<subsystem>_<what>[_<unit>][_total]`); label values come from
 * closed sets, never from peers.
 */
export interface Counter {
  value: number;
}

export type Labels = Readonly<Record<string, string>>;

export class Meter {
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, () => number>();

  /** The counter of that name and those labels; the same object for the same arguments. */
  counter(name: string, labels: Labels = {}): Counter {
    const sample = sampleName(name, labels);
    const known = this.#counters.get(sample);
    if (known !== undefined) return known;
    const counter = { value: 0 };
    this.#counters.set(sample, counter);
    return counter;
  }

  /** Registers a value that is read when somebody asks. A second one of the same replaces it. */
  gauge(name: string, read: () => number, labels: Labels = {}): void {
    this.#gauges.set(sampleName(name, labels), read);
  }

  /** All samples by their Prometheus name, sorted. */
  snapshot(): Readonly<Record<string, number>> {
    const samples: [string, number][] = [];
    for (const [name, counter] of this.#counters) samples.push([name, counter.value]);
    for (const [name, read] of this.#gauges) samples.push([name, read()]);
    return Object.fromEntries(samples.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function sampleName(name: string, labels: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}
