/** Typed handles: property reads become methods that call the service. */
import { BarrelError } from '../errors.ts';
import type { Timed } from '../observable.ts';
import { RemoteReply } from './remote-reply.ts';
import type { ServiceCaller } from './service-caller.ts';
import type { Remote } from './services.ts';

type RemoteMethod = (...args: readonly unknown[]) => RemoteReply;

const callers = new WeakMap<object, ServiceCaller>();

/**
 * The handle over a caller. Names that no served object offers are undefined on it: `then`, so that
 * it can be returned from an async function, `toJSON`, what every object has, and `_private` ones.
 */
export function remoteOf<T extends object>(caller: ServiceCaller): Remote<T> {
  const methods = new Map<string, RemoteMethod>();
  const handle = new Proxy(Object.freeze(Object.create(null)), {
    get(_target, name): RemoteMethod | undefined {
      if (typeof name !== 'string' || isHidden(name)) return undefined;
      const known = methods.get(name);
      if (known !== undefined) return known;
      const onUnheard = (error: unknown): void => caller.noteUnheard(name, error);
      const method: RemoteMethod = (...args) => RemoteReply.of(caller.call(name, args), onUnheard);
      if (methods.size < METHODS_CACHED_MAX) methods.set(name, method);
      return method;
    },
  });
  callers.set(handle, caller);
  // The type is a promise of the caller about the service; nothing here can check it.
  return handle as Remote<T>;
}

/**
 * The same handle with other options for the calls made through it; those that are not given, or
 * are undefined, stay as they are.
 * @throws ERR_OPTION when it is no handle of `client`, or for a bad time-out.
 */
export function withOptions<T extends object>(client: T, options: Timed): T {
  const caller = callers.get(client);
  if (caller === undefined) {
    throw new BarrelError('ERR_OPTION', 'withOptions takes a handle made by services.client');
  }
  return remoteOf(caller.with(options)) as unknown as T;
}

/** A handle that is asked for more names than this makes a function for each question. */
const METHODS_CACHED_MAX = 1_024;

function isHidden(name: string): boolean {
  return name === 'then' || name === 'toJSON' || name.startsWith('_') || name in Object.prototype;
}
