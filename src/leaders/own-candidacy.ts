/** A candidacy of this node, as its user holds it. */
import type { FenceToken } from '../core/election/fence-token.ts';
import type { Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { type Cancellable, EventSource, type Lagged } from '../observable.ts';
import { type Settlement, settlement } from '../settlement.ts';
import type { Candidacy, CandidacyEvent, Term } from './leaders.ts';

export interface OwnCandidacyOptions {
  readonly name: string;
  readonly pid: Pid;
  readonly host: Pick<Host, 'logger' | 'timers'>;
  /** The token of the node's term for the name, by the clock of now. */
  readonly token: () => FenceToken | undefined;
  /** Takes the candidacy back; called once. */
  readonly withdraw: () => void;
}

export interface CandidacyEnd {
  /** Not by the user's own word. */
  readonly isTold: boolean;
  readonly fault?: BarrelError | undefined;
}

export class OwnCandidacy implements Candidacy {
  readonly name: string;
  readonly pid: Pid;
  readonly #options: OwnCandidacyOptions;
  readonly #events: EventSource<CandidacyEvent>;
  #fault: BarrelError | undefined;
  /** Until the user holds it, events wait. */
  #early: CandidacyEvent[] | undefined = [];
  #term: Term | undefined;
  #abort = new AbortController();
  #nextTerm: Settlement<Term | undefined> | undefined;
  #hasEnded = false;

  constructor(options: OwnCandidacyOptions) {
    this.#options = options;
    this.name = options.name;
    this.pid = options.pid;
    this.#events = new EventSource(options.host.logger);
  }

  /** Why nobody can stand for it again; undefined while it lasts, or where somebody can. */
  get fault(): BarrelError | undefined {
    return this.#fault;
  }

  get role(): 'leader' | 'follower' {
    return this.term === undefined ? 'follower' : 'leader';
  }

  get term(): Term | undefined {
    return this.#term !== undefined && this.#options.token() === this.#term.fence
      ? this.#term
      : undefined;
  }

  on<T extends CandidacyEvent['type']>(
    type: T,
    listener: (event: Extract<CandidacyEvent, { type: T }>) => void,
  ): Disposable {
    return this.#events.on(type, listener);
  }

  events(options?: Cancellable): AsyncIterable<CandidacyEvent | Lagged> {
    return this.#events.events(options);
  }

  async resign(): Promise<void> {
    this.end({ isTold: false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resign();
  }

  /** The term of now, else the next one; undefined when the candidacy ends. */
  async nextTerm(): Promise<Term | undefined> {
    if (this.term !== undefined || this.#hasEnded) return this.term;
    this.#nextTerm ??= settlement();
    return this.#nextTerm.promise;
  }

  /** The user holds it by the next turn. */
  open(): void {
    this.#options.host.timers.soon(() => {
      const early = this.#early ?? [];
      this.#early = undefined;
      for (const event of early) this.#events.emit(event);
      if (this.#hasEnded) this.#events.end();
    });
  }

  begin(fence: FenceToken): void {
    this.#abort = new AbortController();
    this.#term = { fence, signal: this.#abort.signal };
    this.#nextTerm?.resolve(this.#term);
    this.#nextTerm = undefined;
    this.#emit({ type: 'elected', term: this.#term });
  }

  revoke(): void {
    this.#endTerm();
    this.#emit({ type: 'revoked' });
  }

  /** Takes it back, the term first. Idempotent. */
  end({ isTold, fault }: CandidacyEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#fault = fault;
    const hasLed = this.#endTerm();
    this.#options.withdraw();
    if (isTold && hasLed) this.#emit({ type: 'revoked' });
    this.#nextTerm?.resolve(undefined);
    if (this.#early === undefined) this.#events.end();
  }

  /** False when there was none. */
  #endTerm(): boolean {
    if (this.#term === undefined) return false;
    this.#term = undefined;
    const why = `the term for ${JSON.stringify(this.name)} is over`;
    this.#abort.abort(new BarrelError('ERR_NOT_LEADER', why));
    return true;
  }

  #emit(event: CandidacyEvent): void {
    if (this.#early === undefined) this.#events.emit(event);
    else this.#early.push(event);
  }
}
