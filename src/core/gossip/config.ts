/** Parameters of Plumtree: those of the paper, and those that a running system adds. */

export interface PlumtreeConfig {
  /** How long announcements wait for others to the same neighbour. @default 5 ms (iroh-gossip) */
  readonly announceDelayMs: number;
  /**
   * timeout1, the wait for the payload of what was announced, is the longest of this, of
   * `graftRoundTrips`, and of `latenessFactor` times what payloads are late behind announcements.
   * @default 100 ms
   */
  readonly graftTimeoutMs: number;
  /** @default 2 */
  readonly graftRoundTrips: number;
  /**
   * The paper wants timeout1 above the longest lateness: asking earlier tears the tree. Measured
   * at n = 1,000 without added links: 1.5 made the last delivery 16 % later than never asking, 3
   * made it 7 % later. @default 3
   */
  readonly latenessFactor: number;
  /** timeout2, the wait for an answer, is the longer of this and 1.5 round trips. @default 50 ms */
  readonly retryTimeoutMs: number;
  /**
   * Hops by which an announced way must be shorter than the payload's to replace it; for origins
   * with eager sets of their own only, since it spoils a tree that others share. @default 7
   */
  readonly optimisationHops: number;
  /**
   * Earliness of an announcement before the payload that makes its link eager too. Measured at
   * n = 1,000 on two seeds: 140 ms gave 1.63 times the flood's time and 0.37 duplicates, 150 ms
   * gave 1.64 and 0.31. @default 150 ms
   */
  readonly optimisationMs: number;
  /**
   * Least time between two links that a node adds for that. Measured with 200 broadcasts a second
   * at n = 500: 2 s gave 1.7 duplicates a message, this 1.4; with few senders it made no
   * difference to the last delivery. @default 10 s
   */
  readonly addIntervalMs: number;
  /**
   * k: duplicates without a first delivery between them, each counted at most once per
   * `pruneIntervalMs`, after which a link is pruned. The paper has 1, for one sender. @default 3
   */
  readonly duplicatesMax: number;
  /** The same for a link of the tree that the last shaping broadcast made. @default 64 */
  readonly trunkDuplicatesMax: number;
  /** The same in the eager set of one origin. @default 1 (paper) */
  readonly ownDuplicatesMax: number;
  /** Duplicates on one link within this time count as one. @default 200 ms */
  readonly pruneIntervalMs: number;
  /**
   * Broadcasts over an eager set after which one that shapes it anew is due: of the senders that
   * follow, one in 32 does it. It costs as much as a flood; 32 did no better. @default 64
   */
  readonly shapeBroadcasts: number;
  /** Least time between two of those; earlier ones are taken as ordinary. @default 10 s */
  readonly shapeIntervalMs: number;
  /** How long payloads are kept for those that ask. @default 60 s */
  readonly payloadsKeptMs: number;
  /** Payloads and 256 bytes for each; over it the oldest go. @default 64 MiB */
  readonly payloadBytesMax: number;
  /** How long an origin's marks stay after its last broadcast. @default 5 min */
  readonly originsKeptMs: number;
  /** Milliseconds between clearings of the caches, while they hold anything. @default 10 s */
  readonly sweepPeriodMs: number;
  /** Origins with eager sets of their own at once; 0 for none. @default 16 */
  readonly ownSetsMax: number;
  /** Broadcasts within two sweeps that earn an origin its own eager set. @default 16 */
  readonly ownSetBroadcasts: number;
  /**
   * Ids announced to a neighbour while it is congested; what is above it a digest names once it is
   * drained. @default 1,024
   */
  readonly congestedIdsMax: number;
}

/** The paper's parameters where it has any, measured ones, and guesses of this package. */
export const PLUMTREE_DEFAULTS: PlumtreeConfig = {
  announceDelayMs: 5,
  graftTimeoutMs: 100,
  graftRoundTrips: 2,
  retryTimeoutMs: 50,
  optimisationHops: 7,
  optimisationMs: 150,
  addIntervalMs: 10_000,
  duplicatesMax: 3,
  trunkDuplicatesMax: 64,
  ownDuplicatesMax: 1,
  pruneIntervalMs: 200,
  shapeBroadcasts: 64,
  shapeIntervalMs: 10_000,
  latenessFactor: 3,
  payloadsKeptMs: 60_000,
  payloadBytesMax: 67_108_864,
  originsKeptMs: 300_000,
  sweepPeriodMs: 10_000,
  ownSetsMax: 16,
  ownSetBroadcasts: 16,
  congestedIdsMax: 1_024,
};
