/**
 * Remote back-pressure by credit, the receiver's end; `outflow.ts` is the sender's, with the why.
 */
import { FLOW_WINDOW_INITIAL } from '../limits.ts';
import type { FlowKey } from './frames.ts';
import type { CreditSource } from './mailbox.ts';

/** Sends credit back; a window of 0 leaves the sender's as it is. */
export type GiveCredit = (key: FlowKey, units: number, window: number) => void;

/** Credit of one sending node for one destination here. */
export class Inflow implements CreditSource {
  readonly #key: FlowKey;
  readonly #give: GiveCredit;
  #window = FLOW_WINDOW_INITIAL;
  #unreturned = 0;
  #state: 'kept' | 'evicted' | 'forgotten' = 'kept';
  /** Looked at and cleared when room is needed: unused ones go first. */
  wasUsed = true;

  constructor(key: FlowKey, give: GiveCredit) {
    this.#key = key;
    this.#give = give;
  }

  /** Tells the sender how much it may have out at once, before anything is consumed. */
  announce(window: number): void {
    this.#window = window;
    this.#give(this.#key, 0, window);
  }

  /**
   * Returns credit in batches of half a window: the sender is never stopped by what is not
   * returned yet, and pays a frame for many messages.
   */
  consumed(units: number, window: number): void {
    if (this.#state === 'forgotten') return;
    this.#unreturned += units;
    if (this.#state === 'evicted') this.#return(0);
    else if (this.#unreturned * 2 >= this.#window) this.#return(window);
  }

  /** The table needs the room: what is open is returned at once from now on. */
  evict(): void {
    this.#state = 'evicted';
    this.#return(FLOW_WINDOW_INITIAL);
  }

  /** The sender began a new account, or the link is gone: this one is worth nothing. */
  forget(): void {
    this.#state = 'forgotten';
  }

  #return(window: number): void {
    const units = this.#unreturned;
    this.#unreturned = 0;
    if (window > 0) this.#window = window;
    this.#give(this.#key, units, window);
  }
}
