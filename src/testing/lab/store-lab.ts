/**
 * Two nodes that host one map, and a counted pipe between them: what an exchange costs in bytes,
 * messages and round trips. No clock and no network; messages keep their order.
 */
import { packStamp } from '../../core/clock/stamp.ts';
import type { Entry } from '../../core/store/entry.ts';
import { decodeEntry, encodeEntry, writeEntries } from '../../core/store/entry-codec.ts';
import { decodeExchange, encodeExchange } from '../../core/store/exchange/exchange-codec.ts';
import type { ExchangeMessage } from '../../core/store/exchange/messages.ts';
import { Writer } from '../../core/wire/writer.ts';
import { SeededRandom } from '../seeded-random.ts';
import { LAB_STORE, LAB_WALL_MS, StoreNode } from './store-node.ts';

const A = { node: 'a@lab', incarnation: 1n };
const B = { node: 'b@lab', incarnation: 2n };
/** They wrote what is there from the beginning, and are gone. */
const X = { node: 'x@lab', incarnation: 3n };
const Y = { node: 'y@lab', incarnation: 4n };
/** Exchanges of one peer are answered once a second. */
const ASK_MS = 2_000;
/** Stamps of one millisecond. */
const STAMPS_PER_MS = 65_536;

/** What went both ways in one exchange. */
export interface ExchangeCost {
  readonly bytes: number;
  /** Of them, those that are the entries themselves, as they stand in frames. */
  readonly entryBytes: number;
  readonly entries: number;
  readonly messages: number;
  /** Until both sides have all entries; a message that is answered at once is half of one. */
  readonly roundTrips: number;
  /** Until the last message, which tells of the end. */
  readonly roundTripsToEnd: number;
  /** The side that asked fell back to comparing bucket by bucket. */
  readonly isByBuckets: boolean;
}

interface Travelling {
  readonly to: StoreNode;
  readonly from: string;
  readonly frame: Uint8Array;
  /** Messages of which each set off the next, this one included. */
  readonly depth: number;
}

export interface StoreLabOptions {
  /** What both have from the beginning. */
  readonly entries?: Iterable<Entry>;
  /** What `b` has instead. @default entries */
  readonly entriesOfB?: Iterable<Entry>;
}

export class StoreLab {
  readonly a: StoreNode;
  readonly b: StoreNode;
  readonly #pipe: Travelling[] = [];
  #sent: (readonly Entry[])[] = [];
  #bytes = 0;
  #messages = 0;
  #depth = 0;
  #depthOfEntries = 0;
  #depthNow = 0;
  #isByBuckets = false;
  #isBuilt = false;
  #lastFrame: Uint8Array = new Uint8Array(0);

  constructor({ entries = [], entriesOfB = entries }: StoreLabOptions = {}) {
    this.a = this.#node(A, entries, () => this.b);
    this.b = this.#node(B, entriesOfB, () => this.a);
    this.#isBuilt = true;
    this.a.meet(B);
    this.b.meet(A);
    // The other learns what a node hosts.
    for (const node of [this.a, this.b]) node.handle({ kind: 'settled' });
    for (const node of [this.a, this.b]) node.handle({ kind: 'reassert' });
  }

  /** One exchange that `a` asks for; what it cost is there until the next one. */
  exchange(asking: StoreNode = this.a): void {
    for (const node of [this.a, this.b]) node.advance(ASK_MS);
    this.#sent = [];
    this.#bytes = 0;
    this.#messages = 0;
    this.#depth = 0;
    this.#depthOfEntries = 0;
    this.#isByBuckets = false;
    asking.ask(asking === this.a ? B.node : A.node);
    for (let next = this.#pipe.shift(); next !== undefined; next = this.#pipe.shift()) {
      const { to, from, frame, depth } = next;
      this.#depthNow = depth;
      to.handle({ kind: 'received', from, message: decodeExchange(frame) });
      this.#depthNow = 0;
    }
  }

  /** The frame that would have brought the last `put` to the other node. */
  get lastFrame(): Uint8Array {
    return this.#lastFrame;
  }

  /** Of the last exchange. */
  cost(): ExchangeCost {
    let entryBytes = 0;
    let entries = 0;
    for (const batch of this.#sent) {
      const writer = new Writer();
      writeEntries(writer, batch);
      entryBytes += writer.take().length;
      entries += batch.length;
    }
    return {
      bytes: this.#bytes,
      entryBytes,
      entries,
      messages: this.#messages,
      roundTrips: Math.ceil((this.#depthOfEntries || this.#depth) / 2),
      roundTripsToEnd: Math.ceil(this.#depth / 2),
      isByBuckets: this.#isByBuckets,
    };
  }

  /** True when both have the same entries of the map. */
  get isEqual(): boolean {
    const [a, b] = [this.a, this.b].map(({ replica }) => replica.registers.digest().join());
    return a === b;
  }

  #node(self: typeof A, entries: Iterable<Entry>, peer: () => StoreNode): StoreNode {
    return new StoreNode(self, entries, {
      onSend: (message) => this.#send(self.node, peer(), message),
      // What is written to the map is kept from the other node: that is what exchanges find.
      onBroadcast: (store, frame) => {
        if (store === LAB_STORE) this.#lastFrame = frame;
        else if (this.#isBuilt) peer().deliver(self.node, frame);
      },
    });
  }

  #send(from: string, to: StoreNode, message: ExchangeMessage): void {
    const frame = encodeExchange(message);
    const depth = this.#depthNow + 1;
    this.#bytes += frame.length;
    this.#messages += 1;
    this.#depth = Math.max(this.#depth, depth);
    const { body } = message;
    if (body.kind === 'buckets') this.#isByBuckets = true;
    if (body.kind === 'entries') {
      this.#sent.push(body.entries);
      this.#depthOfEntries = Math.max(this.#depthOfEntries, depth);
    }
    this.#pipe.push({ to, from, frame, depth });
  }
}

/** The face that the bench needs of an entry on disk. */
export { decodeEntry, encodeEntry };

/** Entries as two nodes wrote them in turns: keys of 20 bytes, random values. */
export function* labEntries(
  count: number,
  valueBytes: number,
  seed: number,
): IterableIterator<Entry> {
  const random = new SeededRandom(seed);
  for (let i = 0; i < count; i += 1) {
    yield {
      key: labKey('account', i),
      stamp: packStamp(LAB_WALL_MS - 100_000 + Math.floor(i / STAMPS_PER_MS), i % STAMPS_PER_MS),
      writer: i % 2 === 0 ? X : Y,
      value: random.bytes(valueBytes),
      expiresAtMs: 0,
    };
  }
}

/** 20 bytes. */
export function labKey(word: string, number: number): string {
  return `${word}/${String(number).padStart(19 - word.length, '0')}`;
}
