/** Runs the voter of this node: carries its promises to the disk and its answers to candidates. */
import { CoreInbox } from '../cluster/core-inbox.ts';
import type { NodeRef } from '../cluster/ports.ts';
import type { Ballot } from '../core/election/ballot.ts';
import type { FenceToken } from '../core/election/fence-token.ts';
import type { VoteRecord } from '../core/election/vote-record.ts';
import { Voter, type VoterEffect, type VoterInput } from '../core/election/voter.ts';
import type { NodeName } from '../core/names.ts';
import { unreachable } from '../core/unreachable.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { VoteBook } from './vote-book.ts';

export interface VoteDriverOptions {
  readonly self: NodeRef;
  readonly host: Pick<Host, 'clock' | 'logger' | 'meter'>;
  /** Undefined without a data directory. */
  readonly book: VoteBook | undefined;
  /** To any node, this one too. */
  readonly send: (to: NodeName, ballot: Ballot) => void;
}

type Memory = Iterable<readonly [name: string, record: VoteRecord]>;

export class VoteDriver {
  readonly #options: VoteDriverOptions;
  readonly #core: Voter;
  readonly #inbox: CoreInbox<VoterInput>;

  private constructor(options: VoteDriverOptions, memory: Memory | undefined) {
    const { self, host } = options;
    this.#options = options;
    this.#core = new Voter({ self: self.node, memory, nowMs: host.clock.monotonicMs() });
    this.#inbox = new CoreInbox((input) => this.#apply(input));
    host.meter.gauge('barrel_elections_votes', () => this.#core.size);
  }

  /** @throws ERR_STORE when its promises cannot be read. */
  static async open(options: VoteDriverOptions): Promise<VoteDriver> {
    return new VoteDriver(options, await options.book?.load());
  }

  /** What a candidate asks, or another voter says. */
  receive(from: NodeRef, ballot: Ballot): void {
    this.#inbox.submit({ kind: 'ballot', from, ballot });
  }

  close(): void {
    this.#inbox.close();
  }

  #apply(input: VoterInput): void {
    const nowMs = this.#options.host.clock.monotonicMs();
    for (const effect of this.#core.handle(input, nowMs)) this.#perform(effect);
  }

  #perform(effect: VoterEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#options.send(effect.to, effect.ballot);
        break;
      case 'keep':
        void this.#keep(effect.name, effect.record);
        break;
      case 'forget':
        void this.#forget(effect.name);
        break;
      default:
        unreachable(effect);
    }
  }

  async #keep(name: string, record: VoteRecord): Promise<void> {
    const { book } = this.#options;
    const isKept = await this.#written(name, async () => book?.keep(name, record));
    this.#submitKept(name, record.token, isKept);
  }

  #submitKept(name: string, token: FenceToken, isKept: boolean): void {
    this.#inbox.submit({ kind: 'kept', name, token, isKept });
  }

  async #forget(name: string): Promise<void> {
    const { book } = this.#options;
    await this.#written(name, async () => book?.forget(name));
  }

  /** False when the disk does not take it. */
  async #written(name: string, write: () => Promise<void>): Promise<boolean> {
    try {
      await write();
      return true;
    } catch (error) {
      if (!(error instanceof BarrelError)) throw error;
      if (error.code !== 'ERR_CLOSED') {
        this.#options.host.logger.error('a promise of this voter cannot be kept', { name, error });
      }
      return false;
    }
  }
}
