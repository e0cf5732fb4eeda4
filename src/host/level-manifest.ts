/**
 * The one fact of a LevelDB manifest that LevelDB itself does not check: the log that the last edit
 * names is there. A manifest that has lost its end opens without a word as an older state of the
 * database, and the tables that it does not know any more are deleted. But no edit names a log that
 * an older one may need: the log that a shortened manifest names is gone.
 */

const BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;
/** Kinds of a fragment of a record: whole, first, middle, last. */
const WHOLE = 1;
const LAST = 4;
const LOG_NUMBER_TAG = 2;

/** What follows each tag of an edit: a number, or bytes behind their length. */
const FIELDS: ReadonlyMap<number, readonly ('number' | 'bytes')[]> = new Map([
  [1, ['bytes']],
  [LOG_NUMBER_TAG, ['number']],
  [3, ['number']],
  [4, ['number']],
  [5, ['number', 'bytes']],
  [6, ['number', 'number']],
  [7, ['number', 'number', 'number', 'bytes', 'bytes']],
  [9, ['number']],
]);

/**
 * Number of the oldest log that is not in the tables yet; 0 before there was one. Undefined when
 * the manifest cannot be read that far.
 */
export function lastLogNumber(manifest: Uint8Array): number | undefined {
  let log: number | undefined;
  for (const edit of editsOf(manifest)) {
    const fields = new EditReader(edit);
    while (!fields.isAtEnd) {
      const tag = fields.number();
      const kinds = FIELDS.get(tag);
      if (kinds === undefined) return undefined;
      for (const kind of kinds) {
        const value = kind === 'number' ? fields.number() : fields.skipBytes();
        if (tag === LOG_NUMBER_TAG) log = value;
      }
    }
  }
  return log;
}

/** The records up to the first that is not whole; their checksums are LevelDB's to check. */
function* editsOf(manifest: Uint8Array): Generator<Uint8Array> {
  let fragments: Uint8Array[] = [];
  for (let at = 0; at + HEADER_BYTES <= manifest.length; ) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEADER_BYTES) {
      at += left;
      continue;
    }
    const length = (manifest[at + 4] ?? 0) | ((manifest[at + 5] ?? 0) << 8);
    const kind = manifest[at + 6] ?? 0;
    const end = at + HEADER_BYTES + length;
    if (end > manifest.length) return;
    fragments.push(manifest.subarray(at + HEADER_BYTES, end));
    at = end;
    if (kind !== WHOLE && kind !== LAST) continue;
    yield Buffer.concat(fragments);
    fragments = [];
  }
}

class EditReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Seven bits in each byte, lowest first; the highest bit says that another one follows. */
  number(): number {
    let value = 0;
    for (let weight = 1; ; weight *= 128) {
      const byte = this.#bytes[this.#at] ?? 0;
      this.#at += 1;
      value += (byte & 127) * weight;
      if (byte < 128) return value;
    }
  }

  skipBytes(): number {
    const length = this.number();
    this.#at += length;
    return length;
  }
}
