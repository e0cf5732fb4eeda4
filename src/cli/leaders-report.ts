/** Elections that a node knows, as text for a terminal. */
import { styleText } from 'node:util';
import type { ElectionReport, LeaderEventReport } from '../admin/leader-queries.ts';
import { table } from './table.ts';

/** Names of candidates in a row of the table; of the others their number. */
const CANDIDATES_SHOWN_MAX = 3;

export function renderElections(elections: readonly ElectionReport[]): string {
  if (elections.length === 0) return 'no election is known';
  const rows = elections.map((election) => [
    election.name,
    election.kind === 'globalName' ? 'global name' : 'election',
    election.leader?.node ?? styleText('yellow', 'nobody'),
    election.leader?.fence ?? '-',
    renderCandidates(election),
    election.mode,
  ]);
  return table(['name', 'kind', 'leader', 'fence', 'candidates', 'mode'], rows);
}

/** `2: a@host b@host`, or `9: a@host b@host c@host and 6 more` */
function renderCandidates({ candidates, firstCandidates }: ElectionReport): string {
  const shown = firstCandidates.slice(0, CANDIDATES_SHOWN_MAX);
  if (shown.length === 0) return String(candidates);
  const others = candidates - shown.length;
  return `${candidates}: ${shown.join(' ')}${others === 0 ? '' : ` and ${others} more`}`;
}

/** One line. */
export function renderLeaderEvent({ leader }: LeaderEventReport): string {
  if (leader === null) return 'nobody leads';
  const fence = leader.fence === null ? '' : `  fence ${leader.fence}`;
  return `leader  ${leader.node}${fence}`;
}
