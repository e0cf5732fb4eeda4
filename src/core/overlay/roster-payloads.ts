/** The roster's broadcasts as bytes: judged when they come, decoded once. */
import type { RosterEntry } from '../roster/entry.ts';
import { decodeEntries } from '../roster/messages.ts';
import { WireError } from '../wire/wire-error.ts';

/** Why an entry is refused that is not plausible. */
export const TIME_FAULT = 'an incarnation of a time that has not come';

export class RosterPayloads {
  readonly #isPlausible: (incarnation: bigint) => boolean;
  #last: { readonly payload: Uint8Array; readonly entries: readonly RosterEntry[] } | undefined;

  /** `isPlausible` is false for an incarnation that no start can have by now. */
  constructor(isPlausible: (incarnation: bigint) => boolean) {
    this.#isPlausible = isPlausible;
  }

  /** False for a payload that no honest node sends. */
  accepts(payload: Uint8Array): boolean {
    try {
      return this.arePlausible(this.entriesOf(payload));
    } catch (error) {
      if (error instanceof WireError) return false;
      throw error;
    }
  }

  arePlausible(entries: readonly RosterEntry[]): boolean {
    return entries.every(({ incarnation }) => this.#isPlausible(incarnation));
  }

  /** @throws WireError for a payload that `accepts` refuses. */
  entriesOf(payload: Uint8Array): readonly RosterEntry[] {
    if (this.#last?.payload !== payload) this.#last = { payload, entries: decodeEntries(payload) };
    return this.#last.entries;
  }
}
