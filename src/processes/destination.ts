/** Destinations as they stand in messages of errors, and as they must be. */
import { isPid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import { LOCAL_NAME_BYTES_MAX } from '../limits.ts';
import type { Destination } from './processes.ts';

const encoder = new TextEncoder();

/** As in `process a@h/1.2`, `service "orders"`. */
export function destinationText(to: Destination): string {
  if (isPid(to)) return `process ${to}`;
  if ('service' in to) return `service ${JSON.stringify(to.service)}`;
  return `process ${JSON.stringify(to.name)} of ${to.node}`;
}

/** @throws ERR_OPTION unless it is a name that a process may have. */
export function checkProcessName(name: unknown): void {
  if (typeof name === 'string' && name !== '') {
    if (name.length * 3 <= LOCAL_NAME_BYTES_MAX) return;
    if (encoder.encode(name).length <= LOCAL_NAME_BYTES_MAX) return;
  }
  const rule = `the name of a process must be a string of 1 to ${LOCAL_NAME_BYTES_MAX} bytes`;
  throw new BarrelError('ERR_OPTION', `${rule}, not ${shortText(name)}`);
}

/** @throws ERR_OPTION for what is neither a pid nor `{ node, name }`. */
export function checkRegisteredName(to: unknown): void {
  const isObject = typeof to === 'object' && to !== null;
  if (!isObject || !('node' in to) || typeof to.node !== 'string' || !('name' in to)) {
    const rule = 'a destination must be a pid, { node, name } or { service }';
    throw new BarrelError('ERR_OPTION', `${rule}, not ${shortText(to)}`);
  }
  checkProcessName(to.name);
}

/** @throws ERR_OPTION for anything but a pid. */
export function checkPid(pid: unknown): void {
  if (!isPid(pid)) throw new BarrelError('ERR_OPTION', `not a pid: ${shortText(pid)}`);
}

function shortText(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 64)) : typeof value;
}
