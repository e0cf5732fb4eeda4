/** Names of the elections behind global names. Users cannot campaign under them. */

const PREFIX = 'barrel:global:';

/** The election whose leader holds the global name. */
export function globalElection(name: string): string {
  return PREFIX + name;
}

/** The global name that an election is for; undefined for any other election. */
export function globalNameOf(election: string): string | undefined {
  return election.startsWith(PREFIX) ? election.slice(PREFIX.length) : undefined;
}
