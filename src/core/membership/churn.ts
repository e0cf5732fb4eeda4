/**
 * How much the neighbourhood of this node changes: neighbours gained and lost in a window of time.
 * Shuffles go faster while it changes much, because spares grow stale faster then.
 */

/** Whole windows follow one another: the counts begin anew when one is over. */
export const CHURN_WINDOW_MS = 30_000;

/** Changes above which shuffles go at half the period, and at the shortest. */
const BRISK_ABOVE = 5;
const STORM_ABOVE = 10;

/** The shortest period to which churn alone drives shuffles. */
const SHUFFLE_PERIOD_MS_MIN = 2_000;

/** Neighbours gained and lost in the present window. */
export interface Churn {
  readonly joins: number;
  readonly losses: number;
}

export class ChurnWindow {
  #beganMs: number | undefined;
  #joins = 0;
  #losses = 0;

  record(change: 'join' | 'loss', nowMs: number): void {
    this.#turn(nowMs);
    if (change === 'join') this.#joins += 1;
    else this.#losses += 1;
  }

  at(nowMs: number): Churn {
    this.#turn(nowMs);
    return { joins: this.#joins, losses: this.#losses };
  }

  #turn(nowMs: number): void {
    this.#beganMs ??= nowMs;
    if (nowMs - this.#beganMs <= CHURN_WINDOW_MS) return;
    this.#beganMs = nowMs;
    this.#joins = 0;
    this.#losses = 0;
  }
}

/** The period of shuffles at this churn; never above the base. */
export function shufflePeriodAt(baseMs: number, { joins, losses }: Churn): number {
  const changes = joins + losses;
  if (changes > STORM_ABOVE) return Math.min(baseMs, SHUFFLE_PERIOD_MS_MIN);
  if (changes > BRISK_ABOVE) return Math.min(baseMs, Math.max(SHUFFLE_PERIOD_MS_MIN, baseMs / 2));
  return baseMs;
}
