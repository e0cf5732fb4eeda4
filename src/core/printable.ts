/** Text of a stranger for logs and terminals: no control characters, no escape sequences. */

const UNPRINTABLE = /[^\x20-\x7e]/g;

/** The same text with a question mark for each character that is no printable ASCII. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '?');
}
