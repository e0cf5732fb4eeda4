/** The commands about elections that a running node knows: `barrel leaders`, and its `watch`. */
import type { LeaderEventReport } from '../admin/leader-queries.ts';
import { BarrelError } from '../errors.ts';
import { type AskSettings, ask, printLines } from './ask.ts';
import { renderElections, renderLeaderEvent } from './leaders-report.ts';

/** Prints each election with its leader. */
export async function printLeaders(settings: AskSettings): Promise<void> {
  const elections = await ask(settings, (client) => client.leaders());
  console.log(settings.json === true ? JSON.stringify(elections) : renderElections(elections));
}

/**
 * Prints who leads now and then each change, each on a line, until it is interrupted or whoever
 * reads has enough. A name that nobody stands for yet is no error: somebody may.
 */
export async function watchLeader(name: string, settings: AskSettings): Promise<void> {
  const isOver = await ask(settings, (client) =>
    printLines(client, client.leaderWatch(name), (event) => lineOf(event, settings)),
  );
  if (isOver) throw new BarrelError('ERR_CLOSED', 'the node has closed');
}

function lineOf(event: LeaderEventReport, settings: AskSettings): string {
  return settings.json === true ? JSON.stringify(event) : renderLeaderEvent(event);
}
