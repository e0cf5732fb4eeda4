/**
 * Streams of bytes of their own beside the channels of a connection. Each has its own order and its
 * own flow control in both directions: what one reader leaves unread holds up its own writer and
 * nobody else, least of all the channels.
 */

/** What a stream tells its owner. Called one at a time, never from within a call to the stream. */
export interface ByteStreamEvents {
  /** Bytes, or the peer's end, have come since `read` answered undefined. */
  onReadable(): void;
  /** More may be written since `write` took less than all. */
  onWritable(): void;
  /** The peer ended both directions with this code; unread bytes are lost. The last call. */
  onReset(code: number): void;
  /** The connection has ended, and the stream with it. The last call. */
  onLost(reason: string): void;
}

/** One end of a stream. It is over when both ends have ended their direction, or one has reset. */
export interface ByteStream {
  /** The same number at both ends, unique on the connection. */
  readonly id: number;
  /** True when the peer has ended its direction and all of it was read. */
  readonly isAtEnd: boolean;
  /** Must be called in the tick in which the stream was handed over. */
  attach(events: ByteStreamEvents): void;
  /**
   * Takes as many of the bytes as there is room for, and answers how many; they are copied or sent
   * before it returns. After less than all, `onWritable` follows. 0 on a stream that is over.
   */
  write(bytes: Uint8Array): number;
  /** Ends this direction: the peer reads what was written, then the end. Idempotent. */
  end(): void;
  /**
   * The next bytes, the caller's to keep; undefined when there are none now. The peer may send so
   * many more. Look at `isAtEnd` then.
   */
  read(): Uint8Array | undefined;
  /** Ends both directions at once; what is under way is lost. @param code 0 to 2^32 - 1 */
  reset(code: number): void;
}

/** The streams of one connection. */
export interface ByteStreams {
  /**
   * A new stream. The peer hears of it with its first bytes.
   * @throws ERR_OVERLOADED at `STREAMS_PER_END_MAX` own ones that are open; ERR_NO_CONNECTION when
   * the connection has ended.
   */
  open(): ByteStream;
  /**
   * Sets who is given the streams that the peer opens; attach within the call. Streams that come
   * while nobody listens are reset. None comes before the connection is admitted.
   */
  listen(listener: (stream: ByteStream) => void): void;
}
