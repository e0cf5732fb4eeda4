/**
 * Which functions of an object a caller may reach, and the shape of a request for one. Only what
 * stands in the table built here can be called, so that no name that a peer sends is ever looked
 * up on an object.
 */
import { BarrelError } from '../errors.ts';
import type { Value } from './processes.ts';

export type Method = (...args: unknown[]) => unknown;

/** What a process made by `serve` takes: the name of a method and its arguments. */
export type MethodRequest = readonly [method: string, args: readonly Value[]];

/** The request that calls a method of a served object: `call(pid, methodCall('add', [1, 2]))`. */
export function methodCall(method: string, args: readonly Value[]): MethodRequest {
  return [method, args];
}

/** The parts of a request, or undefined when it has another shape. */
export function parseMethodRequest(request: Value): MethodRequest | undefined {
  if (!Array.isArray(request) || request.length !== 2) return undefined;
  const [method, args]: readonly unknown[] = request;
  return typeof method === 'string' && Array.isArray(args) ? [method, args] : undefined;
}

/** Prototypes of the language: what they offer is not meant for callers. */
const BUILT_IN: ReadonlySet<unknown> = new Set([
  null,
  Object.prototype,
  Function.prototype,
  Array.prototype,
]);

/**
 * The reachable methods by name: functions of the object itself and of its classes, the nearest
 * first. Accessors are never touched.
 * @throws ERR_OPTION when `only` names one that is not there.
 */
export function reachableMethods(
  target: object,
  only: readonly string[] | undefined,
): ReadonlyMap<string, Method> {
  const methods = new Map<string, Method>();
  const hidden = new Set<string>();
  for (let level: unknown = target; isOpenLevel(level); level = Object.getPrototypeOf(level)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (methods.has(name) || hidden.has(name)) continue;
      if (isReachableName(name) && typeof value === 'function') methods.set(name, value as Method);
      else hidden.add(name);
    }
  }
  return only === undefined ? methods : narrowed(methods, only);
}

function isOpenLevel(level: unknown): level is object {
  return !BUILT_IN.has(level);
}

function isReachableName(name: string): boolean {
  return name !== 'constructor' && !name.startsWith('_');
}

function narrowed(
  methods: ReadonlyMap<string, Method>,
  only: readonly string[],
): ReadonlyMap<string, Method> {
  const missing = only.filter((name) => !methods.has(name));
  if (missing.length === 0) return new Map([...methods].filter(([name]) => only.includes(name)));
  const names = missing.map((name) => JSON.stringify(name)).join(', ');
  throw new BarrelError('ERR_OPTION', `only: no such method: ${names}`);
}
