/**
 * Log levels by what a reader does: debug = one message of a protocol, info = a change that users
 * see, warn = an operator should look, error = something is broken. pino fits as it is.
 */
export interface Logger {
  debug(msg: string, fields?: object): void;
  info(msg: string, fields?: object): void;
  warn(msg: string, fields?: object): void;
  error(msg: string, fields?: object): void;
}

const ignore = (): void => {};

/** Default of the library: says nothing. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
