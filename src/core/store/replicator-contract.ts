/** What goes into the replicator and what comes out: effects are orders to the driver, in order. */
import type { Stamp } from '../clock/stamp.ts';
import type { NodeName } from '../names.ts';
import type { StoreOutcome, StoreRules } from './contract.ts';
import type { Entry, Replica } from './entry.ts';
import type { ExchangeMessage } from './exchange/messages.ts';
import type { Heard, KnowledgeState } from './knowledge.ts';
import type { RoomOptions } from './room.ts';

/** Both clocks at an input. */
export interface ReplicatorTime {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** How this node hosts a store. */
export interface HostedStoreOptions
  extends StoreRules,
    Pick<RoomOptions, 'entriesMax' | 'bytesMax'> {
  readonly tombstoneTtlMs: number;
  /** Kept on disk: the replica outlives this start of the node. */
  readonly isDurable: boolean;
  /** The name of the same thing under other rules: who hosts that one is reported. */
  readonly rival?: string | undefined;
  /** Who writes here: this start of the node, or the one that a durable replica goes on from. */
  readonly self: Replica;
  /** What was on disk. */
  readonly entries?: Iterable<Entry> | undefined;
  readonly knowledge?: KnowledgeState | undefined;
  /** What has come since that was written. */
  readonly heard?: Iterable<Heard> | undefined;
  /** Own clock at the last complete exchange; 0 when there was none. */
  readonly exchangedAt?: Stamp | undefined;
}

export type ReplicatorInput =
  /** The node entered the active view, or left it. */
  | { readonly kind: 'neighborUp' | 'neighborDown'; readonly node: NodeName }
  /** That start of the node is a member. */
  | { readonly kind: 'memberUp'; readonly node: NodeName; readonly incarnation: bigint }
  /** That start of the node is dead or has left. */
  | { readonly kind: 'memberDown'; readonly node: NodeName; readonly incarnation: bigint }
  /** This node takes part and has made its first exchange, or is alone. */
  | { readonly kind: 'settled' }
  /**
   * This node leaves: it compares nothing with anybody until the next `ask` or `settled`.
   * `isForGood`: what it keeps on disk is waited for no longer until then.
   */
  | { readonly kind: 'leave'; readonly isForGood: boolean }
  /** Others believed this node dead, and dropped what it wrote. */
  | { readonly kind: 'reassert' }
  /** Make the stores equal with those of that node, soon. */
  | { readonly kind: 'ask'; readonly node: NodeName }
  | { readonly kind: 'received'; readonly from: NodeName; readonly message: ExchangeMessage }
  /** A broadcast of entries, of another node. */
  | {
      readonly kind: 'delta';
      readonly from: NodeName;
      readonly store: string;
      readonly entries: readonly Entry[];
      /** As in the broadcast. */
      readonly after?: Stamp | undefined;
    }
  /** What was written since the last one goes out. */
  | { readonly kind: 'flush' }
  /** Once a second. */
  | { readonly kind: 'tick' };

export type ReplicatorEffect =
  /** To any node: a link is made for it if there is none. Lost if that fails. */
  | { readonly kind: 'send'; readonly to: NodeName; readonly message: ExchangeMessage }
  /**
   * To all nodes that host the store, and through all others. `after`: the entries are all that
   * this replica wrote after that stamp, up to the last of them, and that still stands.
   */
  | {
      readonly kind: 'broadcast';
      readonly store: string;
      readonly entries: readonly Entry[];
      readonly after?: Stamp | undefined;
    }
  /** Answer with `flush`, when the writes of this turn are made. */
  | { readonly kind: 'flushSoon' }
  /** A replica is other than before. */
  | { readonly kind: 'outcome'; readonly store: string; readonly outcome: StoreOutcome }
  /** The replica has made its first exchange, or nobody else hosts the store. */
  | { readonly kind: 'synced'; readonly store: string }
  /** An exchange with that node is complete: what the store knows goes to disk, too. */
  | {
      readonly kind: 'exchanged';
      readonly node: NodeName;
      readonly store: string;
      readonly exchangedAt: Stamp;
    }
  /** That node hosts the rival of the store: the two share nothing. Said once for a store. */
  | { readonly kind: 'rival'; readonly store: string; readonly node: NodeName }
  /** A peer broke the rules of an exchange. */
  | { readonly kind: 'protocolError'; readonly node: NodeName; readonly detail: string }
  /** To be counted. */
  | {
      readonly kind: 'count';
      readonly what: 'refused' | 'forged' | 'buried' | 'asked' | 'failed' | 'busy' | 'reminted';
      readonly count: number;
    };
