/** One end of a byte stream, whatever carries it. */
import type { ByteStream, ByteStreamEvents } from '../byte-stream.ts';
import { ReceiveWindow, type WindowGround } from './receive-window.ts';
import type { StreamCarrier } from './stream-carrier.ts';
import { encodeCredit } from './stream-frames.ts';
import { RESET_CODE_MAX, STREAM_WINDOW_BYTES_INITIAL } from './stream-limits.ts';
import { UnreadBytes } from './unread-bytes.ts';

export interface StreamEndOptions {
  readonly id: number;
  readonly carrier: StreamCarrier;
  readonly ground: WindowGround;
  /** The path took less than there was: `writable` is to be called when it may take more. */
  readonly onBlocked: (stream: StreamEnd) => void;
  /** It holds nothing any more. Exactly once. */
  readonly onOver: (stream: StreamEnd) => void;
}

export class StreamEnd implements ByteStream {
  readonly id: number;
  readonly #options: StreamEndOptions;
  readonly #window: ReceiveWindow;
  readonly #unread = new UnreadBytes();
  #events: ByteStreamEvents | undefined;
  /** `ended` = both directions, in order; there may still be bytes to read. */
  #state: 'open' | 'ended' | 'over' = 'open';
  #limit = STREAM_WINDOW_BYTES_INITIAL;
  #sent = 0;
  #hasEnded = false;
  #peerHasEnded = false;
  #wantsMore = false;
  #isHungry = true;

  constructor(options: StreamEndOptions) {
    this.id = options.id;
    this.#options = options;
    this.#window = new ReceiveWindow(options.ground);
  }

  get isAtEnd(): boolean {
    return this.#peerHasEnded && this.#unread.length === 0;
  }

  /** Bytes that the reader may leave unread. */
  get windowBytes(): number {
    return this.#window.size;
  }

  /** Nobody has taken it. */
  get isUnattended(): boolean {
    return this.#events === undefined && this.#state !== 'over';
  }

  attach(events: ByteStreamEvents): void {
    this.#events = events;
  }

  write(bytes: Uint8Array): number {
    if (this.#state !== 'open' || this.#hasEnded || bytes.length === 0) return 0;
    const room = Math.min(bytes.length, this.#limit - this.#sent);
    const { carrier, onBlocked } = this.#options;
    const taken = room > 0 ? carrier.write(this.id, bytes.subarray(0, room)) : 0;
    this.#sent += taken;
    this.#wantsMore = taken < bytes.length;
    if (taken < room) onBlocked(this);
    return taken;
  }

  end(): void {
    if (this.#state !== 'open' || this.#hasEnded) return;
    this.#hasEnded = true;
    this.#wantsMore = false;
    this.#options.carrier.finish(this.id);
    this.#checkEnded();
  }

  read(): Uint8Array | undefined {
    const bytes = this.#unread.shift();
    if (bytes === undefined) {
      this.#isHungry = true;
      return undefined;
    }
    const limit = this.#window.read(bytes.length);
    if (limit !== undefined && !this.#peerHasEnded) {
      this.#options.carrier.sendCredit(encodeCredit({ id: this.id, limit }));
    }
    this.#checkEnded();
    return bytes;
  }

  reset(code: number): void {
    if (!Number.isInteger(code) || code < 0 || code > RESET_CODE_MAX) {
      throw new TypeError(`a reset has a code from 0 to ${RESET_CODE_MAX}, not ${code}`);
    }
    if (this.#state === 'open') this.#options.carrier.reset(this.id, code);
    this.#finish();
  }

  // What the carrier reports

  /** @throws WireError when the peer had no credit for them, or had ended. */
  received(bytes: Uint8Array): void {
    this.#window.receive(bytes.length);
    if (bytes.length === 0) return;
    this.#unread.push(bytes);
    this.#feed();
  }

  peerEnded(): void {
    this.#peerHasEnded = true;
    this.#feed();
    this.#checkEnded();
  }

  peerReset(code: number): void {
    if (this.#state !== 'open') return;
    const events = this.#events;
    this.#finish();
    events?.onReset(code);
  }

  /** The peer may be sent so much, in all. Credit never shrinks. */
  credited(limit: number): void {
    if (limit <= this.#limit) return;
    this.#limit = limit;
    this.writable();
  }

  /** The path may take more. */
  writable(): void {
    if (!this.#wantsMore || this.#sent >= this.#limit) return;
    this.#wantsMore = false;
    this.#events?.onWritable();
  }

  lost(reason: string): void {
    if (this.#state !== 'open') return;
    const events = this.#events;
    this.#finish();
    events?.onLost(reason);
  }

  #feed(): void {
    if (!this.#isHungry) return;
    this.#isHungry = false;
    this.#events?.onReadable();
  }

  #checkEnded(): void {
    if (this.#state === 'open' && this.#hasEnded && this.#peerHasEnded) {
      this.#state = 'ended';
      this.#options.carrier.over(this.id);
    }
    if (this.#state === 'ended' && this.#unread.length === 0) this.#finish();
  }

  #finish(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#wantsMore = false;
    this.#events = undefined;
    this.#unread.clear();
    this.#options.onOver(this);
  }
}
