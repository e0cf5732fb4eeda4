/** Bounds of the byte streams of one connection; both ends agree on the first two. */

/** Streams that each end may have open. One more is refused where it is opened. */
export const STREAMS_PER_END_MAX = 256;
/** What a writer may send before the reader has read any of it. */
export const STREAM_WINDOW_BYTES_INITIAL = 65_536;
/**
 * A reader that keeps up is sent so much ahead on any path. More would make a short path hardly
 * faster, but messages would wait behind it.
 */
export const STREAM_WINDOW_BYTES_SHORT = 262_144;
/** On a long path, at most: the memory that a reader which stops costs. */
export const STREAM_WINDOW_BYTES_MAX = 4_194_304;
/**
 * Windows of one connection grow as long as all together are no more. A further stream begins with
 * its own all the same, and streams have bounds: 80 MiB together when as many as may be are there.
 */
export const STREAM_WINDOWS_BYTES_MAX = 33_554_432;
/** Streams of the peer held at once, those included whose last bytes nobody has read. */
export const PEER_STREAMS_HELD_MAX: number = 2 * STREAMS_PER_END_MAX;
/** Numbers of streams that are still to come while later ones are here. */
export const PEER_STREAMS_SKIPPED_MAX = 1_024;
/** Bytes that all streams of a connection hand to the path in one turn, so that others have one. */
export const STREAM_TURN_BYTES = 131_072;
/** The same while messages are sent, too: what is in the system's hands cannot be overtaken. */
export const STREAM_TURN_BYTES_BESIDE = 32_768;
export const RESET_CODE_MAX = 4_294_967_295;

/** A stream that nobody would take, or one too many. */
export const RESET_REFUSED = 0x100;
export const RESET_OVERLOADED = 0x101;
