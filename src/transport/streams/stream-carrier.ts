/** What a transport does for byte streams: it moves bytes, ends, resets, and frames of credit. */
export interface StreamCarrier {
  /** Takes as many bytes as fit now; answers how many. */
  write(id: number, bytes: Uint8Array): number;
  /** True when a write would take something. */
  hasRoom(id: number): boolean;
  /** After the last byte. */
  finish(id: number): void;
  /** Ends both directions, whatever is under way. */
  reset(id: number, code: number): void;
  /** Both ends have finished: nothing is said of this stream any more. */
  over(id: number): void;
  /** Monotonic. */
  nowMs(): number;
  /** Of the path; 0 before the first sample. */
  rttMs(): number;
  /** Sends a frame on channel `CREDIT`. */
  sendCredit(frame: Uint8Array): void;
}
