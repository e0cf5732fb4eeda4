/** The paths that a move may lead to, most likely first. */
import { splitAddress } from '../../core/names.ts';
import { bareHost, endpointOf } from '../../host/endpoint-text.ts';
import type { Endpoint } from '../../host/udp.ts';
import type { PathMove } from '../transport.ts';
import type { PathPair } from './path-pair.ts';

/** `stray`: where datagrams of the peer came from that it was not known to use. */
export function movePairs(
  { local, remotes, mayFollow = false }: PathMove,
  active: PathPair,
  stray: Endpoint | undefined,
): readonly PathPair[] {
  const from = local === undefined ? active.local : endpointOf(local);
  const asked = remotes?.map((address) => remoteOf(address, active.remote)) ?? [active.remote];
  const pairs = asked.map((remote) => ({ local: from, remote }));
  if (!mayFollow || stray === undefined) return pairs;
  return [{ local: from, remote: stray }, ...pairs];
}

function remoteOf(address: string, known: Endpoint): Endpoint {
  const { host, port } = splitAddress(address);
  return { host: host === '' ? known.host : bareHost(host), port };
}
