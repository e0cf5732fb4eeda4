/**
 * The exchanges under way: at most one that this node asked for with each other node, and at most
 * one that it answers. Answers are bounded in number and in rate; silence ends an exchange.
 */
import { TokenBucket } from '../../membership/token-bucket.ts';
import type { NodeName } from '../../names.ts';
import { WireError } from '../../wire/wire-error.ts';
import { Answering } from './answering.ts';
import { Asking } from './asking.ts';
import type { ExchangeContext } from './context.ts';
import type { ExchangeMessage } from './messages.ts';

/** An exchange in which nothing happens for so long is given up. */
const IDLE_MS = 15_000;
const ASKS_BURST = 8;
const ASKS_PER_SECOND = 1;
/** Exchanges that are answered at one time; further ones are told to come again. */
const ANSWERING_MAX = 16;

interface Side<T> {
  readonly exchange: number;
  readonly side: T;
  activeMs: number;
}

export interface ExchangesOptions extends Omit<ExchangeContext, 'finish'> {
  readonly nowMs: () => number;
  readonly count: (what: 'asked' | 'failed' | 'busy') => void;
  /** The peer broke the rules. */
  readonly blame: (node: NodeName, detail: string) => void;
}

export class StoreExchanges {
  readonly #options: ExchangesOptions;
  readonly #context: ExchangeContext;
  readonly #asking = new Map<NodeName, Side<Asking>>();
  readonly #answering = new Map<NodeName, Side<Answering>>();
  readonly #tokens = new Map<NodeName, TokenBucket>();
  #last = 0;

  constructor(options: ExchangesOptions) {
    this.#options = options;
    this.#context = { ...options, finish: (node, isWhole) => this.#finish(node, isWhole) };
  }

  /** On either side. */
  get size(): number {
    return this.#asking.size + this.#answering.size;
  }

  /** No effect while one with that node is under way. */
  ask(node: NodeName): void {
    if (this.#asking.has(node)) return;
    this.#last += 1;
    const side = new Asking(this.#context, node, this.#last);
    this.#asking.set(node, { exchange: this.#last, side, activeMs: this.#options.nowMs() });
    this.#options.count('asked');
    side.open();
  }

  /** Never throws for what a peer sent. */
  receive(from: NodeName, message: ExchangeMessage): void {
    try {
      if (message.isAsking) this.#toAnswering(from, message);
      else this.#toAsking(from, message);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#options.blame(from, error.message);
    }
  }

  /** The node is gone. */
  drop(node: NodeName): void {
    this.#asking.delete(node);
    this.#answering.delete(node);
    this.#tokens.delete(node);
  }

  giveUpIdle(): void {
    const idleSinceMs = this.#options.nowMs() - IDLE_MS;
    for (const [node, { activeMs }] of this.#asking) {
      if (activeMs <= idleSinceMs) this.#finish(node, false);
    }
    for (const [node, { activeMs }] of this.#answering) {
      if (activeMs <= idleSinceMs) this.#answering.delete(node);
    }
    for (const node of this.#tokens.keys()) {
      if (!this.#answering.has(node)) this.#forgetFull(node);
    }
  }

  #finish(node: NodeName, isWhole: boolean): void {
    this.#asking.delete(node);
    if (!isWhole) this.#options.count('failed');
  }

  #toAsking(from: NodeName, { exchange, body }: ExchangeMessage): void {
    const asking = this.#asking.get(from);
    if (asking === undefined || asking.exchange !== exchange) return;
    asking.activeMs = this.#options.nowMs();
    asking.side.handle(body);
  }

  #toAnswering(from: NodeName, { exchange, body }: ExchangeMessage): void {
    if (body.kind !== 'open') {
      const answering = this.#answering.get(from);
      if (answering === undefined || answering.exchange !== exchange) return;
      answering.activeMs = this.#options.nowMs();
      answering.side.handle(body);
      return;
    }
    if (!this.#mayAsk(from)) {
      this.#options.count('busy');
      this.#context.send(from, { exchange, isAsking: false, body: { kind: 'busy' } });
      return;
    }
    const side = new Answering(this.#context, from, exchange);
    if (side.open(body)) {
      this.#answering.set(from, { exchange, side, activeMs: this.#options.nowMs() });
    }
  }

  #mayAsk(from: NodeName): boolean {
    if (!this.#answering.has(from) && this.#answering.size >= ANSWERING_MAX) return false;
    const nowMs = this.#options.nowMs();
    const tokens = this.#tokens.get(from) ?? new TokenBucket(ASKS_BURST, ASKS_PER_SECOND, nowMs);
    this.#tokens.set(from, tokens);
    return tokens.take(nowMs);
  }

  /** A bucket that has filled up again is as good as none. */
  #forgetFull(node: NodeName): void {
    if (this.#tokens.get(node)?.isFull(this.#options.nowMs()) === true) this.#tokens.delete(node);
  }
}
