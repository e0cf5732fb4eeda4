/** Channels behind the lanes, for byte streams alone: they never leave the transport. */
import { LANE_COUNT } from '../../limits.ts';

/** Carries credit: how much of each stream the peer may send. */
export const CREDIT: number = LANE_COUNT + 1;
/** Carries the bytes themselves where a transport has no streams of its own; after all others. */
export const BYTES: number = LANE_COUNT + 2;
