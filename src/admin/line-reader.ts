/** Cuts a byte stream into lines of UTF-8 and refuses to hold more than a bound. */
import { BarrelError } from '../errors.ts';

const NEWLINE = 0x0a;

export class LineReader {
  readonly #bytesMax: number;
  readonly #lines: Buffer[] = [];
  #chunks: Buffer[] = [];
  #heldBytes = 0;

  /** `bytesMax` counts all that was pushed and not yet taken. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** @throws ERR_OVERLOADED over the bound; the reader is of no use after that. */
  push(chunk: Buffer): void {
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > this.#bytesMax) {
      throw new BarrelError('ERR_OVERLOADED', `a line may have ${this.#bytesMax} bytes`);
    }
    this.#chunks.push(chunk);
    if (chunk.includes(NEWLINE)) this.#cut();
  }

  /** The next whole line, without its end. */
  take(): string | undefined {
    const line = this.#lines.shift();
    if (line === undefined) return undefined;
    this.#heldBytes -= line.length + 1;
    return line.toString();
  }

  #cut(): void {
    const bytes = Buffer.concat(this.#chunks);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      this.#lines.push(bytes.subarray(start, end));
      start = end + 1;
    }
    this.#chunks = [bytes.subarray(start)];
  }
}
