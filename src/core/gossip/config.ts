/** Parameters of Plumtree: those of the paper, and those that a running system adds. */

export interface PlumtreeConfig {
  /** How long announcements wait for others to the same neighbour. @default 5 ms */
  readonly announceDelayMs: number;
  /** Least wait for the payload of what was announced: timeout1 is this or `graftRoundTrips`. */
  readonly graftTimeoutMs: number;
  readonly graftRoundTrips: number;
  /** Least wait for an answer before the next announcer is asked: timeout2. @default 50 ms */
  readonly retryTimeoutMs: number;
  /** Hops by which an announced way must be shorter than the payload's to replace it. */
  readonly optimisationHops: number;
  /** Earliness of an announcement before the payload that makes its link eager too. */
  readonly optimisationMs: number;
  /** k: duplicates in a row, without a first delivery, after which a link is pruned. */
  readonly duplicatesMax: number;
  /** The same for a link of the tree that the last shaping broadcast made. */
  readonly trunkDuplicatesMax: number;
  /** The same in the eager set of one origin. */
  readonly ownDuplicatesMax: number;
  /** Least time between two PRUNEs to one neighbour for one eager set. */
  readonly pruneIntervalMs: number;
  /** Broadcasts over an eager set after which one that shapes it anew is due. */
  readonly shapeBroadcasts: number;
  /** Least time between two of those; earlier ones are taken as ordinary. @default 10 s */
  readonly shapeIntervalMs: number;
  /** timeout1 is at least so many times the lateness of payloads behind announcements. */
  readonly latenessFactor: number;
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
  /** Broadcasts within two sweeps that earn an origin its own eager set. */
  readonly ownSetBroadcasts: number;
  /** Ids announced to a neighbour while it is congested; then it gets a digest once drained. */
  readonly congestedIdsMax: number;
}

export const PLUMTREE_DEFAULTS: PlumtreeConfig = {
  announceDelayMs: 5,
  graftTimeoutMs: 100,
  graftRoundTrips: 2,
  retryTimeoutMs: 50,
  optimisationHops: 7,
  optimisationMs: 150,
  duplicatesMax: 3,
  trunkDuplicatesMax: 16,
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
