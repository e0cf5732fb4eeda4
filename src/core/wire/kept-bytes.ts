/**
 * Copies of short byte fields, for what outlives the frame that they came in: cut from common
 * pages, since an ArrayBuffer for each costs more than its contents.
 */
const PAGE_BYTES = 8_192;
/** What is longer has memory of its own, so that it holds no page. */
const SHARED_BYTES_MAX = 1_024;

let page = new ArrayBuffer(PAGE_BYTES);
let at = 0;

/** A copy that nobody writes to again. */
export function keptBytes(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length > SHARED_BYTES_MAX) return bytes.slice();
  if (at + length > PAGE_BYTES) {
    page = new ArrayBuffer(PAGE_BYTES);
    at = 0;
  }
  const copy = new Uint8Array(page, at, length);
  copy.set(bytes);
  at += length;
  return copy;
}
