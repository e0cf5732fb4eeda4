/** What both sides of an exchange need of the node that they run in. */
import type { Stamp } from '../../clock/stamp.ts';
import type { NodeName } from '../../names.ts';
import type { Entry } from '../entry.ts';
import type { Intake, StoreReplica } from '../store-replica.ts';
import type {
  BuriedEntry,
  ExchangeMessage,
  KnowledgeSnapshot,
  StoreKnowledge,
} from './messages.ts';

/** The replica has all that the peer's had when the exchange began, but for what was refused. */
export interface CompleteExchange {
  readonly node: NodeName;
  readonly knowledge: KnowledgeSnapshot | undefined;
  readonly begun: ExchangeBeginning;
}

/** Of this node when an exchange began. */
export interface ExchangeBeginning {
  readonly clock: Stamp;
  /** How many entries of others it had refused by then. */
  readonly refusals: number;
}

export interface ExchangeContext {
  /** The replica of that store on this node. */
  replica(store: string): StoreReplica | undefined;
  /** Stores that both nodes host, as far as this one knows, sorted by name. */
  sharedWith(node: NodeName): readonly StoreReplica[];
  send(to: NodeName, message: ExchangeMessage): void;
  take(replica: StoreReplica, entries: readonly Entry[]): Intake;
  forget(replica: StoreReplica, entries: readonly BuriedEntry[]): void;
  /** One digest of several stores. 16 bytes. */
  digestOf(replicas: readonly StoreReplica[]): Uint8Array;
  /** What this node knows now, of stores where it matters, as much as a frame takes. */
  knowledgeOf(replicas: readonly StoreReplica[]): readonly StoreKnowledge[];
  /** The same of these stores, for an answer. */
  answerOf(replicas: readonly StoreReplica[]): readonly StoreKnowledge[];
  begin(): ExchangeBeginning;
  complete(replica: StoreReplica, exchange: CompleteExchange): void;
  /** The exchange is over. `isWhole`: without a fault. */
  finish(node: NodeName, isWhole: boolean): void;
}
