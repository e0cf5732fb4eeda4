/**
 * Notes of what user code threw. What was thrown may throw again when a logger looks at it, and
 * the logger is user code too: neither may end more than the code that failed.
 */
export function quietly(note: () => void): void {
  try {
    note();
  } catch {
    // There is nobody left to tell.
  }
}
