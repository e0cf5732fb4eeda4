/** Failures of calls as they stand in frames. */
import { unreachable } from '../core/unreachable.ts';
import type { Reader } from '../core/wire/reader.ts';
import { WireError } from '../core/wire/wire-error.ts';
import type { Writer } from '../core/wire/writer.ts';
import { ERROR_MESSAGE_CHARS_MAX, ERROR_NAME_CHARS_MAX, EXIT_REASON_BYTES_MAX } from '../limits.ts';
import type { CallFailure } from './call-failure.ts';
import type { HandlerFailure } from './exit-reason.ts';
import type { Value } from './processes.ts';

/** First field of a failure. */
const FAILURE = {
  noProcess: 0,
  exit: 1,
  handler: 2,
  overloaded: 3,
  unauthorized: 4,
  invalid: 5,
  noConnection: 6,
} as const;

/** A character takes three bytes at most. */
const NAME_BYTES_MAX = 3 * ERROR_NAME_CHARS_MAX;
const MESSAGE_BYTES_MAX = 3 * ERROR_MESSAGE_CHARS_MAX;

/** @throws ERR_VALUE for a reason that cannot be sent. */
export function writeFailure(w: Writer, failure: CallFailure): void {
  w.uint(FAILURE[failure.kind]);
  switch (failure.kind) {
    case 'exit':
      w.value(failure.reason);
      break;
    case 'handler':
      writeHandlerFailure(w, failure.failure);
      break;
    case 'invalid':
      w.string(failure.why.slice(0, ERROR_MESSAGE_CHARS_MAX));
      break;
    case 'noProcess':
    case 'noConnection':
    case 'overloaded':
    case 'unauthorized':
      break;
    default:
      unreachable(failure);
  }
}

/** @throws WireError */
export function readFailure(r: Reader): CallFailure {
  const kind = r.uint();
  switch (kind) {
    case FAILURE.noProcess:
      return { kind: 'noProcess' };
    case FAILURE.exit:
      return { kind: 'exit', reason: readReason(r) };
    case FAILURE.handler:
      return readHandlerFailure(r);
    case FAILURE.overloaded:
      return { kind: 'overloaded' };
    case FAILURE.unauthorized:
      return { kind: 'unauthorized' };
    case FAILURE.noConnection:
      return { kind: 'noConnection' };
    case FAILURE.invalid:
      return { kind: 'invalid', why: r.string(MESSAGE_BYTES_MAX) };
    default:
      throw new WireError('unknown kind of failure');
  }
}

/** Cut by the node on which it came to be. */
export function readReason(r: Reader): Value {
  return r.value(EXIT_REASON_BYTES_MAX);
}

function writeHandlerFailure(w: Writer, failure: HandlerFailure): void {
  w.string(failure.name).string(failure.message);
  w.optional(failure.code, writeString).optional(failure.causeMessage, writeString);
}

function readHandlerFailure(r: Reader): CallFailure {
  const name = r.string(NAME_BYTES_MAX);
  const message = r.string(MESSAGE_BYTES_MAX);
  const code = r.optional(() => r.string(NAME_BYTES_MAX));
  const causeMessage = r.optional(() => r.string(MESSAGE_BYTES_MAX));
  return {
    kind: 'handler',
    failure: {
      name,
      message,
      ...(code === undefined ? {} : { code }),
      ...(causeMessage === undefined ? {} : { causeMessage }),
    },
  };
}

function writeString(w: Writer, text: string): void {
  w.string(text);
}
