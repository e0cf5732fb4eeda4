/** Parameters of elections. */

export interface ElectionConfig {
  /**
   * How long a term lasts without a new sign that others hold this node alive. Below the shortest
   * time after which they may declare it dead.
   * @default 1.8 s
   */
  readonly leaseMs: number;
  /** Between two questions for such a sign. @default 500 ms */
  readonly renewMs: number;
  /** How long the promise of a voter counts, from when it was asked for. @default 1.8 s */
  readonly mandateMs: number;
  /** A vote that is not won by then is given up. @default 1 s */
  readonly voteMs: number;
  /** By then all have heard of a new candidacy, and it has heard of theirs. @default 500 ms */
  readonly heardMs: number;
  /** A node that nobody compared its stores with takes part after so long. @default 10 s */
  readonly bootMs: number;
  /** A leader with too few members that are not suspect goes on for so long. @default 1 s */
  readonly scarceMs: number;
  /** A term that is not on disk by then is given up. @default 2 s */
  readonly persistMs: number;
  /** A candidate whose disk failed lets others lead for so long. @default 5 s */
  readonly blockedMs: number;
}

export const ELECTION_DEFAULTS: ElectionConfig = {
  leaseMs: 1_800,
  renewMs: 500,
  mandateMs: 1_800,
  voteMs: 1_000,
  heardMs: 500,
  bootMs: 10_000,
  scarceMs: 1_000,
  persistMs: 2_000,
  blockedMs: 5_000,
};

/** The lease of a cluster that declares its members dead sooner or later than by default. */
export function leaseConfig(suspicionMinMs: number): Partial<ElectionConfig> {
  const leaseMs = Math.min(ELECTION_DEFAULTS.leaseMs, 0.9 * suspicionMinMs);
  const { renewMs } = ELECTION_DEFAULTS;
  return { leaseMs, renewMs: Math.min(renewMs, leaseMs / 3) };
}
