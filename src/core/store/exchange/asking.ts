/**
 * The side of an exchange that asked for it: one store after the other, it finds out what differs,
 * by coded symbols where that is little, bucket by bucket where it is much; sends what the other
 * side lacks, and asks for what it lacks itself.
 */
import { EXCHANGE_IDS_MAX, SKETCH_SYMBOLS_DEFAULT } from '../../../limits.ts';
import type { NodeName } from '../../names.ts';
import { WireError } from '../../wire/wire-error.ts';
import { areSameBytes } from '../entry.ts';
import type { CodedSymbols } from '../sketch/coded-symbols.ts';
import { Difference } from '../sketch/difference.ts';
import { symbolsFor } from '../sketch/estimate.ts';
import type { StoreReplica } from '../store-replica.ts';
import type { ExchangeBeginning, ExchangeContext } from './context.ts';
import { Flow } from './flow.ts';
import { bucketDigests, entryFrames } from './frames.ts';
import type { BucketIds, ExchangeBody, KnowledgeSnapshot, StoreDigest } from './messages.ts';
import { takeIn } from './taking-in.ts';

/** The store that is being made equal. */
interface Current {
  readonly replica: StoreReplica;
  readonly theirs: StoreDigest;
  /** Undefined when it goes bucket by bucket. */
  difference: Difference | undefined;
  /** Wants that are not answered yet. */
  wants: number;
  /** It is known in what the two differ. */
  isCompared: boolean;
  /** Buckets are told of once, in order: the next one has this number or a greater one. */
  bucket: number;
}

export class Asking {
  readonly #context: ExchangeContext;
  readonly #node: NodeName;
  readonly #send: (body: ExchangeBody) => void;
  readonly #flow: Flow;
  readonly #shared: readonly StoreReplica[];
  readonly #begun: ExchangeBeginning;
  #left: StoreDigest[] = [];
  #current: Current | undefined;
  #hasAnswer = false;
  /** Lists of ids that are answered for once all that they call for has been sent. */
  #owed = 0;

  constructor(context: ExchangeContext, node: NodeName, exchange: number) {
    this.#context = context;
    this.#node = node;
    this.#send = (body) => context.send(node, { exchange, isAsking: true, body });
    this.#flow = new Flow(this.#send);
    this.#shared = context.sharedWith(node);
    this.#begun = context.begin();
  }

  open(): void {
    const digest = this.#context.digestOf(this.#shared);
    const knowledge = this.#context.knowledgeOf(this.#shared);
    this.#send({ kind: 'open', digest, knowledge });
  }

  /** @throws WireError for what does not belong here. */
  handle(body: ExchangeBody): void {
    switch (body.kind) {
      case 'same':
        this.#first();
        this.#same(body);
        break;
      case 'busy':
        this.#context.finish(this.#node, false);
        break;
      case 'differ':
        this.#first();
        this.#left = [...body.stores];
        this.#next();
        break;
      case 'took':
        this.#flow.took();
        this.#proceed();
        break;
      case 'open':
        throw new WireError('an exchange is opened twice');
      default:
        this.#ofStore(body);
    }
  }

  #first(): void {
    if (this.#hasAnswer) throw new WireError('an exchange is answered twice');
    this.#hasAnswer = true;
  }

