/** What either side of an exchange does with entries of the other one. */
import { EXCHANGE_BURIED_MAX, STORE_BATCH_BYTES_MAX } from '../../../limits.ts';
import type { Entry } from '../entry.ts';
import { frameBytesOf, WRITER_BYTES_MAX } from '../entry-codec.ts';
import type { StoreReplica } from '../store-replica.ts';
import type { ExchangeContext } from './context.ts';
import type { BuriedEntry, ExchangeBody } from './messages.ts';

/** Takes a frame of entries in; says what of it is deleted history, and that one more may come. */
export function takeIn(
  { take }: Pick<ExchangeContext, 'take'>,
  { replica, entries }: { readonly replica: StoreReplica; readonly entries: readonly Entry[] },
  send: (body: ExchangeBody) => void,
): void {
  const { buried } = take(replica, entries);
  for (const batch of buriedBatches(buried)) {
    send({ kind: 'buried', store: replica.name, entries: batch });
  }
  send({ kind: 'took' });
}

/** Each comes with its writer: what filled one frame as entries may not fit into one any more. */
export function* buriedBatches(
  buried: readonly BuriedEntry[],
): IterableIterator<readonly BuriedEntry[]> {
  let batch: BuriedEntry[] = [];
  let bytes = 0;
  for (const each of buried) {
    const more = WRITER_BYTES_MAX + frameBytesOf({ ...each, value: undefined });
    if (batch.length >= EXCHANGE_BURIED_MAX || bytes + more > STORE_BATCH_BYTES_MAX) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(each);
    bytes += more;
  }
  if (batch.length > 0) yield batch;
}
