/**
 * The last word of a node that left, said again to one that missed it: many may have left in one
 * instant, so that nobody was there to pass it on.
 */
import type { NodeName } from '../names.ts';
import type { RosterEntry } from '../roster/entry.ts';
import type { OverlayEffect } from './contract.ts';

/** What this node, of which the roster says `own`, repeats to `to`; nothing while it takes part. */
export function goodbyeTo(to: NodeName, own: RosterEntry | undefined): readonly OverlayEffect[] {
  if (own?.status !== 'left') return [];
  const message = { kind: 'entries', entries: [own] } as const;
  return [{ kind: 'send', to, message: { layer: 'liveness', message } }];
}
