/** The side of an exchange that was asked: it answers, and keeps what it answered from. */
import { SKETCH_FIRST_BATCH, SKETCHED_STORES_MAX } from '../../../limits.ts';
import type { NodeName } from '../../names.ts';
import { WireError } from '../../wire/wire-error.ts';
import { areSameBytes } from '../entry.ts';
import type { CodedSymbols } from '../sketch/coded-symbols.ts';
import type { StoreReplica } from '../store-replica.ts';
import type { ExchangeBeginning, ExchangeContext } from './context.ts';
import { Flow } from './flow.ts';
import { answerFrames, rangeFrames } from './frames.ts';
import type { ExchangeBody, KnowledgeSnapshot, StoreDigest, StoreKnowledge } from './messages.ts';
import { takeIn } from './taking-in.ts';

export class Answering {
  readonly #context: ExchangeContext;
  readonly #node: NodeName;
  readonly #send: (body: ExchangeBody) => void;
  readonly #flow: Flow;
  readonly #begun: ExchangeBeginning;
  readonly #theirs = new Map<string, KnowledgeSnapshot>();
  /** Of each store, the digest when its first symbols went out. */
  readonly #told = new Map<string, Uint8Array>();
  /** Symbols of one exchange are those of one moment. */
  readonly #frozen = new Map<string, CodedSymbols>();

  constructor(context: ExchangeContext, node: NodeName, exchange: number) {
    this.#context = context;
    this.#node = node;
    this.#send = (body) => context.send(node, { exchange, isAsking: false, body });
    this.#flow = new Flow(this.#send);
    this.#begun = context.begin();
  }

  /** True when the exchange goes on. */
  open({ digest, knowledge }: Extract<ExchangeBody, { kind: 'open' }>): boolean {
    const shared = this.#context.sharedWith(this.#node);
    for (const { store, knowledge: theirs } of knowledge) this.#theirs.set(store, theirs);
    const own = this.#context.answerOf(shared.filter(({ name }) => this.#theirs.has(name)));
    if (!areSameBytes(this.#context.digestOf(shared), digest)) {
      this.#send({ kind: 'differ', stores: this.#digests(shared, own) });
      return true;
    }
    this.#send({ kind: 'same', knowledge: own });
    for (const replica of shared) this.#complete(replica);
    return false;
  }

  /** @throws WireError for what does not belong here. */
  handle(body: ExchangeBody): void {
    if (body.kind === 'took') {
      this.#flow.took();
      return;
    }
    if (!('store' in body)) throw new WireError(`${body.kind} within an exchange`);
    const replica = this.#context.replica(body.store);
    if (replica !== undefined) this.#of(replica, body);
    // It was closed meanwhile: the other side would wait for what does not come.
    else this.#send({ kind: 'busy' });
  }

  #of(replica: StoreReplica, body: Extract<ExchangeBody, { store: string }>): void {
    const { name: store, registers } = replica;
    switch (body.kind) {
      case 'more':
        this.#more(replica, body.from, body.count);
        break;
      case 'buckets':
        this.#queue(rangeFrames(store, registers, body.digests));
        break;
      case 'want':
        this.#queue(answerFrames(store, registers, body.ids));
        break;
      case 'entries':
        takeIn(this.#context, { replica, entries: body.entries }, this.#send);
        break;
      case 'buried':
        this.#context.forget(replica, body.entries);
        break;
      case 'done':
        this.#complete(replica);
        break;
      default:
        throw new WireError(`${body.kind} to the side that answers`);
    }
  }

  #complete(replica: StoreReplica): void {
    this.#context.complete(replica, {
      node: this.#node,
      knowledge: this.#theirs.get(replica.name),
      begun: this.#begun,
    });
  }

  #queue(frames: Iterator<ExchangeBody>): void {
    if (!this.#flow.add(frames)) throw new WireError('too much is wanted at once');
  }

  #digests(
    shared: readonly StoreReplica[],
    own: readonly StoreKnowledge[],
  ): readonly StoreDigest[] {
    const knowledge = new Map(own.map((each) => [each.store, each.knowledge]));
    return shared.map((replica, index) => {
      const { name: store, registers } = replica;
      const digest = registers.digest();
      const isSketched = registers.size > 0 && index < SKETCHED_STORES_MAX;
      if (isSketched) this.#told.set(store, digest);
      return {
        store,
        digest,
        count: registers.size,
        symbols: isSketched ? registers.sketch().symbols(0, SKETCH_FIRST_BATCH) : undefined,
        knowledge: knowledge.get(store),
      };
    });
  }

  /** A store that has changed since its first symbols went out begins anew. */
  #more({ name: store, registers }: StoreReplica, from: number, count: number): void {
    const known = this.#frozen.get(store);
    const isSame = areSameBytes(this.#told.get(store), registers.digest());
    const symbols = known ?? registers.sketch().symbols(0, registers.sketch().size);
    this.#frozen.set(store, symbols);
    const first = known !== undefined || isSame ? from : 0;
    const batch = symbols.slice(first, from + count);
    if (batch.length > 0) this.#send({ kind: 'symbols', store, symbols: batch });
  }
}
