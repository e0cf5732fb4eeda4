/**
 * How long a dial may take. Most dials after a disaster lead nowhere, so a spare gets little time,
 * and twice as much at each failure, in case it is only slow.
 */

import type { LinkFacts } from '../link-facts.ts';
import type { NodeName } from '../names.ts';
import type { HyParViewConfig } from './config.ts';
import type { NeighborPriority } from './messages.ts';

/** Round trips that a dial takes, handshake and admission included. */
const DIAL_ROUND_TRIPS = 3;

export interface Dial {
  readonly ask: 'join' | NeighborPriority;
  /** Of the peer, in a row. */
  readonly failures: number;
  /** Those whose round trips are known. */
  readonly neighbors: Iterable<NodeName>;
}

/** Somebody just spoke of a newcomer, so it gets as long as an answer; a contact the longest. */
export function dialTimeMs(
  config: HyParViewConfig,
  facts: LinkFacts | undefined,
  { ask, failures, neighbors }: Dial,
): number {
  const { connectTimeoutMs, connectTimeoutMinMs, requestTimeoutMs } = config;
  if (ask === 'join') return connectTimeoutMs;
  let rttMs = 0;
  for (const node of neighbors) rttMs = Math.max(rttMs, facts?.rttMs(node) ?? 0);
  const leastMs = ask === 'high' ? requestTimeoutMs : connectTimeoutMinMs;
  const firstMs = Math.max(leastMs, DIAL_ROUND_TRIPS * rttMs);
  return Math.min(connectTimeoutMs, firstMs * 2 ** failures);
}
