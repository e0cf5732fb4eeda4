/**
 * Errors as values: what is left of an error when its process ends or when it crosses to a caller.
 * Texts are cut, and halves of surrogate pairs replaced, so that the result can always be sent.
 */

import type { Pid } from '../core/pid.ts';
import { Writer } from '../core/wire/writer.ts';
import { BarrelError, type RemoteFailure } from '../errors.ts';
import {
  ERROR_MESSAGE_CHARS_MAX,
  ERROR_NAME_CHARS_MAX,
  ERROR_STACK_CHARS_MAX,
  EXIT_REASON_BYTES_MAX,
} from '../limits.ts';
import { copyValue } from './copy-value.ts';
import type { Value } from './processes.ts';

/** A failure of a handler, with the message of its cause. */
export interface HandlerFailure extends RemoteFailure {
  readonly causeMessage?: string;
}

const UTF8_BYTES_PER_CHAR_MAX = 3;
/** Most bytes before those of a text. */
const TEXT_HEAD_BYTES = 9;
/** For the part of a text that stands for all of it: it fits however it is written. */
const SUMMARY_BYTES_PER_CHAR = 4;

/** Stands for what was thrown when even looking at it throws. */
const UNREADABLE = Object.freeze({ name: 'Error', message: 'a value without a text' });

/** Name, message, code and cause of whatever was thrown. Never throws. */
export function handlerFailure(error: unknown): HandlerFailure {
  try {
    return failureOf(error);
  } catch {
    return UNREADABLE;
  }
}

/**
 * The exit reason of a body that threw: `{ name, message, code?, stack? }` for an error, the thrown
 * value itself when it can be sent, as `throw 'shutdown'`. Never throws.
 */
export function thrownReason(thrown: unknown): Value {
  try {
    return thrown instanceof Error ? errorReason(thrown) : valueReason(thrown);
  } catch {
    return UNREADABLE;
  }
}

/**
 * The reason itself up to 16 KiB encoded, or as much as is said, else what can be told of it: the
 * beginning of a text, or `{ name, message, code? }`. Each watcher and link keeps or sends one.
 */
export function boundedReason(reason: Value, bytesMax: number = EXIT_REASON_BYTES_MAX): Value {
  if (typeof reason === 'string') {
    const bytesMost = reason.length * UTF8_BYTES_PER_CHAR_MAX + TEXT_HEAD_BYTES;
    if (bytesMost <= bytesMax) return reason;
  } else if (typeof reason !== 'object' || reason === null) {
    return reason;
  }
  try {
    new Writer().value(reason, bytesMax);
    return reason;
  } catch {
    return summaryOf(reason, bytesMax);
  }
}

/** What operations of an ended process, and calls to it, fail with. */
export function exitError(pid: Pid, reason: Value): BarrelError {
  return new BarrelError('ERR_EXIT', `process ${pid} has ended`, { cause: reason, node: pid.node });
}

function summaryOf(reason: Value, bytesMax: number): Value {
  const charsMax = Math.min(ERROR_MESSAGE_CHARS_MAX, bytesMax / SUMMARY_BYTES_PER_CHAR);
  if (typeof reason === 'string') return boundedText(reason, charsMax);
  const parts: { name?: unknown; message?: unknown; code?: unknown } = Object(reason);
  const { name, message, code } = parts;
  return {
    name: typeof name === 'string' ? boundedText(name, ERROR_NAME_CHARS_MAX) : 'Error',
    message:
      typeof message === 'string'
        ? boundedText(message, charsMax)
        : `an exit reason over ${bytesMax} bytes`,
    ...(typeof code === 'string' ? { code: boundedText(code, ERROR_NAME_CHARS_MAX) } : {}),
  };
}

function failureOf(error: unknown): HandlerFailure {
  if (!(error instanceof Error)) return { name: 'Error', message: messageText(error) };
  const { cause } = error;
  return {
    ...describedError(error),
    ...(cause === undefined ? {} : { causeMessage: messageText(cause) }),
  };
}

function valueReason(thrown: unknown): Value {
  try {
    return copyValue(thrown);
  } catch {
    return { name: 'Error', message: messageText(thrown) };
  }
}

function errorReason(error: Error): Value {
  const { stack } = error;
  return {
    ...describedError(error),
    ...(stack === undefined ? {} : { stack: boundedText(stack, ERROR_STACK_CHARS_MAX) }),
  };
}

function describedError(error: Error): RemoteFailure {
  const code = codeOf(error);
  return {
    name: boundedText(error.name, ERROR_NAME_CHARS_MAX),
    message: boundedText(error.message, ERROR_MESSAGE_CHARS_MAX),
    ...(code === undefined ? {} : { code }),
  };
}

function codeOf(error: Error): string | undefined {
  const code: unknown = 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? boundedText(code, ERROR_NAME_CHARS_MAX) : undefined;
}

function messageText(thrown: unknown): string {
  try {
    const text = thrown instanceof Error ? thrown.message : thrown;
    return boundedText(text, ERROR_MESSAGE_CHARS_MAX);
  } catch {
    return UNREADABLE.message;
  }
}

function boundedText(text: unknown, charsMax: number): string {
  return String(text)
    .slice(0, charsMax)
    .replace(/\p{Surrogate}/gu, '\ufffd');
}
