/** Parameters of HyParView: those of the paper, and those that a running system adds. */
import type { LinkFacts } from '../link-facts.ts';

export interface HyParViewConfig {
  /** Capacity of the active view; at least 1. @default 5 (paper, section 5.1) */
  readonly activeSize: number;
  /** Capacity of the passive view; 0 is allowed. @default 30 (paper, section 5.1) */
  readonly passiveSize: number;
  /** ARWL: hops of the walk that introduces a newcomer. @default 6 (paper, section 5.1) */
  readonly activeWalkHops: number;
  /** PRWL: hops left when the walk leaves the newcomer in a passive view. @default 3 */
  readonly passiveWalkHops: number;
  /** Hops of a shuffle's walk. @default 6 */
  readonly shuffleWalkHops: number;
  /** Members of the active view in a shuffle, k_a. @default 3 (paper, section 5.1) */
  readonly shuffleActive: number;
  /** Members of the passive view in a shuffle, k_p. @default 4 (paper, section 5.1) */
  readonly shufflePassive: number;
  /** Milliseconds between shuffles, varied by a fifth, shorter at churn. @default 10 s */
  readonly shufflePeriodMs: number;
  /** Longest pause between repairs; each takes a random half to whole of it. @default 2 s */
  readonly repairPeriodMs: number;
  /** Milliseconds between statements of the active view, varied by a fifth. @default 4 s */
  readonly keepAlivePeriodMs: number;
  /** How long an answer to JOIN or NEIGHBOR is awaited. @default 2 s */
  readonly requestTimeoutMs: number;
  /** First bound on a dial, or three of the longest round trips here if longer. @default 500 ms */
  readonly connectTimeoutMinMs: number;
  /** Last bound on a dial: it doubles with each failure of the peer up to this. @default 15 s */
  readonly connectTimeoutMs: number;
  /** Requests under way at once, walks included; more newcomers go to passive. @default 16 */
  readonly attemptsMax: number;
  /** Of those, requests that repair has under way at once. @default 4 */
  readonly repairAttemptsMax: number;
  /** The same while this node has hardly any neighbour. @default 8 */
  readonly urgentAttemptsMax: number;
  /** A peer that refused is not asked again for a random half to whole of it. @default 10 s */
  readonly coolMs: number;
  /** How long a peer that left, or that the roster gave up, is not stored again. @default 60 s */
  readonly departedMs: number;
  /** First bound of the backoff after a failure. @default 1 s */
  readonly backoffBaseMs: number;
  /** Last bound of the backoff after failures. @default 5 min */
  readonly backoffMaxMs: number;
  /** Failures in a row after which a peer leaves the passive view. @default 5 */
  readonly failuresMax: number;
  /** JOINs accepted at once; those above are redirected. @default 16 */
  readonly joinBurst: number;
  /** JOINs accepted per second in the long run. @default 8 */
  readonly joinsPerSecond: number;
  /** Walks by which a node placed in a storm of newcomers moves itself; 0 for none. @default 4 */
  readonly reintroductions: number;
  /** Messages taken from one link at once; those above are dropped. @default 128 */
  readonly messageBurst: number;
  /** Messages taken from one link per second in the long run. @default 64 */
  readonly messagesPerSecond: number;
}

export interface HyParViewOptions extends Partial<HyParViewConfig> {
  /** Round trips of the links; without them dials are given the shortest time. */
  readonly links?: LinkFacts | undefined;
}

/** The paper's parameters, and the guesses of this package for the rest. */
export const HYPARVIEW_DEFAULTS: HyParViewConfig = {
  activeSize: 5,
  passiveSize: 30,
  activeWalkHops: 6,
  passiveWalkHops: 3,
  shuffleWalkHops: 6,
  shuffleActive: 3,
  shufflePassive: 4,
  shufflePeriodMs: 10_000,
  repairPeriodMs: 2_000,
  keepAlivePeriodMs: 4_000,
  requestTimeoutMs: 2_000,
  connectTimeoutMinMs: 500,
  connectTimeoutMs: 15_000,
  attemptsMax: 16,
  repairAttemptsMax: 4,
  urgentAttemptsMax: 8,
  coolMs: 10_000,
  departedMs: 60_000,
  backoffBaseMs: 1_000,
  backoffMaxMs: 300_000,
  failuresMax: 5,
  joinBurst: 16,
  joinsPerSecond: 8,
  reintroductions: 4,
  messageBurst: 128,
  messagesPerSecond: 64,
};
