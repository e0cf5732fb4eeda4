/** All that a node knows of one name: who would lead, itself among them, and who leads. */
import type { NodeName } from '../names.ts';
import { firstOf, precedes, type Rival } from './candidate.ts';
import type { TermHolder } from './fence-token.ts';
import type { OwnCandidate } from './own-candidate.ts';
import { isSameVoters, type Voters } from './voters.ts';

/** A name with who leads and who would, as known on one node. */
export interface KnownContest {
  readonly name: string;
  readonly leader: Rival | undefined;
  /** Those that others are told of, in the order in which they would lead. */
  readonly candidates: readonly Rival[];
  /** Those of the first candidate; undefined where nobody has to agree. */
  readonly voters: Voters | undefined;
}

export class Contest {
  readonly name: string;
  own: OwnCandidate | undefined;
  /** Who was said to lead last. */
  leader: Rival | undefined;
  readonly #self: TermHolder;
  readonly #others = new Map<NodeName, Rival>();
  /** Those of them that lead: one, mostly. */
  readonly #leading = new Map<NodeName, Rival>();

  constructor(self: TermHolder, name: string) {
    this.#self = self;
    this.name = name;
  }

  get isEmpty(): boolean {
    return this.own === undefined && this.#others.size === 0;
  }

  /** Those that others are told of, this node's one among them, in the order of `precedes`. */
  get candidates(): readonly Rival[] {
    const own = this.own?.told === undefined ? [] : [this.#rivalOf(this.own)];
    return [...own, ...this.#others.values()].sort((a, b) => (precedes(a, b) ? -1 : 1));
  }

  set(rival: Rival, nowMs: number): void {
    this.#others.set(rival.node, rival);
    if (rival.term === undefined) this.#leading.delete(rival.node);
    else this.#leading.set(rival.node, rival);
    if (rival.term !== undefined) this.own?.noteLeader({ ...rival, token: rival.term }, nowMs);
  }

  delete(node: NodeName, incarnation: bigint): void {
    const known = this.#others.get(node);
    if (known === undefined || known.incarnation > incarnation) return;
    this.#others.delete(node);
    this.#leading.delete(node);
  }

  /** This node would lead from now on. */
  enter(own: OwnCandidate, nowMs: number): void {
    this.own = own;
    for (const rival of this.#others.values()) this.set(rival, nowMs);
  }

  /** True when no other one goes before this node's candidate. */
  isFirst(own: OwnCandidate): boolean {
    const rival = this.#rivalOf(own);
    for (const other of this.#others.values()) if (precedes(other, rival)) return false;
    return true;
  }

  /** Another candidate that has other voters. */
  rivalUnlike(voters: Voters | undefined): Rival | undefined {
    for (const other of this.#others.values()) {
      if (!isSameVoters(other.voters, voters)) return other;
    }
    return undefined;
  }

  /** The one of the others that leads, as far as known here. */
  otherLeader(): Rival | undefined {
    return firstOf(this.#leading.values());
  }

  /** The same with this node, while its own term is held. */
  currentLeader(isHeld: boolean): Rival | undefined {
    const other = this.otherLeader();
    const own = this.own?.term === undefined || !isHeld ? undefined : this.#rivalOf(this.own);
    return own !== undefined && (other === undefined || precedes(own, other)) ? own : other;
  }

  #rivalOf(own: OwnCandidate): Rival {
    return { ...own.candidate, ...this.#self };
  }
}
