/** Bounds of paths: how many a connection and a node may have, and how long they are tried. */

/**
 * Paths that one connection knows in its life, and ids of its own that the peer may hold. The
 * native library never forgets a path, so a connection moves between the local ends it had before
 * when it comes near this bound; above it a new path is refused (`ERR_PATH_NOT_VALIDATED`).
 */
export const PATHS_MAX = 32;
/** Ids that the peer holds beside those in use: each new path takes one. */
export const SPARE_IDS = 3;
/** Sockets of one node, the one it listens on included; above it `ERR_OVERLOADED`. */
export const SOCKETS_MAX = 16;
/** Addresses that are tried at once for one move; what comes behind them is not tried. */
export const MOVE_ADDRESSES_MAX = 8;
/** A path that does not answer is asked again after so long, then after the longer time each. */
export const PROBE_AGAIN_MS = 100;
export const PROBE_AGAIN_MS_MAX = 200;
/** A path that was left is listened on for so long: what was on its way comes in. */
export const PATH_LINGER_MS = 1_000;
