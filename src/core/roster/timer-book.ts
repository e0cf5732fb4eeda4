/**
 * The timers of a core, one per kind. None is cancelled: each setting is a new generation, and what
 * fires with an old one is ignored. Knows how late a timer fired, which is how a node notices that
 * it stood still.
 */

interface Setting {
  readonly generation: number;
  readonly atMs: number;
}

export interface NumberedTimer<K extends string> {
  readonly kind: K;
  readonly generation: number;
}

export class TimerBook<K extends string> {
  readonly #settings = new Map<K, Setting>();
  #generation = 0;

  /** The timer that is to fire at that time, instead of the one set before. */
  set(kind: K, atMs: number): NumberedTimer<K> {
    this.#generation += 1;
    this.#settings.set(kind, { generation: this.#generation, atMs });
    return { kind, generation: this.#generation };
  }

  /** The same, but undefined when one is set that fires by then. */
  advance(kind: K, atMs: number): NumberedTimer<K> | undefined {
    const setting = this.#settings.get(kind);
    return setting !== undefined && setting.atMs <= atMs ? undefined : this.set(kind, atMs);
  }

  /** Takes a timer that fired: by how much it was late, or undefined for an old generation. */
  take({ kind, generation }: NumberedTimer<K>, nowMs: number): number | undefined {
    const setting = this.#settings.get(kind);
    if (setting?.generation !== generation) return undefined;
    this.#settings.delete(kind);
    return Math.max(0, nowMs - setting.atMs);
  }
}
