/** Bounds of what is taken from a network by multicast DNS, before anything of it is decoded. */

/** The longest message there is (RFC 6762, section 17); longer ones are dropped. */
export const MULTICAST_BYTES_MAX = 9_000;
/** Questions and records of one message by its head; one that claims more is dropped. */
export const MULTICAST_RECORDS_MAX = 48;
/** Messages of ours that are looked into at once, and in each second after that. */
export const MULTICAST_BURST_MAX = 128;
export const MULTICAST_PER_SECOND_MAX = 32;
