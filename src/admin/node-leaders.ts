/** Answers what the `barrel leaders` command asks of the elections that a node knows. */
import type { BarrelNode } from '../barrel-node.ts';
import { globalNameOf } from '../core/election/global-election.ts';
import { CANDIDATES_REPORTED_MAX } from '../limits.ts';
import { EventStream } from './control-server.ts';
import type {
  ElectionReport,
  LeaderEventReport,
  LeaderQuery,
  LeaderReport,
} from './leader-queries.ts';

type Leaders = BarrelNode['leaders'];
type KnownElection = ReturnType<Leaders['list']>[number];
type KnownLeader = NonNullable<KnownElection['leader']>;
type Leader = NonNullable<ReturnType<Leaders['leader']>>;

export function answerLeaders(leaders: Leaders, query: LeaderQuery, signal: AbortSignal): unknown {
  switch (query.method) {
    case 'leaders':
      return leaders.list().map(reportElection);
    case 'leaderWatch':
      return new EventStream(changesOf(leaders, query.name, signal));
  }
}

function reportElection({ name, leader, candidates, mode }: KnownElection): ElectionReport {
  return {
    name,
    kind: globalNameOf(name) === undefined ? 'election' : 'globalName',
    leader: leader === undefined ? null : reportLeader(leader, leader.fence),
    candidates: candidates.length,
    firstCandidates: candidates.slice(0, CANDIDATES_REPORTED_MAX),
    mode,
  };
}

async function* changesOf(
  leaders: Leaders,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<LeaderEventReport> {
  for await (const leader of leaders.watch(name, { signal })) {
    yield {
      leader: leader === undefined ? null : reportLeader(leader, fenceOf(leaders, name, leader)),
    };
  }
}

/** Of the term in which that process leads now. */
function fenceOf(leaders: Leaders, name: string, { pid }: Leader): bigint | undefined {
  const known: KnownLeader | undefined = leaders.list().find((one) => one.name === name)?.leader;
  return known?.pid.toString() === pid.toString() ? known.fence : undefined;
}

function reportLeader({ node, pid }: Leader, fence: bigint | undefined): LeaderReport {
  return { node, pid: pid.toString(), fence: fence?.toString() ?? null };
}
