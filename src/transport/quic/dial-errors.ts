/** Why a dial failed, as its caller hears of it. */
import type { Address } from '../../core/names.ts';
import { BarrelError } from '../../errors.ts';
import type { Closure } from '../transport.ts';

/** Of a connection that ended before both keys were proven. */
export function dialError(address: Address, closure: Closure | undefined): BarrelError {
  const { reason, detail = '' } = closure ?? { reason: 'lost' };
  if (reason === 'certificate') return dialRefusal(address, reason, detail);
  return new BarrelError(
    'ERR_UNREACHABLE',
    `cannot reach ${address}: ${reason} ${detail}`.trimEnd(),
  );
}

export function dialRefusal(
  address: Address,
  reason: 'certificate' | 'secret',
  detail: string,
): BarrelError {
  return new BarrelError('ERR_REFUSED', `${address} refused: ${reason} ${detail}`.trimEnd(), {
    reason,
  });
}
