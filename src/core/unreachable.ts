/** Ends a switch over a union: the compiler refuses the call while a case is missing. */
export function unreachable(value: never): never {
  throw new TypeError(`unhandled case: ${JSON.stringify(value)}`);
}
