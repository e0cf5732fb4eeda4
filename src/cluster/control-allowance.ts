/**
 * What the control frames of one link may cost this node. Each is charged with time: so much for
 * itself and so much for each byte. A link may be charged a second at once, and a second for each
 * second that passes: 20,000 small frames, or 64 MB.
 *
 * Frames of store exchanges are charged for themselves alone: an exchange has a window of its own.
 */
import { EXCHANGE } from '../core/store/exchange/exchange-codec.ts';

const FRAME_MS = 0.05;
const BYTE_MS = 1_000 / 67_108_864;
const AT_ONCE_MS = 1_000;

export class ControlAllowance {
  #chargedUntilMs = Number.NEGATIVE_INFINITY;

  /** Charges one frame and answers true, or false, and nothing is charged, when it is too much. */
  take(frame: Uint8Array, nowMs: number): boolean {
    const chargedMs = Math.max(this.#chargedUntilMs, nowMs - AT_ONCE_MS);
    if (chargedMs > nowMs) return false;
    this.#chargedUntilMs = chargedMs + FRAME_MS + chargedBytes(frame) * BYTE_MS;
    return true;
  }
}

function chargedBytes(frame: Uint8Array): number {
  return frame[0] === EXCHANGE ? 0 : frame.length;
}
