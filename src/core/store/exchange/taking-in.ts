/** What either side of an exchange does with entries of the other one. */
import type { Entry } from '../entry.ts';
import type { StoreReplica } from '../store-replica.ts';
import type { ExchangeContext } from './context.ts';
import type { ExchangeBody } from './messages.ts';

/** Takes a frame of entries in; says what of it is deleted history, and that one more may come. */
export function takeIn(
  { take }: Pick<ExchangeContext, 'take'>,
  { replica, entries }: { readonly replica: StoreReplica; readonly entries: readonly Entry[] },
  send: (body: ExchangeBody) => void,
): void {
  const { buried } = take(replica, entries);
  if (buried.length > 0) send({ kind: 'buried', store: replica.name, entries: buried });
  send({ kind: 'took' });
}
