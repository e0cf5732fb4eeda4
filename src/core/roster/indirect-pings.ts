/** Pings on behalf of others: whether this node hears one that they do not (SWIM, section 4.1). */
import type { NodeName } from '../names.ts';
import type { DetectorContext } from './detector-context.ts';

/** Open requests, and those of one asker; above it they are not answered. */
const REQUESTS_MAX = 64;
const REQUESTS_PER_ASKER_MAX = 8;

/** Heard within this, a target is not pinged: it would say nothing new. */
const JUST_HEARD_MS = 100;

/** The asker waits as long as an answer may take here; this leaves time for the way back. */
const SHARE = 0.8;

interface Request {
  readonly asker: NodeName;
  readonly nonce: number;
  readonly target: NodeName;
  readonly sinceMs: number;
  dueMs: number;
}

export interface Asking {
  readonly nonce: number;
  readonly target: NodeName;
  /** This node has the target in its active view. */
  readonly isNeighbor: boolean;
}

export class IndirectPings {
  readonly #context: DetectorContext;
  #requests: Request[] = [];

  constructor(context: DetectorContext) {
    this.#context = context;
  }

  get nextMs(): number | undefined {
    return this.#requests.reduce<number | undefined>(
      (nextMs, { dueMs }) => Math.min(nextMs ?? dueMs, dueMs),
      undefined,
    );
  }

  onRequest(asker: NodeName, { nonce, target, isNeighbor }: Asking): void {
    const { nowMs, self } = this.#context;
    if (target === asker) return;
    if (target === self || this.#heardMs(target) >= nowMs - JUST_HEARD_MS) {
      this.#answer(asker, nonce, true);
      return;
    }
    const ofAsker = this.#requests.filter((request) => request.asker === asker).length;
    if (this.#requests.length >= REQUESTS_MAX || ofAsker >= REQUESTS_PER_ASKER_MAX) return;
    const dueMs = nowMs + SHARE * this.#context.missMs(target);
    this.#requests.push({ asker, nonce, target, sinceMs: nowMs, dueMs });
    this.#context.send(target, { kind: 'ping', isNeighbor });
  }

  /** Something of that node came. */
  onHeard(from: NodeName): void {
    if (this.#requests.length === 0) return;
    this.#settle(({ target }) => (target === from ? true : undefined));
  }

  shift(byMs: number): void {
    for (const request of this.#requests) request.dueMs += byMs;
  }

  look(): void {
    const { nowMs } = this.#context;
    this.#settle(({ target, sinceMs, dueMs }) => {
      if (this.#heardMs(target) > sinceMs) return true;
      return dueMs <= nowMs ? false : undefined;
    });
  }

  /** Answers those of which the verdict is known. */
  #settle(verdict: (request: Request) => boolean | undefined): void {
    this.#requests = this.#requests.filter((request) => {
      const isAlive = verdict(request);
      if (isAlive !== undefined) this.#answer(request.asker, request.nonce, isAlive);
      return isAlive === undefined;
    });
  }

  #heardMs(node: NodeName): number {
    return this.#context.links.lastHeardMs(node) ?? Number.NEGATIVE_INFINITY;
  }

  #answer(to: NodeName, nonce: number, isAlive: boolean): void {
    this.#context.send(to, { kind: 'pingAnswer', nonce, isAlive });
  }
}
