/** Streams of bytes between nodes, as users see them. */
import type { Duplex } from 'node:stream';
import type { NodeName } from '../core/names.ts';
import type { Timed } from '../observable.ts';

/** Takes the streams of one tag. What it throws, or rejects with, resets the stream. */
export type StreamHandler = (stream: Duplex, from: NodeName) => unknown;

/**
 * Streams are `Duplex` streams of `node:stream`, for `pipeline`, `for await` and `pipe`. Memory at
 * both ends is bounded: a writer waits for the reader at the other end. `end()` ends one direction,
 * the other goes on; a stream is over when both ends have ended. `destroy()` ends both directions
 * at once: the other end sees ERR_STREAM_RESET, with `resetCode` 0, or 0x102 after
 * `destroy(error)`, or the `resetCode` of a BarrelError. Once all is read and sent, `destroy()` is
 * `end()`. Both ends see ERR_NO_CONNECTION when the connection is lost. An error that nobody
 * listens for is logged.
 */
export interface Streams {
  /**
   * Takes all streams that other nodes open with this tag: 1 to 255 bytes, not beginning with
   * `barrel:`. Registering the same handler again changes nothing. Disposing leaves streams open.
   * @throws ERR_CONFLICT when the tag has another handler, ERR_OPTION for a bad tag, ERR_CLOSED.
   */
  accept(tag: string, handler: StreamHandler): Disposable;
  /**
   * Opens a stream to the handler of that tag on another node, connecting where there is no
   * connection. Resolves when the handler has it. Default time-out 10 s. The connection stays while
   * the stream does.
   * @throws ERR_STREAM_RESET when nobody accepts the tag, ERR_OVERLOADED when either end has too
   * many streams open (256 each way), ERR_OPTION, ERR_SELF, ERR_UNREACHABLE, ERR_REFUSED,
   * ERR_TIMEOUT, ERR_NO_CONNECTION, ERR_CLOSED, or the signal's reason.
   */
  open(tag: string, node: NodeName, options?: Timed): Promise<Duplex>;
  /** Tags that have a handler here, sorted. */
  tags(): readonly string[];
}
