/** Bounds and times of links that are not between neighbours. */

/** Without messages for so long such a link is closed, unless the options say otherwise. */
export const LINK_IDLE_MS_DEFAULT = 60_000;
/** Such links that one node keeps, unless the options say otherwise. */
export const ON_DEMAND_LINKS_MAX_DEFAULT = 256;
/**
 * Frames that are no messages, of overlay, stores and elections, keep a link for so long. Longer
 * than two signs of life of a connection that others have through this one.
 */
export const OTHER_QUIET_MS = 10_000;
/** To make room for another, a link must have been without messages for so long. */
export const ROOM_QUIET_MS = 1_000;
/** Links whose end is proposed in one look; the next look goes on. */
export const PROPOSALS_MAX = 64;
/** Who has agreed to an end that does not come ends the connection after so long. */
export const PARTED_MS_MAX = 10_000;
