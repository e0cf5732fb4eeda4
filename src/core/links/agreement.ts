/**
 * How the two ends of a link agree that it ends, so that no frame is lost with it.
 *
 * Each end counts the frames that it sent and got. One proposes the end and says how many it sent;
 * it may go on sending. The other agrees only when it has got all of them, says how many it sent
 * itself, and sends nothing more. The first ends the link when it has got those, and has sent
 * nothing since; else it withdraws, and the link goes on. So at the end both have got all that was
 * ever sent on the link.
 *
 * Frames of different channels overtake each other: a frame that was sent after the proposal may
 * come before the word of its withdrawal, and says the same.
 *
 * When both propose at once, the proposal of the smaller name counts.
 */
import { WireError } from '../wire/wire-error.ts';
import type { EconomyMessage, PartingCause } from './economy-messages.ts';

/** What one end knows of the link now. */
export interface Standing {
  /** It can do without the link. */
  readonly isFree: boolean;
  readonly framesSent: number;
  readonly framesReceived: number;
}

type Propose = Extract<EconomyMessage, { kind: 'propose' }>;
type Agree = Extract<EconomyMessage, { kind: 'agree' }>;

export class Agreement {
  readonly #isSmaller: boolean;
  #lastRound = 0;
  #proposed: Propose | undefined;
  #agreed: number | undefined;

  /** @param isSmaller of the two names this node's is the smaller one. */
  constructor(isSmaller: boolean) {
    this.#isSmaller = isSmaller;
  }

  /** An own proposal has no answer yet. */
  get isProposed(): boolean {
    return this.#proposed !== undefined;
  }

  /** This end has agreed: it sends nothing until the link has ended, or goes on. */
  get hasAgreed(): boolean {
    return this.#agreed !== undefined;
  }

  propose(cause: PartingCause, framesSent: number): EconomyMessage {
    this.#lastRound += 1;
    this.#proposed = { kind: 'propose', round: this.#lastRound, cause, framesSent };
    return this.#proposed;
  }

  /**
   * The answer; undefined when the own proposal counts.
   * @throws WireError for one from who has another answer already.
   */
  onPropose({ round, framesSent }: Propose, standing: Standing): EconomyMessage | undefined {
    if (this.hasAgreed) throw new WireError('one more proposal after it was agreed to');
    if (this.isProposed && this.#isSmaller) return undefined;
    this.#proposed = undefined;
    if (!standing.isFree || standing.framesReceived !== framesSent) {
      return { kind: 'refuse', round };
    }
    this.#agreed = round;
    return { kind: 'agree', round, framesSent: standing.framesSent };
  }

  /**
   * Undefined when the link is to be ended now; else the word that it goes on.
   * @throws WireError when nothing was proposed.
   */
  onAgree({ round, framesSent }: Agree, standing: Standing): EconomyMessage | undefined {
    const proposed = this.#answered(round);
    const isQuiet =
      standing.framesSent === proposed.framesSent && standing.framesReceived === framesSent;
    return isQuiet && standing.isFree ? undefined : { kind: 'withdraw', round };
  }

  /** @throws WireError when nothing was proposed. */
  onRefuse(round: number): void {
    this.#answered(round);
  }

  /** True when the link goes on by this word; false when a frame has said so before. */
  onWithdraw(round: number): boolean {
    if (this.#agreed !== round) return false;
    this.#agreed = undefined;
    return true;
  }

  /** A frame came that was sent after the proposal that was agreed to. */
  goOn(): void {
    this.#agreed = undefined;
  }

  #answered(round: number): Propose {
    const proposed = this.#proposed;
    if (proposed?.round !== round) throw new WireError('an answer to what was not proposed');
    this.#proposed = undefined;
    return proposed;
  }
}
