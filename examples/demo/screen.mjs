/** What the demo shows: a view that is redrawn in place on a terminal, plain lines elsewhere. */
import { stripVTControlCharacters, styleText } from 'node:util';

const REDRAW_MS = 100;
const BAR = 30;
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

export class Screen {
  #out;
  #isLive;
  #startedMs = performance.now();
  #view = () => [];
  #drawn = 0;
  #timer;

  constructor(out) {
    this.#out = out;
    this.#isLive = out.isTTY === true;
  }

  /** From now on the lines of `view` stand below everything else, on a terminal. */
  live(view) {
    if (!this.#isLive) return;
    this.#view = view;
    this.#out.write(HIDE_CURSOR);
    this.#timer = setInterval(() => this.#draw([]), REDRAW_MS);
  }

  /** Draws the view once more and leaves it there. */
  rest() {
    if (!this.#isLive || this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#draw([]);
    this.#drawn = 0;
    this.#view = () => [];
    this.#out.write(SHOW_CURSOR);
  }

  /** Something happened: a line with the seconds since the start. */
  event(text) {
    const seconds = ((performance.now() - this.#startedMs) / 1_000).toFixed(1);
    this.line(`${this.paint('dim', `${seconds.padStart(6)} s`)}  ${text}`);
  }

  line(text = '') {
    this.#draw(text.split('\n'));
  }

  paint(style, text) {
    return this.#isLive ? styleText(style, text) : text;
  }

  /** `[#########.....]` */
  bar(share) {
    const filled = Math.round(share * BAR);
    return this.paint('green', '━'.repeat(filled)) + this.paint('dim', '─'.repeat(BAR - filled));
  }

  /** New lines go above the view, which moves down. */
  #draw(lines) {
    const isShown = this.#timer !== undefined || this.#drawn > 0;
    const view = isShown ? this.#view().map((line) => this.#fit(line)) : [];
    const back = this.#drawn > 0 ? `\u001b[${this.#drawn}A\r\u001b[J` : '';
    const text = [...lines, ...view].map((line) => `${line}\n`).join('');
    this.#drawn = view.length;
    this.#out.write(back + text);
  }

  /** A line that wraps would break counting them. */
  #fit(line) {
    const columns = this.#out.columns ?? 80;
    return [...stripVTControlCharacters(line)].length < columns
      ? line
      : [...stripVTControlCharacters(line)].slice(0, columns - 1).join('');
  }
}

/** Cells under each other, two blanks apart. */
export function columns(rows) {
  const widths = [];
  for (const row of rows) {
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, widthOf(cell));
    });
  }
  const pad = (cell, at) => String(cell) + ' '.repeat(widths[at] - widthOf(cell));
  return rows.map((row) => row.map(pad).join('  ').trimEnd());
}

function widthOf(cell) {
  return [...stripVTControlCharacters(String(cell))].length;
}

export function count(number) {
  return number.toLocaleString('en-US');
}

export function money(cents) {
  return (cents / 100).toLocaleString('en-US', { minimumFractionDigits: 2 });
}
