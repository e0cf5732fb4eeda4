/**
 * Overlays that grew before, by size and seed: the experiments on failures begin with one, and
 * growing it is most of their time. The last few are kept.
 */
import { growHyParView, type HyParViewLab, STABILISING_CYCLES, viewsOf } from './hyparview-lab.ts';
import type { Views } from './population.ts';
import type { ScenarioOptions } from './scenario.ts';

const KEPT_MAX = 4;
const kept = new Map<string, Views>();

/** The views of an overlay that joined one by one and stabilised, as in the papers. */
export function grownViews(options: ScenarioOptions): Views {
  const known = kept.get(keyOf(options));
  if (known !== undefined) {
    options.progress(1);
    return known;
  }
  const { nodes, seed, cycles = STABILISING_CYCLES, progress } = options;
  const lab = growHyParView({ nodes, seed, cycles, progress, joins: 'one by one' });
  return keepViews(options, lab);
}

/** Keeps the views of an overlay that grew so anyway. */
export function keepViews(options: ScenarioOptions, lab: HyParViewLab): Views {
  const views = viewsOf(lab);
  kept.set(keyOf(options), views);
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT_MAX) break;
    kept.delete(oldest);
  }
  return views;
}

function keyOf({ nodes, seed, cycles = STABILISING_CYCLES }: ScenarioOptions): string {
  return `${nodes}/${seed}/${cycles}`;
}
