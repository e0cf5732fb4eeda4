/** What a neighbour lacks of the roster, as frames; a new one learns when it has all of it. */
import type { OverlayEffect } from '../core/overlay/contract.ts';
import { encodeLiveness } from '../core/roster/messages.ts';
import type { Roster } from '../core/roster/roster.ts';
import { Writer } from '../core/wire/writer.ts';

/** The sender has sent all that it knew of who lives: now the stores may be compared. */
export const SYNCED = 48;
const SYNCED_FRAME = new Writer().uint(SYNCED).take();

export function* rosterPages(
  roster: Roster,
  { buckets, isFirst }: Extract<OverlayEffect, { kind: 'exchange' }>,
): IterableIterator<Uint8Array> {
  for (const entries of roster.entriesIn(buckets))
    yield encodeLiveness({ kind: 'entries', entries });
  // Who is alive comes first: entries of writers that are unknown have to wait.
  if (isFirst) yield SYNCED_FRAME;
}
