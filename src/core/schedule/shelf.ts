/**
 * All reminders that the store has, by partition: of those that this node holds a slip each, of
 * others the id alone. So a partition comes and goes at the cost of what is in it. Of the ids of
 * one key only those of the greatest version count.
 */
import { Family } from './family.ts';
import { keyPartOf } from './reminder-id.ts';
import { newSlip, type Slip } from './slip.ts';

interface HeldPartition {
  readonly sinceMs: number;
  /** By key: the slip where there is one, else all of them. */
  readonly slips: Map<string, Slip | Family>;
}

/** A slip that came or went, and whether the key has other versions for that than before. */
export interface Shelved {
  readonly slip: Slip;
  readonly isOtherVersion: boolean;
}

export class Shelf {
  readonly #partitionOf: (keyText: string) => number;
  readonly #held = new Map<number, HeldPartition>();
  readonly #others = new Map<number, Set<string>>();
  #heldCount = 0;

  constructor(partitionOf: (keyText: string) => number) {
    this.#partitionOf = partitionOf;
  }

  /** Ids in partitions that this node holds. */
  get heldCount(): number {
    return this.#heldCount;
  }

  holds(partition: number): boolean {
    return this.#held.has(partition);
  }

  /** Since when this node holds it; undefined when it does not. */
  heldSinceMs(partition: number): number | undefined {
    return this.#held.get(partition)?.sinceMs;
  }

  partitionOfId(id: string): number {
    return this.#partitionOf(keyPartOf(id));
  }

  /** The slip of an id that the store has; undefined where the partition is not held. */
  add(id: string): Shelved | undefined {
    const partition = this.partitionOfId(id);
    const held = this.#held.get(partition);
    if (held !== undefined) return this.#slip(held, id);
    const ids = this.#others.get(partition);
    if (ids === undefined) this.#others.set(partition, new Set([id]));
    else ids.add(id);
    return undefined;
  }

  /** Takes out what the store has no more; returns its slip. */
  remove(id: string): Shelved | undefined {
    const partition = this.partitionOfId(id);
    const held = this.#held.get(partition);
    if (held !== undefined) return this.#takeSlip(held, id);
    const ids = this.#others.get(partition);
    if (ids?.delete(id) === true && ids.size === 0) this.#others.delete(partition);
    return undefined;
  }

  find(id: string): Slip | undefined {
    const slips = this.#ofKey(id);
    if (slips instanceof Family) return slips.find(id);
    return slips?.id === id ? slips : undefined;
  }

  /** All slips of the key of that id. */
  family(id: string): Iterable<Slip> {
    return slipsOf(this.#ofKey(id));
  }

  /** Occurrences of the key of that id that left their series. */
  apartOf(id: string): number {
    const slips = this.#ofKey(id);
    return slips instanceof Family ? slips.apartCount : 0;
  }

  /** True while a later version of its key is there. */
  isReplaced(id: string): boolean {
    const slips = this.#ofKey(id);
    return slips instanceof Family && slips.hasLater(id);
  }

  /** True while an earlier version of its key is there. */
  replacesOther(id: string): boolean {
    const slips = this.#ofKey(id);
    return slips instanceof Family && slips.hasEarlier(id);
  }

  /** All ids of a key that the store has, held or not. */
  idsOf(keyText: string): readonly string[] {
    const partition = this.#partitionOf(keyText);
    const ids = Array.from(slipsOf(this.#held.get(partition)?.slips.get(keyText)), ({ id }) => id);
    for (const id of this.#others.get(partition) ?? []) if (id.startsWith(keyText)) ids.push(id);
    return ids;
  }

  /** Returns the new slips of a partition that was not held. */
  hold(partition: number, nowMs: number): readonly Slip[] {
    if (this.#held.has(partition)) return [];
    const held = { sinceMs: nowMs, slips: new Map<string, Slip | Family>() };
    this.#held.set(partition, held);
    const ids = this.#others.get(partition) ?? [];
    this.#others.delete(partition);
    return Array.from(ids, (id) => this.#slip(held, id).slip);
  }

  /** Returns the slips that are no more. */
  letGo(partition: number): readonly Slip[] {
    const held = this.#held.get(partition);
    if (held === undefined) return [];
    this.#held.delete(partition);
    const slips = [...held.slips.values()].flatMap((ofKey) => [...slipsOf(ofKey)]);
    this.#heldCount -= slips.length;
    if (slips.length > 0) this.#others.set(partition, new Set(slips.map(({ id }) => id)));
    return slips;
  }

  #ofKey(id: string): Slip | Family | undefined {
    const keyText = keyPartOf(id);
    return this.#held.get(this.#partitionOf(keyText))?.slips.get(keyText);
  }

  #slip({ slips }: HeldPartition, id: string): Shelved {
    const keyText = keyPartOf(id);
    const known = slips.get(keyText);
    const same = known instanceof Family ? known.find(id) : known?.id === id ? known : undefined;
    if (same !== undefined) return { slip: same, isOtherVersion: false };
    const slip = newSlip(id);
    this.#heldCount += 1;
    if (known === undefined) {
      slips.set(keyText, slip);
      return { slip, isOtherVersion: true };
    }
    const family = known instanceof Family ? known : familyOf(known);
    slips.set(keyText, family);
    return { slip, isOtherVersion: family.add(slip) };
  }

  #takeSlip({ slips }: HeldPartition, id: string): Shelved | undefined {
    const keyText = keyPartOf(id);
    const known = slips.get(keyText);
    const slip = known instanceof Family ? known.find(id) : known?.id === id ? known : undefined;
    if (slip === undefined) return undefined;
    this.#heldCount -= 1;
    if (!(known instanceof Family)) {
      slips.delete(keyText);
      return { slip, isOtherVersion: true };
    }
    const isOtherVersion = known.delete(slip);
    const [only] = known.all();
    if (known.size === 1 && only !== undefined) slips.set(keyText, only);
    return { slip, isOtherVersion };
  }
}

function familyOf(first: Slip): Family {
  const family = new Family();
  family.add(first);
  return family;
}

function slipsOf(slips: Slip | Family | undefined): Iterable<Slip> {
  if (slips instanceof Family) return slips.all();
  return slips === undefined ? [] : [slips];
}
