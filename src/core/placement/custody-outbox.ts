/** What an input leads to: word for one node about many partitions is one message. */
import { CUSTODY_FRAME_PARTITIONS_MAX } from '../../limits.ts';
import type { NodeName } from '../names.ts';
import { TimerBook } from '../roster/timer-book.ts';
import type { CustodyMessage } from './custody-codec.ts';
import type { CustodyCount, CustodyEffect, CustodyTimer } from './custody-contract.ts';

interface Draft {
  readonly to: NodeName;
  readonly message: CustodyMessage;
  readonly partitions: number[];
}

/** A message without its partitions. */
export type CustodyWord =
  | { readonly kind: 'ask' | 'none' }
  | { readonly kind: 'grant'; readonly hops: number; readonly leaver: NodeName | undefined }
  | { readonly kind: 'redirect'; readonly holder: NodeName };

export class CustodyOutbox {
  /** Of the input that is handled. */
  nowMs: number = 0;
  readonly #timers = new TimerBook<CustodyTimer['kind']>();
  #released: number[] = [];
  #acquired: number[] = [];
  /** By receiver, then by word. */
  #drafts = new Map<NodeName, Map<string, Draft>>();
  #counts = new Map<CustodyCount, number>();
  #scheduled: CustodyEffect[] = [];

  release(partition: number): void {
    this.#released.push(partition);
  }

  acquire(partition: number): void {
    this.#acquired.push(partition);
  }

  send(to: NodeName, word: CustodyWord, partition: number): void {
    const id = idOf(word);
    const known = this.#drafts.get(to)?.get(id);
    if (known !== undefined) known.partitions.push(partition);
    else this.#draft({ to, message: { ...word, partitions: [] }, partitions: [partition] }, id);
  }

  count(what: CustodyCount): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  /** Looks at all that waits at that time, unless it is looked at by then. */
  wake(atMs: number): void {
    const timer = this.#timers.advance('look', atMs);
    if (timer === undefined) return;
    const delayMs = Math.max(0, atMs - this.nowMs);
    this.#scheduled.push({ kind: 'schedule', timer, delayMs });
  }

  /** False for a timer that was set anew since. */
  takeTimer(timer: CustodyTimer): boolean {
    return this.#timers.take(timer, this.nowMs) !== undefined;
  }

  take(): readonly CustodyEffect[] {
    const effects = [
      ...partitionsOf('release', this.#released),
      ...partitionsOf('acquire', this.#acquired),
      ...[...this.#drafts.values()].flatMap((words) => [...words.values()].flatMap(messagesOf)),
      ...[...this.#counts].map(([what, count]) => ({ kind: 'count', what, count }) as const),
      ...this.#scheduled,
    ];
    this.#released = [];
    this.#acquired = [];
    this.#drafts = new Map();
    this.#counts = new Map();
    this.#scheduled = [];
    return effects;
  }

  #draft(draft: Draft, id: string): void {
    const words = this.#drafts.get(draft.to) ?? new Map<string, Draft>();
    this.#drafts.set(draft.to, words.set(id, draft));
  }
}

/** Of words for one node. No name of a node is a kind, or begins with a blank. */
function idOf(word: CustodyWord): string {
  if (word.kind === 'grant') return ` ${word.hops} ${word.leaver ?? ''}`;
  return word.kind === 'redirect' ? word.holder : word.kind;
}

function partitionsOf(
  kind: 'release' | 'acquire',
  partitions: readonly number[],
): readonly CustodyEffect[] {
  return partitions.length === 0 ? [] : [{ kind, partitions: sorted(partitions) }];
}

function messagesOf({ to, message, partitions }: Draft): readonly CustodyEffect[] {
  const all = sorted(partitions);
  const effects: CustodyEffect[] = [];
  for (let at = 0; at < all.length; at += CUSTODY_FRAME_PARTITIONS_MAX) {
    const some = all.slice(at, at + CUSTODY_FRAME_PARTITIONS_MAX);
    effects.push({ kind: 'send', to, message: { ...message, partitions: some } });
  }
  return effects;
}

function sorted(partitions: readonly number[]): readonly number[] {
  return [...partitions].sort((a, b) => a - b);
}
