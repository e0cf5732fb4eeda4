/** Bounds of the streams that users open and accept. */

/** In UTF-8. */
export const TAG_BYTES_MAX = 255;
/** Tags with a handler on one node. */
export const TAGS_MAX = 1_024;
/** Streams of one peer whose tag has not come whole; one more is reset. */
export const PREAMBLES_PER_PEER_MAX = 64;
/** Then such a stream is reset. */
export const PREAMBLE_TIMEOUT_MS = 10_000;
export const OPEN_TIMEOUT_MS_DEFAULT = 10_000;
/** Accepted streams of one peer; one more is reset. */
export const ACCEPTED_PER_PEER_MAX = 256;
/** What a stream holds for its user on each side, beside the window of the connection. */
export const STREAM_BUFFER_BYTES = 65_536;
