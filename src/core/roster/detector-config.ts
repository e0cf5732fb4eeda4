/** Parameters of the failure detector. */

export interface FailureDetectorConfig {
  /** A neighbour of which nothing was heard for so long is pinged. @default 500 ms */
  readonly heartbeatMs: number;
  /** Least time for an answer; three round trips where that is more. @default 300 ms */
  readonly missMs: number;
  /** Neighbours of a silent one that are asked about it. @default 3 (SWIM, section 4.1) */
  readonly indirectPings: number;
  /** Between looks at some member, varied by a fifth. @default 10 s */
  readonly auditPeriodMs: number;
  /** How long the answer to an audit is awaited. @default 2 s */
  readonly auditTimeoutMs: number;
  /** Backstop for a dial of which the driver says nothing. @default 30 s */
  readonly reachTimeoutMs: number;
}

export const FAILURE_DETECTOR_DEFAULTS: FailureDetectorConfig = {
  heartbeatMs: 500,
  missMs: 300,
  indirectPings: 3,
  auditPeriodMs: 10_000,
  auditTimeoutMs: 2_000,
  reachTimeoutMs: 30_000,
};
