/** Parameters of the roster. */
import { ROSTER_ENTRIES_MAX } from '../../limits.ts';

export interface RosterConfig {
  /** Entries held, the dead and left included. @default ROSTER_ENTRIES_MAX */
  readonly entriesMax: number;
  /** A suspicion that enough neighbours confirm lasts so long. @default 2 s */
  readonly suspicionMinMs: number;
  /** A suspicion that nobody confirms lasts so long. @default 10 s */
  readonly suspicionMaxMs: number;
  /** Between comparisons with a neighbour, varied by a fifth. @default 30 s */
  readonly repairPeriodMs: number;
}

export const ROSTER_DEFAULTS: RosterConfig = {
  entriesMax: ROSTER_ENTRIES_MAX,
  suspicionMinMs: 2_000,
  suspicionMaxMs: 10_000,
  repairPeriodMs: 30_000,
};
