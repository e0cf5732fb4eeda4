/** Endpoints as text: `host:port`, IPv6 in brackets. */
import { type Address, splitAddress } from '../core/names.ts';
import type { Endpoint } from './udp.ts';

export function endpointText({ host, port }: Endpoint): Address {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The endpoint of an address whose host is an IP address. */
export function endpointOf(address: Address): Endpoint {
  const { host, port } = splitAddress(address);
  return { host: bareHost(host), port };
}

/** Without the brackets of an IPv6 literal. */
export function bareHost(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

export function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.host === b.host;
}

/** Of any IP family: nothing that others can dial. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

export function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}
