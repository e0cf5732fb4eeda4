/**
 * What is known of many stores and replicas, in frames of bounded size: so much in each exchange.
 * Of each replica it stands by itself, so that a part is as true as the whole. Which part is told
 * is left to chance, so that each has its turn.
 */
import { KNOWLEDGE_FRAME_BYTES_MAX, STORE_NAME_BYTES_MAX } from '../../../limits.ts';
import type { Stamp } from '../../clock/stamp.ts';
import type { Randomness } from '../../membership/randomness.ts';
import { isSameReplica } from '../entry.ts';
import type { Knowledge } from '../knowledge.ts';
import type { KnowledgeSnapshot, KnownReplica, StoreKnowledge } from './messages.ts';

/** Of a name in a frame, beside the name; names of nodes have a byte for each character. */
const NAME_BYTES = 5;
/** Incarnation, two stamps, and how many ranges follow. */
const NUMBERS_BYTES = 4 * 9;
/** A range of stamps. */
const RANGE_BYTES = 2 * 9;
/** The name of the store, clock, floor, and how many replicas follow. */
const STORE_BYTES = NAME_BYTES + STORE_NAME_BYTES_MAX + NAME_BYTES + 3 * 9;

export interface TellingStore {
  readonly name: string;
  readonly knowledge: Pick<Knowledge, 'snapshot'>;
}

/** As many of the stores as one frame takes, in their order; of a large one, some replicas. */
export function knowledgeParts(
  stores: readonly TellingStore[],
  clock: Stamp,
  random: Randomness,
): readonly StoreKnowledge[] {
  const parts: StoreKnowledge[] = [];
  let room = KNOWLEDGE_FRAME_BYTES_MAX;
  for (const { name, knowledge } of stores) {
    const whole = knowledge.snapshot(clock);
    if (bytesOf(whole) > room && parts.length > 0) return parts;
    const part = partOf(whole, room, random);
    parts.push({ store: name, knowledge: part });
    room -= bytesOf(part);
  }
  return parts;
}

/** The same items from a random one on. */
export function turned<T>(items: readonly T[], random: Randomness): readonly T[] {
  const from = Math.floor(random.float() * items.length);
  return [...items.slice(from), ...items.slice(0, from)];
}

/** What the replica says of itself, and of as many others as there is room for. */
function partOf(whole: KnowledgeSnapshot, room: number, random: Randomness): KnowledgeSnapshot {
  if (bytesOf(whole) <= room) return whole;
  const known = whole.known.filter(({ replica }) => isSameReplica(replica, whole.self));
  let left = room - bytesOf({ ...whole, known });
  for (const each of turned(whole.known, random)) {
    left -= bytesOfKnown(each);
    if (left < 0) break;
    if (!isSameReplica(each.replica, whole.self)) known.push(each);
  }
  return { ...whole, known };
}

function bytesOf({ self, known }: KnowledgeSnapshot): number {
  const bytes = STORE_BYTES + self.node.length;
  return known.reduce((sum, each) => sum + bytesOfKnown(each), bytes);
}

function bytesOfKnown({ replica, had }: KnownReplica): number {
  return NAME_BYTES + replica.node.length + NUMBERS_BYTES + had.length * RANGE_BYTES;
}
