/** Which events of services somebody wants to hear of. */
import { BarrelError } from '../errors.ts';
import { checkServiceName } from './service-name.ts';
import type { ServiceEvent, ServiceFilter } from './services.ts';

/**
 * Whether an event is wanted; undefined when all are.
 * @throws ERR_OPTION
 */
export function eventFilter(
  filter: ServiceFilter = {},
): ((event: ServiceEvent) => boolean) | undefined {
  const { name, prefix } = filter;
  if (name !== undefined && prefix !== undefined) {
    throw new BarrelError('ERR_OPTION', 'events are chosen by `name` or by `prefix`, not by both');
  }
  if (name !== undefined) {
    checkServiceName(name);
    return (event) => event.name === name;
  }
  if (prefix === undefined) return undefined;
  if (typeof prefix !== 'string') throw new BarrelError('ERR_OPTION', '`prefix` must be a string');
  return (event) => event.name.startsWith(prefix);
}
