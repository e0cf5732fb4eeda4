/** Bounds of what DNS, multicast DNS and files of a directory may answer. */

// DNS
export const DNS_NAME_CHARS_MAX = 253;
export const DNS_LABEL_CHARS_MAX = 63;
/** Addresses that are taken from one answer: of more, so many by chance. */
export const DNS_ADDRESSES_MAX = 256;
/** Targets of SRV records whose addresses are asked for: the first in the order of RFC 2782. */
export const DNS_TARGETS_MAX = 32;
/** Addresses that are taken of one target, or of the name of one node. */
export const DNS_TARGET_ADDRESSES_MAX = 8;
/** Questions for targets that are under way at once. */
export const DNS_QUESTIONS_AT_ONCE_MAX = 8;
/** A question with all that follows from it; then it fails. */
export const DNS_ANSWER_MS_MAX = 5_000;
/** An answer is kept as long as its shortest TTL says, within these. */
export const DNS_KEPT_MS_MIN = 1_000;
export const DNS_KEPT_MS_MAX = 15_000;
/** Where the resolver says no TTL. */
export const DNS_KEPT_MS_DEFAULT = 5_000;
/** That there is nothing, or that nobody answers, is kept for so long. */
export const DNS_NOTHING_KEPT_MS = 1_000;
/** Names of nodes whose answers are kept; the one asked for longest ago goes. */
export const DNS_NODES_KEPT_MAX = 256;
