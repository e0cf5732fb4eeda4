/**
 * Failures that a process only passes on. What the callee behind a proxy failed with reaches the
 * caller as if it had called there itself, not as a failure of the proxy.
 */
import { BarrelError } from '../errors.ts';
import type { CallFailure } from './call-failure.ts';
import { handlerFailure } from './exit-reason.ts';

/** Given back by a handler, it is the failure of the call in its place. */
export class PassedFailure extends Error {
  readonly failure: CallFailure;

  constructor(failure: CallFailure) {
    super(`a call that was passed on failed: ${failure.kind}`);
    this.failure = failure;
  }
}

/** How a call fails whose handler gave that error. Never throws. */
export function failureOf(error: unknown): CallFailure {
  return passedFailure(error) ?? { kind: 'handler', failure: handlerFailure(error) };
}

/** Even asking what it is may throw: it is a user's then. */
function passedFailure(error: unknown): CallFailure | undefined {
  try {
    return error instanceof PassedFailure ? error.failure : undefined;
  } catch {
    return undefined;
  }
}

/** What the caller of a call gets for the error of the call that it was passed on as. */
export function passedOn(error: unknown): unknown {
  const failure = error instanceof BarrelError ? calleeFailure(error) : undefined;
  return failure === undefined ? error : new PassedFailure(failure);
}

/** Undefined for what this node itself, or the caller, made of the call. */
function calleeFailure(error: BarrelError): CallFailure | undefined {
  switch (error.code) {
    case 'ERR_NO_PROCESS':
      return { kind: 'noProcess' };
    case 'ERR_NO_CONNECTION':
      return { kind: 'noConnection' };
    case 'ERR_EXIT':
      return { kind: 'exit', reason: error.cause };
    case 'ERR_OVERLOADED':
      return { kind: 'overloaded' };
    case 'ERR_UNAUTHORIZED':
      return { kind: 'unauthorized' };
    case 'ERR_INVALID_VALUE':
      return { kind: 'invalid', why: error.message };
    case 'ERR_REMOTE':
      return remoteFailure(error);
    default:
      return undefined;
  }
}

function remoteFailure({ remote, cause }: BarrelError): CallFailure | undefined {
  if (remote === undefined) return undefined;
  const causeMessage = cause instanceof Error ? { causeMessage: cause.message } : {};
  return { kind: 'handler', failure: { ...remote, ...causeMessage } };
}
