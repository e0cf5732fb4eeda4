/** The error for a message on the control socket that is none. */
import { BarrelError } from '../errors.ts';

export function invalid(message: string): BarrelError {
  return new BarrelError('ERR_VALUE', `bad control message: ${message}`);
}
