/** Runs the election core over stores and overlay: does what it orders, tells it what happened. */
import { CoreInbox } from '../cluster/core-inbox.ts';
import type { ElectionPort, NodeRef, TableChange } from '../cluster/ports.ts';
import type { Ballot } from '../core/election/ballot.ts';
import type { Candidate, Rival } from '../core/election/candidate.ts';
import { decodeCandidate, encodeCandidate } from '../core/election/candidate-codec.ts';
import type { KnownContest } from '../core/election/contest.ts';
import type { ElectionEffect, ElectionInput } from '../core/election/contract.ts';
import { Election } from '../core/election/election.ts';
import type { ElectionConfig } from '../core/election/election-config.ts';
import type { FenceToken } from '../core/election/fence-token.ts';
import type { NodeName } from '../core/names.ts';
import type { StampSource } from '../core/store/contract.ts';
import { unreachable } from '../core/unreachable.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { Counter } from '../host/meter.ts';
import type { FenceStore } from './fence-store.ts';

export interface ElectionDriverOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'logger'>;
  readonly port: ElectionPort;
  readonly fences: FenceStore;
  readonly clock: StampSource;
  readonly config: Partial<ElectionConfig>;
  /** The voter of this node. */
  readonly voter: (from: NodeRef, ballot: Ballot) => void;
  /** Entries of others that make no sense. */
  readonly invalid: Counter;
  readonly onElected: (name: string, token: FenceToken) => void;
  readonly onRevoked: (name: string) => void;
  readonly onLeader: (name: string, leader: Rival | undefined) => void;
  /** Others cannot be told of the candidacy: it is no more. */
  readonly onUntold: (name: string) => void;
  /** The candidate of that node, or one that a voter holds, has other voters: so is this one. */
  readonly onConflict: (name: string, rival: Rival | undefined) => void;
}

export class ElectionDriver {
  readonly core: Election;
  readonly #options: ElectionDriverOptions;
  readonly #inbox: CoreInbox<ElectionInput>;
  readonly #listening: readonly Disposable[];
  /** Tokens that are made known and durable. */
  readonly #minting = new Map<string, Promise<void>>();

  constructor(options: ElectionDriverOptions) {
    const { port, fences, clock, config } = options;
    this.#options = options;
    this.#inbox = new CoreInbox((input) => this.#apply(input));
    this.core = new Election({
      self: port.self,
      clock,
      membership: port.membership,
      highest: (name) => fences.get(name),
      config,
    });
    port.attach({
      onAttested: (nonce) => this.submit({ kind: 'attested', nonce }),
      onBallot: (from, ballot) => this.#onBallot(from, ballot),
      onExchanged: () => this.submit({ kind: 'synced' }),
      onMembersChanged: () => this.submit({ kind: 'membersChanged' }),
    });
    this.#listening = [
      port.candidates.onChange((change) => this.#onCandidate(change)),
      fences.onTerm((name, term) => this.submit({ kind: 'term', name, term })),
    ];
  }

  /** While a token of that name is on its way to the disk. */
  minted(name: string): Promise<void> | undefined {
    return this.#minting.get(name);
  }

  /** Who leads now, as known here. */
  leader(name: string): Rival | undefined {
    return this.core.leader(name, this.#nowMs);
  }

  /** Every name that somebody would lead, as known here now; in no order. */
  known(): readonly KnownContest[] {
    return this.core.known(this.#nowMs);
  }

  /** The token of this node's term, by the clock of now. */
  term(name: string): FenceToken | undefined {
    return this.core.term(name, this.#nowMs);
  }

  /** Sends what a voter or a candidate says; to this node, too. */
  send(to: NodeName, ballot: Ballot): void {
    const { port } = this.#options;
    if (to === port.self.node) this.#onBallot(port.self, ballot);
    else port.sendBallot(to, ballot);
  }

  submit(input: ElectionInput): void {
    this.#inbox.submit(input);
  }

  /** Nothing is told or heard any more. */
  close(): void {
    this.#inbox.close();
    for (const listening of this.#listening) listening[Symbol.dispose]();
  }

  get #nowMs(): number {
    return this.#options.host.clock.monotonicMs();
  }

  #apply(input: ElectionInput): void {
    for (const effect of this.core.handle(input, this.#nowMs)) this.#perform(effect);
  }

  #perform(effect: ElectionEffect): void {
    const { host, port, onElected, onRevoked, onLeader, onConflict } = this.#options;
    switch (effect.kind) {
      case 'publish':
        this.#publish(effect.name, effect.candidate);
        break;
      case 'retract':
        port.candidates.remove(effect.name);
        break;
      case 'mint':
        this.#mint(effect.name, effect.token);
        break;
      case 'elected':
        onElected(effect.name, effect.token);
        break;
      case 'revoked':
        onRevoked(effect.name);
        break;
      case 'leader':
        onLeader(effect.name, effect.leader);
        break;
      case 'ask':
        port.ask(effect.nonce);
        break;
      case 'poll': {
        const { name, token, voters, nonce } = effect;
        const ballot: Ballot = { kind: 'request', name, token, voters, nonce };
        for (const voter of effect.to) this.send(voter, ballot);
        break;
      }
      case 'release': {
        const { name, token } = effect;
        for (const voter of effect.voters) this.send(voter, { kind: 'release', name, token });
        break;
      }
      case 'conflict':
        onConflict(effect.name, effect.rival);
        break;
      case 'schedule': {
        const { timer, delayMs } = effect;
        host.timers.after(delayMs, () => this.submit({ kind: 'timerFired', timer }));
        break;
      }
      default:
        unreachable(effect);
    }
  }

  #onBallot(from: NodeRef, ballot: Ballot): void {
    if (ballot.kind !== 'answer') {
      this.#options.voter(from, ballot);
      return;
    }
    const { name, ...answer } = ballot;
    this.submit({ kind: 'voted', name, answer: { ...answer, voter: from.node } });
  }

  /** Who cannot tell of its candidacy must not lead: others would not know of it. */
  #publish(name: string, candidate: Candidate): void {
    const { port, host, onUntold } = this.#options;
    try {
      port.candidates.put(name, encodeCandidate(candidate));
    } catch (error) {
      if (!(error instanceof BarrelError)) throw error;
      host.logger.error('a candidacy cannot be told to others', { name, error });
      onUntold(name);
    }
  }

  #mint(name: string, token: FenceToken): void {
    const minting = this.#keep(name, token).then((isKept) => {
      if (this.#minting.get(name) === minting) this.#minting.delete(name);
      this.submit({ kind: 'minted', name, token, isKept });
    });
    this.#minting.set(name, minting);
  }

  async #keep(name: string, token: FenceToken): Promise<boolean> {
    const { fences, port, host } = this.#options;
    try {
      await fences.put(name, { ...port.self, token });
      return true;
    } catch (error) {
      if (!(error instanceof BarrelError)) throw error;
      host.logger.error('the token of a term cannot be kept', { name, error });
      return false;
    }
  }

  #onCandidate({ owner, key: name, value }: TableChange): void {
    const { port, invalid, host } = this.#options;
    if (owner.node === port.self.node) return;
    let candidate: Candidate | undefined;
    try {
      candidate = value && decodeCandidate(value);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      invalid.value += 1;
      host.logger.warn('a candidacy makes no sense', { name, owner, message: error.message });
    }
    this.submit({ kind: 'candidate', name, ...owner, candidate });
  }
}
