/**
 * What travels over a control socket about placement. Keys are as `json-value.ts` writes them.
 *
 *     {"id":7,"method":"place","key":["room",7],"count":2}
 *     {"id":7,"result":{"key":["room",7],"partition":116,"owner":"a@host","epoch":"9f...", ...}}
 *     {"id":8,"method":"shards"}
 *     {"id":8,"result":{"node":"a@host","ringSize":4096,"members":[{"node":"a@host", ...}], ...}}
 */
import type { Key } from '../core/wire/key.ts';
import { ROSTER_ENTRIES_MAX } from '../limits.ts';
import { invalid } from './control-fault.ts';
import { keyOf } from './map-queries.ts';

/** What a client may ask about where keys belong. */
export type ShardQuery =
  | {
      readonly method: 'place';
      readonly key: Key;
      /** How many owners are wanted, best first; undefined: the first one alone. */
      readonly count?: number | undefined;
    }
  | { readonly method: 'shards' };

/** The answer to `place`. */
export interface PlaceReport {
  readonly key: unknown;
  readonly partition: number;
  readonly owner: string;
  /** 16 hex digits: the same on every node that knows the same members. */
  readonly epoch: string;
  /** The owner, then those that would come next. Only where a count was given. */
  readonly owners?: readonly string[];
}

/** One member in the answer to `shards`. */
export interface ShareReport {
  readonly node: string;
  readonly zone: string | null;
  readonly weight: number;
  /** How many it owns by the table. */
  readonly partitions: number;
}

/** The answer to `shards`. */
export interface ShardsReport {
  /** Who answers. */
  readonly node: string;
  readonly ringSize: number;
  readonly epoch: string;
  /** Partitions that this node holds. */
  readonly held: number;
  /** Partitions that this node owns and does not hold yet. */
  readonly waiting: number;
  /** By name. */
  readonly members: readonly ShareReport[];
}

/** Undefined for other methods. @throws ERR_VALUE saying what is wrong. */
export function parseShardQuery(json: Readonly<Record<string, unknown>>): ShardQuery | undefined {
  const { method, count } = json;
  if (method === 'shards') return { method };
  if (method !== 'place') return undefined;
  if (count !== undefined && !isCount(count)) {
    throw invalid(`\`count\` must be an integer from 1 to ${ROSTER_ENTRIES_MAX}`);
  }
  return { method, key: keyOf(json), count };
}

function isCount(input: unknown): input is number {
  return Number.isInteger(input) && Number(input) >= 1 && Number(input) <= ROSTER_ENTRIES_MAX;
}
