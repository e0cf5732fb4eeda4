/** Answers what `barrel place` and `barrel shards` ask of the placement that a node knows. */
import type { BarrelNode } from '../barrel-node.ts';
import { toJson } from './json-value.ts';
import type { PlaceReport, ShardQuery, ShardsReport } from './shard-queries.ts';

/** A node whose shards can be asked without taking them in use. */
export type PlacingNode = Pick<BarrelNode, 'name' | 'metrics'> & {
  readonly shardView: BarrelNode['shards'];
};

export function answerShards(node: PlacingNode, query: ShardQuery): unknown {
  switch (query.method) {
    case 'place':
      return reportPlace(node, query);
    case 'shards':
      return reportShards(node);
  }
}

function reportPlace(
  { shardView: shards }: PlacingNode,
  { key, count }: Extract<ShardQuery, { method: 'place' }>,
): PlaceReport {
  const report = {
    key: toJson(key),
    partition: shards.partition(key),
    owner: shards.place(key),
    epoch: shards.epoch,
  };
  return count === undefined ? report : { ...report, owners: shards.owners(key, count) };
}

function reportShards({ name, shardView: shards, metrics }: PlacingNode): ShardsReport {
  return {
    node: name,
    ringSize: shards.ringSize,
    epoch: shards.epoch,
    held: shards.owned().length,
    waiting: metrics.snapshot()['barrel_shards_waiting'] ?? 0,
    members: shards.shares().map((share) => ({ ...share, zone: share.zone ?? null })),
  };
}
