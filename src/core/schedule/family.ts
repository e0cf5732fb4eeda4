/**
 * The slips of one key: as a rule one. A key that was set again has several versions for a moment,
 * of which the greatest counts; a series has occurrences of its own, dead or tried again.
 */
import { isOccurrenceId, versionPartOf } from './reminder-id.ts';
import type { Slip } from './slip.ts';

export class Family {
  /** In the order in which they came. */
  readonly #slips = new Map<string, Slip>();
  /** How many slips each version has. */
  readonly #versions = new Map<string, number>();
  #apartCount = 0;

  get size(): number {
    return this.#slips.size;
  }

  /** Occurrences that left their series. */
  get apartCount(): number {
    return this.#apartCount;
  }

  find(id: string): Slip | undefined {
    return this.#slips.get(id);
  }

  all(): IterableIterator<Slip> {
    return this.#slips.values();
  }

  /** True when its version is new here. */
  add(slip: Slip): boolean {
    const version = versionPartOf(slip.id);
    const count = this.#versions.get(version) ?? 0;
    this.#versions.set(version, count + 1);
    this.#slips.set(slip.id, slip);
    if (isOccurrenceId(slip.id)) this.#apartCount += 1;
    return count === 0;
  }

  /** True when it was the last of its version. */
  delete({ id }: Slip): boolean {
    const version = versionPartOf(id);
    const left = (this.#versions.get(version) ?? 1) - 1;
    if (left === 0) this.#versions.delete(version);
    else this.#versions.set(version, left);
    this.#slips.delete(id);
    if (isOccurrenceId(id)) this.#apartCount -= 1;
    return left === 0;
  }

  hasLater(id: string): boolean {
    const own = versionPartOf(id);
    for (const version of this.#versions.keys()) if (version > own) return true;
    return false;
  }

  hasEarlier(id: string): boolean {
    const own = versionPartOf(id);
    for (const version of this.#versions.keys()) if (version < own) return true;
    return false;
  }
}
