/** The two ends of a path. */
import { endpointText, isSameEndpoint } from '../../host/endpoint-text.ts';
import type { Endpoint } from '../../host/udp.ts';
import { isTunnelHost } from '../tunnel/tunnel-address.ts';

export interface PathPair {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

export function pairText({ local, remote }: PathPair): string {
  return `${endpointText(local)}>${endpointText(remote)}`;
}

export function isSamePair(a: PathPair, b: PathPair): boolean {
  return isSameEndpoint(a.remote, b.remote) && isSameEndpoint(a.local, b.local);
}

/** A socket of one family does not reach the other, but for one on the wildcard of both. */
export function canReach({ local, remote }: PathPair): boolean {
  if (isTunnelHost(remote.host)) return true;
  return local.host === '::' || local.host.includes(':') === remote.host.includes(':');
}
