/** Parameters of the schedule of reminders. */
import { DELIVERIES_MAX } from './schedule-limits.ts';

export interface ScheduleConfig {
  /** How long a claim counts from its last write, as others saw it. @default 10 s */
  readonly leaseMs: number;
  /** Between two renewals of a claim while the handler runs. @default 3 s */
  readonly renewMs: number;
  /** An occurrence that is later than this is missed. @default 60 s */
  readonly missedMs: number;
  /**
   * The wall clock is read again at least so often, for steps and after a suspend. Half of
   * `missedMs`, so that a step alone makes no occurrence a missed one. At most 60 s.
   * @default 30 s
   */
  readonly rereadMs: number;
  /**
   * A partition that came to this node fires nothing for so long: by then the last writes of its
   * former holder are here. @default 1 s
   */
  readonly graceMs: number;
  /** After a write that failed, or a delivery that reached no handler. @default 1 s */
  readonly retryMs: number;
  /** Between two claims that want a majority of owners. @default 2 s */
  readonly askMs: number;
  /** Occurrences that are worked on at a time. @default 1,024, and at most */
  readonly deliveriesMax: number;
}

export const SCHEDULE_DEFAULTS: ScheduleConfig = {
  leaseMs: 10_000,
  renewMs: 3_000,
  missedMs: 60_000,
  rereadMs: 30_000,
  graceMs: 1_000,
  retryMs: 1_000,
  askMs: 2_000,
  deliveriesMax: DELIVERIES_MAX,
};
