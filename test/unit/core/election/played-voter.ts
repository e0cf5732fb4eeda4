/** The voter of one node in a played network: its disk takes a while, and forgets in a crash. */
import { CoreInbox } from '../../../../src/cluster/core-inbox.ts';
import type { Ballot } from '../../../../src/core/election/ballot.ts';
import { decodeBallot, encodeBallot } from '../../../../src/core/election/ballot.ts';
import type { VoteRecord } from '../../../../src/core/election/vote-record.ts';
import { Voter, type VoterEffect, type VoterInput } from '../../../../src/core/election/voter.ts';
import type { ElectionNetwork, ElectionNode } from './election-network.ts';

const DISK_MS: readonly [number, number] = [1, 50];
/** Now and then a frame is this late, and others overtake it. */
const LATE_MS: readonly [number, number] = [500, 4_000];
const LATE = 0.02;

/** What is durable of the promises of one node. */
export class VoteDisk {
  readonly promises: Map<string, VoteRecord> = new Map();
}

export class PlayedVoter {
  readonly #network: ElectionNetwork;
  readonly #node: ElectionNode;
  readonly #disk: VoteDisk | undefined;
  readonly #core: Voter;
  #isUp = true;
  readonly #inbox = new CoreInbox<VoterInput>((input) => {
    for (const effect of this.#core.handle(input, this.#node.localMs)) this.#perform(effect);
  });

  constructor(network: ElectionNetwork, node: ElectionNode, disk: VoteDisk | undefined) {
    this.#network = network;
    this.#node = node;
    this.#disk = disk;
    const memory = disk && [...disk.promises];
    this.#core = new Voter({ self: node.name, memory, nowMs: node.localMs });
  }

  /** What is on its way to the disk is lost. */
  crash(): void {
    this.#isUp = false;
  }

  send(to: string, ballot: Ballot): void {
    const from = this.#node;
    if (to === from.name) {
      from.awake(() => this.#receive(from, ballot));
      return;
    }
    const frame = encodeBallot(ballot);
    const isLate = this.#network.random.float() < LATE;
    this.#network.after(isLate ? this.#network.between(LATE_MS) : 0, () => {
      this.#network.carry(from, to, (node) => {
        node.awake(() => node.voter.#receive(from, decodeBallot(frame)));
      });
    });
  }

  #receive(from: ElectionNode, ballot: Ballot): void {
    if (ballot.kind !== 'answer') {
      this.#inbox.submit({ kind: 'ballot', from: from.self, ballot });
      return;
    }
    const { name, ...answer } = ballot;
    this.#node.do({ kind: 'voted', name, answer: { ...answer, voter: from.name } });
  }

  #perform(effect: VoterEffect): void {
    if (effect.kind === 'send') this.send(effect.to, effect.ballot);
    else if (effect.kind === 'keep') this.#keep(effect.name, effect.record);
    else this.#disk?.promises.delete(effect.name);
  }

  #keep(name: string, record: VoteRecord): void {
    const { token } = record;
    const kept = (): void => {
      if (!this.#isUp) return;
      this.#disk?.promises.set(name, record);
      this.#node.awake(() => this.#inbox.submit({ kind: 'kept', name, token, isKept: true }));
    };
    if (this.#disk === undefined) kept();
    else this.#network.after(this.#network.between(DISK_MS), kept);
  }
}