  #same({ knowledge }: Extract<ExchangeBody, { kind: 'same' }>): void {
    const theirs = new Map(knowledge.map((item) => [item.store, item.knowledge]));
    for (const replica of this.#shared) {
      this.#learn(replica, theirs.get(replica.name));
    }
    this.#context.finish(this.#node, true);
  }

  #ofStore(body: Extract<ExchangeBody, { store: string }>): void {
    const current = this.#current;
    // What comes late, of a store that is done, was taken in by then or comes with the next one.
    if (current === undefined || current.replica.name !== body.store) return;
    if (this.#context.replica(body.store) !== current.replica) {
      this.#next();
      return;
    }
    this.#of(current, body);
    this.#proceed();
  }

  #of(current: Current, body: Extract<ExchangeBody, { store: string }>): void {
    const { replica } = current;
    switch (body.kind) {
      case 'symbols':
        this.#symbols(current, body.symbols);
        break;
      case 'ids':
        this.#buckets(current, body.buckets);
        this.#owed += 1;
        break;
      case 'entries':
        takeIn(this.#context, { replica, entries: body.entries }, this.#send);
        break;
      case 'answered':
        current.wants -= 1;
        this.#send({ kind: 'took' });
        break;
      case 'ended':
        current.isCompared = true;
        this.#send({ kind: 'took' });
        break;
      case 'buried':
        this.#context.forget(replica, body.entries);
        break;
      default:
        throw new WireError(`${body.kind} to the side that asks`);
    }
  }

  #next(): void {
    this.#current = undefined;
    for (let theirs = this.#left.shift(); theirs !== undefined; theirs = this.#left.shift()) {
      const replica = this.#context.replica(theirs.store);
      if (replica === undefined) continue;
      if (areSameBytes(replica.registers.digest(), theirs.digest)) {
        this.#complete(replica, theirs);
        continue;
      }
      this.#begin(replica, theirs);
      return;
    }
    this.#context.finish(this.#node, true);
  }

  #begin(replica: StoreReplica, theirs: StoreDigest): void {
    const isSketched = theirs.count > 0 && replica.registers.size > 0;
    const difference = isSketched ? new Difference(replica.registers.sketch()) : undefined;
    const current = { replica, theirs, difference, wants: 0, isCompared: false, bucket: 0 };
    this.#current = current;
    if (difference === undefined) this.#byBuckets(current);
    else if (theirs.symbols !== undefined) this.#symbols(current, theirs.symbols);
    else this.#more(current, difference);
    this.#proceed();
  }

  #symbols(current: Current, symbols: CodedSymbols): void {
    if (current.difference === undefined || current.isCompared) return;
    const { registers } = current.replica;
    if (symbols.from === 0 && current.difference.received > 0) {
      current.difference = new Difference(registers.sketch());
    }
    const { difference } = current;
    difference.add(symbols);
    if (!difference.isComplete) {
      this.#more(current, difference);
      return;
    }
    current.isCompared = true;
    this.#want(current, difference.onlyRemote);
    this.#give(current, difference.onlyLocal);
  }

  #more(current: Current, difference: Difference): void {
    const count = difference.next();
    // The estimate may be too high by half.
    const isMuch = symbolsFor(difference.estimate()) > 1.5 * SKETCH_SYMBOLS_DEFAULT;
    if (count === 0 || isMuch) {
      current.difference = undefined;
      this.#byBuckets(current);
      return;
    }
    const store = current.replica.name;
    this.#send({ kind: 'more', store, from: difference.received, count });
  }

  #byBuckets({ replica }: Current): void {
    const digests = bucketDigests(replica.registers);
    this.#send({ kind: 'buckets', store: replica.name, digests });
  }

  /** One answer for all buckets of a frame: each of its own would be too many at once. */
  #buckets(current: Current, buckets: readonly BucketIds[]): void {
    const { registers } = current.replica;
    const onlyTheirs: string[] = [];
    const onlyOwn: string[] = [];
    for (const { bucket, ids } of buckets) {
      if (bucket < current.bucket) throw new WireError('a bucket is told of twice');
      current.bucket = bucket + 1;
      const theirs = new Set(ids);
      for (const entry of registers.inBucket(bucket)) {
        const id = registers.idOf(entry);
        if (!theirs.delete(id)) onlyOwn.push(id);
      }
      for (const id of theirs) onlyTheirs.push(id);
    }
    this.#want(current, onlyTheirs);
    this.#give(current, onlyOwn);
  }

  #want(current: Current, ids: readonly string[]): void {
    for (let at = 0; at < ids.length; at += EXCHANGE_IDS_MAX) {
      current.wants += 1;
      const store = current.replica.name;
      this.#send({ kind: 'want', store, ids: ids.slice(at, at + EXCHANGE_IDS_MAX) });
    }
  }

  #give({ replica }: Current, ids: readonly string[]): void {
    if (ids.length === 0) return;
    const frames = entryFrames(replica.name, replica.registers.ofIds(ids));
    // One answer for each list of ids, and no further list before it is sent: there is room.
    if (!this.#flow.add(frames)) this.#context.finish(this.#node, false);
  }

  /** The store is done when all was asked for, answered and sent. */
  #proceed(): void {
    const current = this.#current;
    if (!this.#flow.isIdle) return;
    for (; this.#owed > 0; this.#owed -= 1) this.#send({ kind: 'took' });
    if (current === undefined || !current.isCompared || current.wants > 0) return;
    this.#complete(current.replica, current.theirs);
    this.#next();
  }

  #complete(replica: StoreReplica, theirs: StoreDigest): void {
    this.#send({ kind: 'done', store: replica.name });
    this.#learn(replica, theirs.knowledge);
  }

  #learn(replica: StoreReplica, knowledge: KnowledgeSnapshot | undefined): void {
    this.#context.complete(replica, { node: this.#node, knowledge, begun: this.#begun });
  }
}
