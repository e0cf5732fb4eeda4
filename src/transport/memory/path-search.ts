/** The search for a path that works: all are asked at once, and again while none has answered. */
import type { Address } from '../../core/names.ts';
import { splitAddress } from '../../core/names.ts';
import { BarrelError } from '../../errors.ts';
import { abortable, settlement } from '../../settlement.ts';
import { MOVE_ADDRESSES_MAX, PROBE_AGAIN_MS, PROBE_AGAIN_MS_MAX } from '../path-limits.ts';
import type { PathMove } from '../transport.ts';
import type { EventLoop } from './event-loop.ts';
import type { SimulatedNetwork } from './network.ts';

export interface AddressPair {
  readonly local: Address;
  readonly remote: Address;
}

export interface PathSearchOptions {
  readonly network: SimulatedNetwork;
  /** Of the node that searches. */
  readonly loop: EventLoop;
  /** Whether the peer is bound there. */
  readonly isPeerAt: (address: Address) => boolean;
  readonly signal: AbortSignal;
}

/** The first path that answered. @throws ERR_PATH_NOT_VALIDATED, or the signal's reason. */
export async function findPath(
  options: PathSearchOptions,
  pairs: readonly AddressPair[],
): Promise<AddressPair> {
  const { loop, signal } = options;
  signal.throwIfAborted();
  if (pairs.length === 0) throw new BarrelError('ERR_PATH_NOT_VALIDATED', 'no path to try');
  const found = settlement<AddressPair>();
  let timer: Disposable | undefined;
  const ask = (againMs: number): void => {
    for (const pair of pairs) askOne(options, pair, () => found.resolve(pair));
    timer = loop.after(againMs, () => ask(Math.min(2 * againMs, PROBE_AGAIN_MS_MAX)));
  };
  ask(PROBE_AGAIN_MS);
  try {
    return await abortable(found.promise, signal);
  } finally {
    timer?.[Symbol.dispose]();
  }
}

/** `stray`: where the peer speaks from, though it was not known to be there. */
export function movePairs(
  { local, remotes, mayFollow = false }: PathMove,
  now: AddressPair & { readonly stray: Address | undefined },
): readonly AddressPair[] {
  const asked = remotes?.map((address) => remoteOf(address, now.remote)) ?? [now.remote];
  const all = mayFollow && now.stray !== undefined ? [now.stray, ...asked] : asked;
  const pairs = all.map((remote) => ({ local: local ?? now.local, remote }));
  return pairs.slice(0, MOVE_ADDRESSES_MAX);
}

function remoteOf(address: Address, known: Address): Address {
  const { host, port } = splitAddress(address);
  return `${host === '' ? splitAddress(known).host : host}:${port}`;
}

function askOne(
  { network, loop, isPeerAt }: PathSearchOptions,
  { local, remote }: AddressPair,
  onAnswer: () => void,
): void {
  const out = network.path(local, remote);
  const back = network.path(remote, local);
  const isLost = out.drawLost() || back.drawLost() || !isPeerAt(remote);
  const delayMs = out.drawLatencyMs() + back.drawLatencyMs();
  network.releasePath(out);
  network.releasePath(back);
  if (!isLost) loop.after(delayMs, onAnswer);
}
