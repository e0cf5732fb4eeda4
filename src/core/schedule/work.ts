/** What a node has under way: the occurrences that it works on, and what it waits for with each. */
import type { DeliveryOutcome } from './contract.ts';
import type { HeapItem } from './due-heap.ts';
import type { ReminderRecord } from './record.ts';
import type { Change } from './transitions.ts';

/**
 * `claiming`: the claim is written. `asking`: owners are asked whether they have it. `taking`: the
 * removal of what is delivered at most once is written. `given`: that is delivered, or what is no
 * more was. `running`: what is claimed is delivered. `ending`: how it ended is written, again and
 * again until it is durable. `changing`: something else is written.
 */
export type WorkStage =
  | 'claiming'
  | 'asking'
  | 'taking'
  | 'given'
  | 'running'
  | 'ending'
  | 'changing';

export interface Work extends HeapItem {
  /** Of the occurrence: another one once it leaves its series. */
  id: string;
  readonly partition: number;
  /** As it was claimed or taken. */
  readonly record: ReminderRecord;
  stage: WorkStage;
  /** Of the write, question or delivery that it waits for. */
  token: number;
  /** Of a renewal that is being written; 0 for none. */
  renewalToken: number;
  /** The handler was told to give up. */
  isAbandoned: boolean;
  /** What is being written, or was last. */
  change: Change | undefined;
  /** While it is written. */
  outcome: DeliveryOutcome | undefined;
  /** The work on an occurrence that this change gives an id of its own. */
  splitOff: Work | undefined;
}

/** What a write of that stage comes before. */
export function beforeOf({ stage }: Work): 'onlyDelivery' | 'attempt' | 'nothing' {
  if (stage === 'taking') return 'onlyDelivery';
  return stage === 'claiming' ? 'attempt' : 'nothing';
}

/** All work of a node, by token and by id. */
export class Works {
  readonly #byToken = new Map<number, Work>();
  readonly #byId = new Map<string, Work>();
  readonly #byPartition = new Map<number, number>();
  #size = 0;
  #lastToken = 0;

  /** Of all that is under way. */
  get size(): number {
    return this.#size;
  }

  /** Under way under that id: what was given away for good is not. */
  ofId(id: string): Work | undefined {
    return this.#byId.get(id);
  }

  ofPartition(partition: number): readonly Work[] {
    if (!this.isBusy(partition)) return [];
    return [...this.#byId.values()].filter((work) => work.partition === partition);
  }

  /** Something is under way in it that has to end before it can go. */
  isBusy(partition: number): boolean {
    return this.#byPartition.has(partition);
  }

  begin(begun: Pick<Work, 'id' | 'partition' | 'record' | 'stage'>): Work {
    const work: Work = {
      ...begun,
      token: 0,
      renewalToken: 0,
      isAbandoned: false,
      change: undefined,
      outcome: undefined,
      splitOff: undefined,
      atMs: 0,
      heapAt: -1,
    };
    this.#size += 1;
    this.#byId.set(work.id, work);
    this.#byPartition.set(work.partition, (this.#byPartition.get(work.partition) ?? 0) + 1);
    return work;
  }

  /** A new token for what the work waits for now. */
  await(work: Work): number {
    this.#byToken.delete(work.token);
    work.token = this.#issue(work);
    return work.token;
  }

  awaitRenewal(work: Work): number {
    work.renewalToken = this.#issue(work);
    return work.renewalToken;
  }

  /** Whose token it is; it is used up. Undefined for one that nothing waits for. */
  take(token: number): Work | undefined {
    const work = this.#byToken.get(token);
    this.#byToken.delete(token);
    return work;
  }

  rename(work: Work, id: string): void {
    if (this.#byId.get(work.id) === work) this.#byId.delete(work.id);
    work.id = id;
    this.#byId.set(id, work);
  }

  /** Holds its partition no longer, but its place among the deliveries. */
  give(work: Work): void {
    this.#leave(work);
    work.stage = 'given';
  }

  end(work: Work): void {
    this.#byToken.delete(work.token);
    this.#byToken.delete(work.renewalToken);
    this.#size -= 1;
    if (work.stage !== 'given') this.#leave(work);
  }

  #issue(work: Work): number {
    this.#lastToken += 1;
    this.#byToken.set(this.#lastToken, work);
    return this.#lastToken;
  }

  #leave(work: Work): void {
    if (this.#byId.get(work.id) === work) this.#byId.delete(work.id);
    const count = this.#byPartition.get(work.partition) ?? 0;
    if (count > 1) this.#byPartition.set(work.partition, count - 1);
    else this.#byPartition.delete(work.partition);
  }
}
