/**
 * A named experiment: what it measures in one run of one seed, which figures of a paper or of our
 * goals stand beside that, and how it is drawn. The command line adds seeds, tables and files.
 */

export interface ScenarioOptions {
  readonly nodes: number;
  readonly seed: number;
  /** Cycles of the membership protocol after joining. @default 50, as in the papers */
  readonly cycles?: number;
  /** Told the share that is done, 0 to 1, now and then. */
  readonly progress: (share: number) => void;
}

export type Point = readonly [x: number, y: number];

/** What one run found: plain data, the same for the same seed on any machine. */
export interface RunResult {
  readonly figures: Readonly<Record<string, number>>;
  readonly curves: Readonly<Record<string, readonly Point[]>>;
  /** Of everything that happened. */
  readonly trace: string;
  /** The rule that this run broke, and how to see it again. */
  readonly failure?: string;
}

/** A bound that every run must keep. */
export interface Goal {
  /** Where it comes from, e.g. `E1`. */
  readonly name: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** One row of the comparison. */
export interface FigureRow {
  /** Key in `RunResult.figures`. */
  readonly key: string;
  readonly what: string;
  readonly digits: number;
  readonly unit?: string;
  /** The figure that was published, as text; its source stands in `Scenario.sources`. */
  readonly published?: string;
  readonly goal?: Goal;
}

export interface Axis {
  readonly label: string;
  /** Lowest and highest value shown; what is left out comes from the data. */
  readonly low?: number;
  readonly high?: number;
  readonly isPercent?: boolean;
}

export interface Series {
  readonly label: string;
  readonly role: 'ours' | 'published' | 'other';
  /** Key in `RunResult.curves`, or points that stand fixed. */
  readonly points: string | readonly Point[];
}

export interface ChartPlan {
  readonly title: string;
  readonly form: 'lines' | 'bars';
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

export interface Scenario {
  readonly name: string;
  /** One line for `--list`. */
  readonly summary: string;
  /** Size in the paper, or that of the goal. */
  readonly nodes: number;
  /** Least size at which it says anything. */
  readonly nodesMin: number;
  /** Where published figures come from, and what is not like there. */
  readonly sources: readonly string[];
  readonly rows: readonly FigureRow[];
  readonly charts: readonly ChartPlan[];
  run(options: ScenarioOptions): RunResult | Promise<RunResult>;
}

/** A bound holds for every run. */
export function isMet(goal: Goal, values: readonly number[]): boolean {
  return values.every(
    (value) =>
      value <= (goal.atMost ?? Number.POSITIVE_INFINITY) &&
      value >= (goal.atLeast ?? Number.NEGATIVE_INFINITY),
  );
}
