/** With which codes streams are reset, and what a code that came means to a user. */
import type { NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import {
  RESET_CODE_MAX,
  RESET_OVERLOADED,
  RESET_REFUSED,
} from '../transport/streams/stream-limits.ts';

/** Destroyed without an error. */
export const RESET_CANCELLED = 0;
/** Destroyed with an error, or with a code that is none, or its handler has failed. */
export const RESET_FAILED = 0x102;
/** The node closes or leaves. */
export const RESET_LEAVING = 0x103;
/** The tag did not come in time, or breaks the rules. */
export const RESET_PREAMBLE = 0x104;

const WORDS: ReadonlyMap<number, string> = new Map([
  [RESET_CANCELLED, 'the other end gave the stream up'],
  [RESET_REFUSED, 'nobody accepts streams of this tag there'],
  [RESET_OVERLOADED, 'too many streams are open there'],
  [RESET_FAILED, 'the other end has failed'],
  [RESET_LEAVING, 'the other node closes or leaves'],
  [RESET_PREAMBLE, 'the tag did not come in time'],
]);

/** What a reset by the other end means here. */
export function resetError(code: number, node: NodeName): BarrelError {
  const isOverload = code === RESET_OVERLOADED;
  const words = WORDS.get(code) ?? 'the stream was reset';
  const message = `${words} (${node}, code ${code})`;
  const details = { node, resetCode: code };
  return new BarrelError(isOverload ? 'ERR_OVERLOADED' : 'ERR_STREAM_RESET', message, details);
}

/** No error, or the one with which Node leaves a stream: a `for await` that is over, a signal. */
export function isGivenUp(error: unknown): boolean {
  return error === null || error === undefined || (error instanceof Error && isAbort(error));
}

function isAbort(error: Error): boolean {
  return 'code' in error && error.code === 'ABORT_ERR';
}

/** The code that tells the other end of an error with which a stream is destroyed. */
export function resetCodeOf(error: unknown): number {
  if (isGivenUp(error)) return RESET_CANCELLED;
  const code = error instanceof BarrelError ? error.resetCode : undefined;
  return code !== undefined && isResetCode(code) ? code : RESET_FAILED;
}

function isResetCode(code: number): boolean {
  return Number.isInteger(code) && code >= 0 && code <= RESET_CODE_MAX;
}

export function lostError(reason: string, node: NodeName): BarrelError {
  return new BarrelError('ERR_NO_CONNECTION', `the connection to ${node} was lost: ${reason}`, {
    node,
  });
}
