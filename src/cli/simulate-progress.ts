/** Progress of long work on stderr: a bar on a terminal, a line now and then elsewhere. */

const BAR_CELLS = 30;
/** Lines of a log: one for each tenth. */
const LOG_STEPS = 10;
const BAR_STEPS = 1_000;

export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export class Progress {
  readonly #stream: ProgressStream;
  readonly #label: string;
  #step = -1;

  constructor(stream: ProgressStream, label: string) {
    this.#stream = stream;
    this.#label = label;
  }

  /** @param share of the work that is done, 0 to 1. */
  tell(share: number): void {
    const isBar = this.#stream.isTTY === true;
    const step = Math.floor(share * (isBar ? BAR_STEPS : LOG_STEPS));
    if (step <= this.#step) return;
    this.#step = step;
    const percent = `${Math.floor(share * 100)} %`;
    if (isBar) this.#stream.write(`\r${this.#label} ${bar(share)} ${percent} `);
    else this.#stream.write(`${this.#label}: ${percent}\n`);
  }

  /** The work is over: the bar goes, so that the result stands alone. */
  end(): void {
    if (this.#stream.isTTY === true) this.#stream.write('\r\u001b[K');
  }
}

function bar(share: number): string {
  const full = Math.round(Math.min(Math.max(share, 0), 1) * BAR_CELLS);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_CELLS - full)}]`;
}
