/** How a call may fail at the callee, as it travels back, and the error that the caller gets. */
import { unreachable } from '../core/unreachable.ts';
import { BarrelError, type RemoteFailure } from '../errors.ts';
import { destinationText } from './destination.ts';
import type { HandlerFailure } from './exit-reason.ts';
import type { Destination, Value } from './processes.ts';

export type CallFailure =
  | { readonly kind: 'noProcess' }
  /** The callee ended before it answered. */
  | { readonly kind: 'exit'; readonly reason: Value }
  /** The callee threw. */
  | { readonly kind: 'handler'; readonly failure: HandlerFailure }
  /** The callee passed the call on, and lost the connection to where that went. */
  | { readonly kind: 'noConnection' }
  /** A bound of the callee was hit; the request was not looked at. */
  | { readonly kind: 'overloaded' }
  /** The node of the callee does not let the caller's node call this. */
  | { readonly kind: 'unauthorized' }
  /** A schema of the callee refused the arguments. */
  | { readonly kind: 'invalid'; readonly why: string };

/** @param to where the call went, for the message. */
export function callError(failure: CallFailure, to: Destination): BarrelError {
  const where = destinationText(to);
  const node = 'node' in to ? { node: to.node } : {};
  switch (failure.kind) {
    case 'noProcess':
      return new BarrelError('ERR_NO_PROCESS', `no process at ${where}`, node);
    case 'exit': {
      const details = { ...node, cause: failure.reason };
      return new BarrelError('ERR_EXIT', `${where} ended before it answered`, details);
    }
    case 'handler':
      return handlerError(failure.failure, where, node);
    case 'noConnection':
      return new BarrelError('ERR_NO_CONNECTION', `${where} lost the way of the call`, node);
    case 'overloaded':
      return new BarrelError('ERR_OVERLOADED', `${where} has no room for the call`, node);
    case 'unauthorized':
      return new BarrelError('ERR_UNAUTHORIZED', `the node of ${where} forbids the call`, node);
    case 'invalid':
      return new BarrelError('ERR_INVALID_VALUE', `${where} refuses ${failure.why}`, node);
    default:
      return unreachable(failure);
  }
}

function handlerError(
  failure: HandlerFailure,
  where: string,
  node: { readonly node?: string },
): BarrelError {
  const { causeMessage, ...remote } = failure;
  const message = `${where} failed: ${remote.name}: ${remote.message}`;
  const details = { ...node, remote: remote satisfies RemoteFailure };
  if (causeMessage === undefined) return new BarrelError('ERR_REMOTE', message, details);
  return new BarrelError('ERR_REMOTE', message, { ...details, cause: new Error(causeMessage) });
}
