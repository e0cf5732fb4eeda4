/**
 * The one door of a core that is driven from several sides: it finishes one input, effects and all,
 * before it sees the next, also when an effect leads to another input.
 */
export class CoreInbox<Input> {
  readonly #apply: (input: Input) => void;
  readonly #inputs: Input[] = [];
  #isDraining = false;
  #isClosed = false;

  /** `apply` hands one input to the core and carries out its effects. */
  constructor(apply: (input: Input) => void) {
    this.#apply = apply;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  submit(input: Input): void {
    if (this.#isClosed) return;
    this.#inputs.push(input);
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        this.#apply(next);
      }
    } finally {
      this.#isDraining = false;
    }
  }

  /** Takes nothing more. */
  close(): void {
    this.#isClosed = true;
  }
}
