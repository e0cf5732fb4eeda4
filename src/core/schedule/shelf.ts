/**
 * All reminders that the store has, by partition: of those that this node holds a slip each, of
 * others the id alone. So a partition comes and goes at the cost of what is in it. Of the ids of
 * one key the slips hang together, and only those of the greatest version count.
 */
import { keyPartOf, versionPartOf } from './reminder-id.ts';
import { newSlip, type Slip } from './slip.ts';

interface HeldPartition {
  readonly sinceMs: number;
  /** By key; further ones of a key are its siblings. */
  readonly slips: Map<string, Slip>;
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
  add(id: string): Slip | undefined {
    const partition = this.partitionOfId(id);
    const held = this.#held.get(partition);
    if (held !== undefined) return this.#slip(held, id);
    const ids = this.#others.get(partition);
    if (ids === undefined) this.#others.set(partition, new Set([id]));
    else ids.add(id);
    return undefined;
  }

  /** Takes out what the store has no more; returns its slip. */
  remove(id: string): Slip | undefined {
    const partition = this.partitionOfId(id);
    const held = this.#held.get(partition);
    if (held !== undefined) return this.#takeSlip(held, id);
    const ids = this.#others.get(partition);
    if (ids?.delete(id) === true && ids.size === 0) this.#others.delete(partition);
    return undefined;
  }

  find(id: string): Slip | undefined {
    const keyText = keyPartOf(id);
    let slip = this.#held.get(this.#partitionOf(keyText))?.slips.get(keyText);
    while (slip !== undefined && slip.id !== id) slip = slip.sibling;
    return slip;
  }

  /** All slips of the key of that id. */
  *family(id: string): IterableIterator<Slip> {
    const keyText = keyPartOf(id);
    const first = this.#held.get(this.#partitionOf(keyText))?.slips.get(keyText);
    for (let slip = first; slip !== undefined; slip = slip.sibling) yield slip;
  }

  /** True while a later version of its key is there. */
  isReplaced(id: string): boolean {
    const version = versionPartOf(id);
    for (const slip of this.family(id)) if (versionPartOf(slip.id) > version) return true;
    return false;
  }

  /** True while an earlier version of its key is there. */
  replacesOther(id: string): boolean {
    const version = versionPartOf(id);
    for (const slip of this.family(id)) if (versionPartOf(slip.id) < version) return true;
    return false;
  }

  /** All ids of a key that the store has, held or not. */
  idsOf(keyText: string): readonly string[] {
    const partition = this.#partitionOf(keyText);
    const ids: string[] = [];
    const held = this.#held.get(partition);
    for (let slip = held?.slips.get(keyText); slip !== undefined; slip = slip.sibling) {
      ids.push(slip.id);
    }
    for (const id of this.#others.get(partition) ?? []) if (id.startsWith(keyText)) ids.push(id);
    return ids;
  }

  /** Returns the new slips of a partition that was not held. */
  hold(partition: number, nowMs: number): readonly Slip[] {
    if (this.#held.has(partition)) return [];
    const held = { sinceMs: nowMs, slips: new Map<string, Slip>() };
    this.#held.set(partition, held);
    const ids = this.#others.get(partition) ?? [];
    this.#others.delete(partition);
    return Array.from(ids, (id) => this.#slip(held, id));
  }

  /** Returns the slips that are no more. */
  letGo(partition: number): readonly Slip[] {
    const held = this.#held.get(partition);
    if (held === undefined) return [];
    this.#held.delete(partition);
    const slips: Slip[] = [];
    for (const first of held.slips.values()) {
      for (let slip: Slip | undefined = first; slip !== undefined; slip = slip.sibling) {
        slips.push(slip);
      }
    }
    this.#heldCount -= slips.length;
    if (slips.length > 0) this.#others.set(partition, new Set(slips.map(({ id }) => id)));
    return slips;
  }

  #slip({ slips }: HeldPartition, id: string): Slip {
    const keyText = keyPartOf(id);
    const first = slips.get(keyText);
    for (let slip = first; slip !== undefined; slip = slip.sibling) {
      if (slip.id === id) return slip;
    }
    const slip = newSlip(id);
    slip.sibling = first;
    slips.set(keyText, slip);
    this.#heldCount += 1;
    return slip;
  }

  #takeSlip({ slips }: HeldPartition, id: string): Slip | undefined {
    const keyText = keyPartOf(id);
    let before: Slip | undefined;
    let slip = slips.get(keyText);
    while (slip !== undefined && slip.id !== id) [before, slip] = [slip, slip.sibling];
    if (slip === undefined) return undefined;
    if (before !== undefined) before.sibling = slip.sibling;
    else if (slip.sibling !== undefined) slips.set(keyText, slip.sibling);
    else slips.delete(keyText);
    this.#heldCount -= 1;
    return slip;
  }
}
