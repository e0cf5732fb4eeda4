/**
 * The error of every decoder here. It is caught at the one door of a link and ends that link; it
 * is no `BarrelError` because no caller of the package ever sees it.
 */

/** Bytes from outside that break the format or a bound. The message names no content. */
export class WireError extends Error {
  override readonly name = 'WireError';
}
