/** Bounds of what DNS, multicast DNS and files of a directory may answer. */

/** What any way of finding nodes has for one answer, announcement or withdrawal; then it fails. */
export const DISCOVERY_MS_MAX = 10_000;

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

// Multicast DNS
/** A service is one label without its `_` (RFC 6335, section 5.1). */
export const MDNS_SERVICE_CHARS_MAX = 15;
/** A node with a longer name is not announced: it does not fit into a string of a TXT record. */
export const MDNS_NODE_NAME_BYTES_MAX = 250;
/** How long an announcement is good for, in seconds, and the longest that is believed. */
export const MDNS_TTL_SECONDS = 60;
export const MDNS_TTL_SECONDS_MAX = 120;
/** Nodes that are taken from one message. */
export const MDNS_NODES_PER_MESSAGE_MAX = 16;
/** Nodes that are kept; then the oldest goes, of the sender that has the most. */
export const MDNS_NODES_MAX = 1_024;
/** Answers wait by chance so that not all are sent at once (RFC 6762, section 6). */
export const MDNS_ANSWER_DELAY_MS_MIN = 20;
export const MDNS_ANSWER_DELAY_MS_MAX = 120;
/** From one answer to the next, and from the first announcement to its repetition. */
export const MDNS_ANSWER_PERIOD_MS = 1_000;
/** Nobody asks again so soon after somebody has asked, while nodes are known, and while none is. */
export const MDNS_QUESTION_PERIOD_MS = 10_000;
export const MDNS_FIRST_QUESTIONS_PERIOD_MS = 1_000;
/** How long answers are waited for; and, while nobody has answered, how long in all. */
export const MDNS_ANSWERS_MS = 300;
export const MDNS_SILENCE_MS = 1_500;

// Files
/** Names that are looked at in a directory; of more, so many in a row from a random one on. */
export const ENDPOINT_FILES_LOOKED_AT_MAX = 4_096;
/** A node makes its file young again so often. */
export const ENDPOINT_FILE_REFRESH_MS = 15_000;
/** A file that nobody has touched for so long is of a process that ended without a word. */
export const ENDPOINT_FILE_STALE_MS = 60_000;
/** Whoever finds one that is so old removes it. */
export const ENDPOINT_FILE_REMOVED_MS = 3_600_000;
