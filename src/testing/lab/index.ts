/** What the command line takes of the laboratory; it loads this file only for `barrel simulate`. */
export { GROUPS, SCENARIOS, scenariosOf } from './catalogue.ts';
export type {
  ChartPlan,
  FigureRow,
  Goal,
  Point,
  RunResult,
  Scenario,
  Series,
} from './scenario.ts';
export { isMet } from './scenario.ts';
export { largest, mean } from './statistics.ts';
