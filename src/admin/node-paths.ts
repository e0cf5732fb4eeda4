/** Answers what `barrel paths` and `barrel migrate` ask of the connections of a node. */
import type { BarrelNode } from '../barrel-node.ts';
import { BarrelError } from '../errors.ts';
import type { PathQuery, PathReport } from './path-queries.ts';

export async function answerPaths(
  node: Pick<BarrelNode, 'paths' | 'roster'>,
  query: PathQuery,
  signal: AbortSignal,
): Promise<readonly PathReport[] | PathReport> {
  switch (query.method) {
    case 'paths':
      return query.node === undefined ? all(node) : [one(node, query.node)];
    case 'migrate': {
      const { node: peer, localHost, localPort } = query;
      await node.paths.migrate(peer, { localHost, localPort, signal });
      return one(node, peer);
    }
  }
}

function all(node: Pick<BarrelNode, 'paths' | 'roster'>): readonly PathReport[] {
  return node.roster().flatMap(({ node: peer }) => {
    const stats = node.paths.stats(peer);
    return stats === undefined ? [] : [{ node: peer, ...stats }];
  });
}

function one({ paths }: Pick<BarrelNode, 'paths'>, peer: string): PathReport {
  const stats = paths.stats(peer);
  if (stats !== undefined) return { node: peer, ...stats };
  throw new BarrelError('ERR_NOT_CONNECTED', `no connection to ${peer}`, { node: peer });
}
