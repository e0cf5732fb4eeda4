/** Names of maps: the rule, and the store that holds a map. */
import { BarrelError } from '../errors.ts';
import { MAP_NAME_BYTES_MAX } from '../limits.ts';

const STORE_PREFIX = 'map:';
const PRUNED_PREFIX = 'presence:';
/** Control characters, and halves of surrogate pairs, which no encoding keeps. */
const FORBIDDEN = /[\p{Cc}\p{Surrogate}]/u;

export const MAP_NAME_RULE: string = `1 to ${MAP_NAME_BYTES_MAX} bytes without control characters`;

export function isMapName(name: unknown): name is string {
  if (typeof name !== 'string' || name === '' || name.length > MAP_NAME_BYTES_MAX) return false;
  return !FORBIDDEN.test(name) && new TextEncoder().encode(name).length <= MAP_NAME_BYTES_MAX;
}

/** @throws ERR_OPTION when the name breaks the rule. */
export function checkMapName(name: unknown): void {
  if (isMapName(name)) return;
  const received =
    typeof name === 'string' ? JSON.stringify(name.slice(0, MAP_NAME_BYTES_MAX)) : typeof name;
  throw new BarrelError('ERR_OPTION', `a map's name has ${MAP_NAME_RULE}, not ${received}`);
}

/**
 * With `pruneOnMemberDown` it is another store: nodes that disagree on when entries end share
 * nothing, since they would never become equal.
 */
export function storeOfMap(name: string, isPruned = false): string {
  return (isPruned ? PRUNED_PREFIX : STORE_PREFIX) + name;
}
