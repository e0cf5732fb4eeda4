/** The bounds of what strangers make a node do, beside those of half-open connections. */

/** Bytes behind each long-header datagram between nodes with a join secret. */
export const TAG_BYTES = 16;

/**
 * From a quarter of all half-open connections, or a half of those of one network, on, a stranger
 * has to show that it hears what is sent to its address.
 */
export const HALF_OPEN_PRESSED_SHARE = 0.25;
export const HALF_OPEN_PRESSED_SHARE_OF_NETWORK = 0.5;

/**
 * Datagrams of one connection before its admission: a handshake, a HELLO and 64 KiB behind it, five
 * times over. What native code keeps for frames that it cannot answer yet is bounded so.
 */
export const UNADMITTED_DATAGRAMS_MAX = 512;

/** Bytes to a stranger for each byte from it, so that nobody is flooded in its name. */
export const SAID_TO_HEARD_MAX = 3;

/** New connections: so many at once, and so many a second; more are met with silence. */
export const OPENINGS_AT_ONCE_MAX = 1_024;
export const OPENINGS_PER_SECOND_MAX = 400;
/** The same for one network: 64 processes on one machine start at once and join each other. */
export const NETWORK_OPENINGS_AT_ONCE_MAX = 256;
export const NETWORK_OPENINGS_PER_SECOND_MAX = 100;

/** Retry packets, which are smaller than what they answer; each costs some 50 microseconds. */
export const RETRIES_AT_ONCE_MAX = 2_048;
export const RETRIES_PER_SECOND_MAX = 2_048;
export const NETWORK_RETRIES_AT_ONCE_MAX = 128;
export const NETWORK_RETRIES_PER_SECOND_MAX = 64;
/** How long an answer to one is taken. */
export const RETRY_TOKEN_MS = 10_000;

/** Answers to datagrams of another join secret. */
export const REFUSALS_AT_ONCE_MAX = 128;
export const REFUSALS_PER_SECOND_MAX = 64;
export const NETWORK_REFUSALS_AT_ONCE_MAX = 16;
export const NETWORK_REFUSALS_PER_SECOND_MAX = 4;

/** Networks told apart; at the bound those that are new share one allowance. */
export const NETWORKS_MAX = 4_096;
/** One network is named in the log so often, and so many are remembered as named. */
export const NAMED_AGAIN_MS = 60_000;
export const NAMED_NETWORKS_MAX = 1_024;
