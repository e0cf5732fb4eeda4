/** Names of services: the rules, and how a name becomes a key of the replicated table. */
import { BarrelError } from '../errors.ts';
import { SERVICE_NAME_BYTES_MAX } from '../limits.ts';

const KEY_PREFIX = 'service:';
/** Control characters, and halves of surrogate pairs, which no encoding keeps. */
const FORBIDDEN = /[\p{Cc}\p{Surrogate}]/u;

/** 1 to 255 bytes in UTF-8, no control characters. */
export function isServiceName(name: string): boolean {
  if (name.length === 0 || name.length > SERVICE_NAME_BYTES_MAX || FORBIDDEN.test(name)) {
    return false;
  }
  return new TextEncoder().encode(name).byteLength <= SERVICE_NAME_BYTES_MAX;
}

/** @throws ERR_OPTION when the name breaks the rules. */
export function checkServiceName(name: string): void {
  if (typeof name === 'string' && isServiceName(name)) return;
  const received = JSON.stringify(String(name).slice(0, SERVICE_NAME_BYTES_MAX));
  const rule = `1 to ${SERVICE_NAME_BYTES_MAX} bytes without control characters`;
  throw new BarrelError('ERR_OPTION', `a service name has ${rule}, not ${received}`);
}

export function keyOfService(name: string): string {
  return KEY_PREFIX + name;
}

/** The name in a key of the table; undefined for other keys, and for what breaks the rules. */
export function serviceOfKey(key: string): string | undefined {
  if (!key.startsWith(KEY_PREFIX)) return undefined;
  const name = key.slice(KEY_PREFIX.length);
  return isServiceName(name) ? name : undefined;
}
