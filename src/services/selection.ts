/** Which of several instances is taken. */
import type { NodeName } from '../core/names.ts';
import type { Random } from '../host/host.ts';
import type { Select, ServiceEntry } from './services.ts';

export interface SelectionContext {
  readonly self: NodeName;
  readonly random: Random;
  /** Smoothed round trip to a node; undefined where no link has measured it. */
  readonly rttMs: (node: NodeName) => number | undefined;
  /** True for a node that is a member and that others have stopped to hear. */
  readonly isSuspect: (node: NodeName) => boolean;
}

/**
 * One of the entries, local first in the list; undefined when there is none or none will do. Those
 * on nodes that are suspect are passed over while there are others.
 */
export function selectEntry(
  known: readonly ServiceEntry[],
  select: Select,
  context: SelectionContext,
): ServiceEntry | undefined {
  const heard = known.filter(({ node }) => !context.isSuspect(node));
  const entries = heard.length > 0 ? heard : known;
  const [first] = entries;
  if (first === undefined) return undefined;
  if (typeof select === 'function') return select(entries);
  if (select === 'random') return anyOf(entries, context.random);
  if (first.node === context.self) return first;
  return select === 'nearest' ? nearest(entries, context) : anyOf(entries, context.random);
}

function anyOf(entries: readonly ServiceEntry[], random: Random): ServiceEntry | undefined {
  return entries[Math.floor(random.float() * entries.length)];
}

/** Unmeasured ones count as farthest; among equals chance decides, so that load spreads. */
function nearest(
  entries: readonly ServiceEntry[],
  context: SelectionContext,
): ServiceEntry | undefined {
  let best: ServiceEntry[] = [];
  let bestMs = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const rttMs = context.rttMs(entry.node) ?? Number.POSITIVE_INFINITY;
    if (rttMs > bestMs) continue;
    if (rttMs < bestMs) best = [];
    bestMs = rttMs;
    best.push(entry);
  }
  return anyOf(best, context.random);
}
