/**
 * How the `barrel` command ends, for scripts:
 *
 *     0 done                          4 refused: another node or `authorize` said no
 *     1 failed                        5 no such service, method, process, map or key
 *     2 wrong options or arguments    6 timed out, or the connection was lost
 *     3 no node runs there            7 the called method threw
 */
import { CommanderError } from 'commander';
import { BarrelError, type ErrorCode } from '../errors.ts';

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  notRunning: 3,
  refused: 4,
  notFound: 5,
  timeout: 6,
  remote: 7,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_CODE: Partial<Readonly<Record<ErrorCode, ExitCode>>> = {
  ERR_OPTION: EXIT.usage,
  ERR_VALUE: EXIT.usage,
  ERR_INVALID_VALUE: EXIT.usage,
  ERR_REFUSED: EXIT.refused,
  ERR_UNAUTHORIZED: EXIT.refused,
  ERR_NOT_FOUND: EXIT.notFound,
  ERR_NO_PROCESS: EXIT.notFound,
  ERR_TIMEOUT: EXIT.timeout,
  ERR_NO_CONNECTION: EXIT.timeout,
  ERR_UNREACHABLE: EXIT.timeout,
  ERR_NOT_CONNECTED: EXIT.timeout,
  ERR_PATH_NOT_VALIDATED: EXIT.timeout,
  ERR_MIGRATION_DISABLED: EXIT.refused,
  ERR_REMOTE: EXIT.remote,
};

/** A command that cannot go on: one line for the operator, and how to end. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exitCode;
  if (error instanceof CommanderError) return EXIT.usage;
  // A service that is there, without the method.
  if (error instanceof BarrelError && error.remote?.code === 'ERR_NOT_FOUND') return EXIT.notFound;
  return (error instanceof BarrelError ? BY_CODE[error.code] : undefined) ?? EXIT.failure;
}

/** One line for people: the code first, where there is one, and never a stack. */
export function lineOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof BarrelError ? `${error.code}: ` : '';
  return `${code}${message}`.replaceAll(/\s*\n\s*/g, ' ');
}
