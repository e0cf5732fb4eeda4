/**
 * The one error class of the package and its stable codes.
 *
 * Every error thrown on purpose is a `BarrelError`: branch on `code`, read `cause`. Nothing else in
 * the message is part of the contract.
 */

/** Stable codes, one for each thing that a caller would act on differently. */
export type ErrorCode =
  | 'ERR_OPTION'
  | 'ERR_VALUE'
  | 'ERR_CLOSED'
  | 'ERR_SELF'
  | 'ERR_TIMEOUT'
  | 'ERR_UNREACHABLE'
  | 'ERR_REFUSED'
  | 'ERR_NO_PROCESS'
  | 'ERR_NO_CONNECTION'
  | 'ERR_EXIT'
  | 'ERR_REMOTE'
  | 'ERR_CALL_SELF'
  | 'ERR_OVERLOADED'
  | 'ERR_NOT_FOUND'
  | 'ERR_UNAUTHORIZED'
  | 'ERR_ALREADY_REGISTERED'
  | 'ERR_ALREADY_CANDIDATE'
  | 'ERR_NOT_LEADER'
  | 'ERR_INVALID_VALUE'
  | 'ERR_CONFLICT'
  | 'ERR_STREAM_RESET'
  | 'ERR_MIGRATION_DISABLED'
  | 'ERR_NOT_CONNECTED'
  | 'ERR_PATH_NOT_VALIDATED'
  | 'ERR_IDENTITY'
  | 'ERR_STORE';

/** Why another node refused this one, or this one another. */
export type RefusalReason =
  | 'protocol-version'
  | 'cluster'
  | 'secret'
  | 'name'
  | 'name-taken'
  | 'key-mismatch'
  | 'not-trusted'
  | 'revoked'
  | 'certificate'
  | 'stale-incarnation'
  | 'parameters'
  | 'clock'
  | 'overloaded'
  | 'blocked';

/** What the callee threw, as it crossed the wire. */
export interface RemoteFailure {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
}

/** What an error carries beside its code and message. */
export interface BarrelErrorDetails {
  readonly cause?: unknown;
  readonly reason?: RefusalReason;
  readonly remote?: RemoteFailure;
  readonly node?: string;
  readonly resetCode?: number;
}

/** An error thrown on purpose. `code` is stable; `message` is for people. */
export class BarrelError extends Error {
  override readonly name = 'BarrelError';
  readonly code: ErrorCode;
  /** With `ERR_REFUSED`. */
  declare readonly reason?: RefusalReason;
  /** With `ERR_REMOTE`: what the callee threw. */
  declare readonly remote?: RemoteFailure;
  /** The other node, where one is concerned. */
  declare readonly node?: string;
  /** Of a stream that was reset: the code that came, or that is to be sent. 0 to 2^32 - 1. */
  declare readonly resetCode?: number;

  constructor(code: ErrorCode, message: string, details: BarrelErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.code = code;
    if (details.reason !== undefined) this.reason = details.reason;
    if (details.remote !== undefined) this.remote = details.remote;
    if (details.node !== undefined) this.node = details.node;
    if (details.resetCode !== undefined) this.resetCode = details.resetCode;
  }
}
