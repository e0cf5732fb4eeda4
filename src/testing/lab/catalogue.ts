/** All experiments by name, and the groups that run several. */
import type { Scenario } from './scenario.ts';
import { broadcast, broadcastLarge } from './scenarios/broadcast.ts';
import { disaster } from './scenarios/disaster.ts';
import { failures } from './scenarios/failures.ts';
import { falseDeaths, falseDeathsLong } from './scenarios/false-deaths.ts';
import { faults } from './scenarios/faults.ts';
import { boot, detection } from './scenarios/liveness.ts';
import { joinStorm, overlay } from './scenarios/overlay.ts';
import { plumtree } from './scenarios/plumtree.ts';
import { split } from './scenarios/split.ts';
import { allSend, regions } from './scenarios/stress.ts';

export const SCENARIOS: readonly Scenario[] = [
  overlay,
  joinStorm,
  failures,
  plumtree,
  broadcast,
  broadcastLarge,
  allSend,
  regions,
  boot,
  detection,
  falseDeaths,
  falseDeathsLong,
  disaster,
  split,
  faults,
];

/** Names that stand for several scenarios. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  liveness: ['boot', 'detection', 'false-deaths', 'disaster'],
  paper: ['overlay', 'join-storm', 'failures', 'plumtree'],
  all: SCENARIOS.map(({ name }) => name),
};

/** The scenarios that a name stands for; none for a name that nobody has. */
export function scenariosOf(name: string): readonly Scenario[] {
  const names = GROUPS[name] ?? [name];
  return SCENARIOS.filter((scenario) => names.includes(scenario.name));
}
