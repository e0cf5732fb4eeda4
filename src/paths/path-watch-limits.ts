/** Times and bounds of moving by itself. */

/** The machine's addresses, and whether links are answered, are looked at so often. */
export const WATCH_MS = 500;
/** A link is in trouble when nothing was heard for so long after something was said. */
export const UNANSWERED_MS = 1_000;
/** The same shortly after addresses of the machine have changed. */
export const UNANSWERED_MS_CHANGED = 200;
/**
 * After an outage the library may take a round trip for as long as that was, and hardly send any
 * more. A path of which it says so, shortly after a move, is left again, and so often at most.
 */
export const STUCK_RTT_MS = 2_000;
export const STUCK_LOOKED_MS = 15_000;
export const STUCK_MOVES_MAX = 3;
/** So long addresses count as just changed. */
export const CHANGED_MS = 3_000;
/** One attempt to move by itself takes no longer; another may follow. */
export const RESCUE_TIMEOUT_MS = 10_000;
export const MIGRATE_TIMEOUT_MS = 5_000;
/**
 * A dialer that was asked to follow says so, or why not, within the time of its own attempt once
 * it has heard, and a connection on which nothing is heard ends before. One that says nothing for
 * so long never will.
 */
export const MOVED_TIMEOUT_MS = 30_000;
/** Moves of one link that wait for their turn, own ones and the peer's; above it ERR_OVERLOADED. */
export const MOVES_WAITING_MAX = 64;
/** Moves of one node that wait for their peer's answer; above it ERR_OVERLOADED. */
export const MOVES_ASKED_MAX = 1_024;
/** Local addresses that a link is moved to before the oldest of them is taken again. */
export const LOCALS_REMEMBERED = 8;
