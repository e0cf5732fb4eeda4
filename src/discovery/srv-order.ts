/** The order in which the targets of a service are to be used (RFC 2782). */
import type { Random } from '../host/host.ts';
import type { ServiceRecord } from '../host/resolver.ts';

/**
 * By priority, the smaller first. Within one priority by lot, where the chance to be the next is
 * the share of the weight; those of weight 0 have a very small one.
 */
export function inOrderOfUse(
  records: readonly ServiceRecord[],
  random: Pick<Random, 'float'>,
): readonly ServiceRecord[] {
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities.flatMap((priority) => {
    const equals = records.filter((record) => record.priority === priority);
    return drawn(equals, random);
  });
}

function drawn(
  records: readonly ServiceRecord[],
  random: Pick<Random, 'float'>,
): readonly ServiceRecord[] {
  // "all those with weight 0 are placed at the beginning of the list" (p. 4)
  const left = [...records].sort((a, b) => Number(a.weight > 0) - Number(b.weight > 0));
  let sum = left.reduce((total, { weight }) => total + weight, 0);
  const order: ServiceRecord[] = [];
  while (left.length > 0) {
    const [chosen] = left.splice(indexAt(left, Math.floor(random.float() * (sum + 1))), 1);
    if (chosen === undefined) break;
    sum -= chosen.weight;
    order.push(chosen);
  }
  return order;
}

/** "the RR whose running sum value is the first [...] greater than or equal to" the lot (p. 4). */
function indexAt(records: readonly ServiceRecord[], lot: number): number {
  let running = 0;
  const index = records.findIndex(({ weight }) => {
    running += weight;
    return running >= lot;
  });
  return Math.max(index, 0);
}
