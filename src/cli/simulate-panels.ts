/** From the runs of a scenario to the panels of its picture: curves are means over the seeds. */
import { type ChartPlan, mean, type Point, type Scenario } from '../testing/lab/index.ts';
import type { Panel } from './simulate-chart.ts';
import type { Simulated } from './simulate-report.ts';

export function panelsOf({ scenario, runs }: Simulated): readonly Panel[] {
  const curves = runs.map((run) => run.curves);
  return (scenario as Scenario).charts.map((plan: ChartPlan) => ({
    plan,
    series: plan.series.map(({ label, role, points }) => ({
      label,
      role,
      points:
        typeof points === 'string'
          ? averaged(
              curves.map((of) => of[points] ?? []),
              plan,
            )
          : points,
    })),
  }));
}

/**
 * Distributions have the same shares in each run, and the values at each share are averaged; else
 * points at the same place become one. A histogram has no point where it counts nothing, so there
 * it counts 0; of lines only runs that have the point do.
 */
function averaged(curves: readonly (readonly Point[])[], { form }: ChartPlan): readonly Point[] {
  const [first = []] = curves;
  if (curves.length === 1) return first;
  if (form === 'lines' && curves.every((curve) => hasSameShares(curve, first))) {
    return first.map(([, share], at) => [mean(curves.map((curve) => curve[at]?.[0] ?? 0)), share]);
  }
  const found = new Map<number, number[]>();
  for (const [x, y] of curves.flat()) found.set(x, [...(found.get(x) ?? []), y]);
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([x, ys]) => {
      const sum = ys.reduce((whole, y) => whole + y, 0);
      return [x, sum / (form === 'bars' ? curves.length : ys.length)];
    });
}

function hasSameShares(curve: readonly Point[], other: readonly Point[]): boolean {
  return curve.length === other.length && curve.every(([, y], at) => y === other[at]?.[1]);
}
