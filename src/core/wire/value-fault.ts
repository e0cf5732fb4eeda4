/** Why a value cannot be sent, and where in it the bad part is: the path is put together on the
 * way out, so that values that are fine pay nothing for it. */
import { BarrelError } from '../../errors.ts';

const STEP_CHARS_MAX = 64;
const PATH_CHARS_MAX = 512;
const IDENTIFIER = /^[A-Za-z_$][\w$]{0,63}$/;

/** Thrown inside an encoder; the encoder's door turns it into a `BarrelError`. */
export class ValueFault extends Error {
  override readonly name = 'ValueFault';
  #path = '';

  /** Puts one step in front of the path. */
  within(step: string): this {
    if (this.#path.length < PATH_CHARS_MAX) this.#path = step + this.#path;
    return this;
  }

  get path(): string {
    return this.#path;
  }
}

/** Adds a step to a fault on its way out; anything else, as what a getter threw, becomes one. */
export function faultWithin(error: unknown, step: string): ValueFault {
  const fault =
    error instanceof ValueFault ? error : new ValueFault('cannot be read', { cause: error });
  return fault.within(step);
}

/** ERR_VALUE that names the bad part: `value.items[3].total: a function cannot be sent`. */
export function valueError(error: unknown, root: string): BarrelError {
  const fault = faultWithin(error, '');
  const details = fault.cause === undefined ? {} : { cause: fault.cause };
  return new BarrelError('ERR_VALUE', `${root}${fault.path}: ${fault.message}`, details);
}

export function propertyStep(key: string): string {
  return IDENTIFIER.test(key) ? `.${key}` : `[${quoted(key)}]`;
}

export function entryStep(key: unknown, index: number): string {
  if (typeof key === 'string') return `.get(${quoted(key)})`;
  return typeof key === 'number' ? `.get(${key})` : `.values()[${index}]`;
}

function quoted(text: string): string {
  const isLong = text.length > STEP_CHARS_MAX;
  return JSON.stringify(isLong ? `${text.slice(0, STEP_CHARS_MAX)}...` : text);
}
