/** What a change of the roster is to users: one event for each change that they see. */
import type { MemberEvent } from './contract.ts';
import { isLiving, isSameToUsers, type RosterEntry } from './entry.ts';

/** In order; a restart is two. */
export function memberEvents(
  entry: RosterEntry,
  known: RosterEntry | undefined,
): readonly MemberEvent[] {
  const { node, incarnation } = entry;
  const events: MemberEvent[] = [];
  const isSameStart = known?.incarnation === incarnation;
  const wasAlive = isLiving(known);
  if (wasAlive && !(isSameStart && isLiving(entry))) {
    const reason = isSameStart && entry.status === 'left' ? 'left' : 'failed';
    events.push({ type: 'memberDown', node, incarnation: known.incarnation, reason });
  }
  if (!isLiving(entry)) return events;
  const { record } = entry;
  if (!wasAlive || !isSameStart) events.push({ type: 'memberUp', node, incarnation, record });
  else if (!isSameToUsers(record, known.record)) {
    events.push({ type: 'memberUpdated', node, incarnation, record });
  }
  return events;
}
