/**
 * The domain name system of the real machine. Each question has a resolver of its own: it reads the
 * configuration of the system anew, and an abort ends it alone.
 */
import { lookup, Resolver as NodeResolver } from 'node:dns/promises';
import type { ResolvedAddress, Resolver, ServiceRecord } from './resolver.ts';

/** For one server and try; the second try has twice as long. */
const TRY_MS = 1_500;
const TRIES = 2;
/** There is no such name, or it has no such record. */
const NEGATIVE = new Set(['ENOTFOUND', 'ENODATA']);

/** Asks the servers that the system is configured for. */
export const systemResolver: Resolver = resolverOf();

/**
 * Asks those servers, `host:port`, or else the system's. Where these know no address of a name, the
 * system itself is asked: it has a file of hosts and completes short names.
 */
export function resolverOf(servers?: readonly string[]): Resolver {
  return {
    addresses: async (host, signal) => {
      const found = await asking(servers, signal, (resolver) => addressesOf(resolver, host));
      if (found.length > 0 || servers !== undefined) return found;
      return unlessNegative(lookedUp(host));
    },
    services: (name, signal) => asking(servers, signal, (resolver) => servicesOf(resolver, name)),
  };
}

async function asking<T>(
  servers: readonly string[] | undefined,
  signal: AbortSignal,
  question: (resolver: NodeResolver) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  signal.throwIfAborted();
  const resolver = new NodeResolver({ timeout: TRY_MS, tries: TRIES });
  if (servers !== undefined) resolver.setServers(servers);
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await question(resolver);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** One family is enough; that there is nothing must have been said of both. */
async function addressesOf(
  resolver: NodeResolver,
  host: string,
): Promise<readonly ResolvedAddress[]> {
  const [four, six] = await Promise.allSettled([
    unlessNegative(resolver.resolve4(host, { ttl: true })),
    unlessNegative(resolver.resolve6(host, { ttl: true })),
  ]);
  const found = [four, six].flatMap((result) =>
    result.status === 'fulfilled' ? result.value : [],
  );
  if (found.length === 0) {
    if (four.status === 'rejected') throw four.reason;
    if (six.status === 'rejected') throw six.reason;
  }
  return found.map(({ address, ttl }) => ({ ip: address, ttlMs: ttl * 1_000 }));
}

async function servicesOf(resolver: NodeResolver, name: string): Promise<readonly ServiceRecord[]> {
  const records = await unlessNegative(resolver.resolveSrv(name));
  return records.map(({ name: target, port, priority, weight }) => {
    return { target, port, priority, weight };
  });
}

async function lookedUp(host: string): Promise<readonly ResolvedAddress[]> {
  const found = await lookup(host, { all: true, order: 'ipv4first' });
  return found.map(({ address }) => ({ ip: address, ttlMs: undefined }));
}

async function unlessNegative<T>(answer: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await answer;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (typeof code === 'string' && NEGATIVE.has(code)) return [];
    throw error;
  }
}
