/** What is kept of an error that a handler ended with. */
import { REMINDER_ERROR_CHARS_MAX } from '../core/schedule/schedule-limits.ts';
import { decodeText, encodeText } from '../core/store/binary-text.ts';

/** Its message, or itself as a text; whatever it is, this does not throw. */
export function errorText(error: unknown): string {
  try {
    const text = error instanceof Error ? error.message : String(error);
    // A cut may go through a character of two halves, which is no text.
    return decodeText(encodeText(text.slice(0, REMINDER_ERROR_CHARS_MAX)));
  } catch {
    return 'it cannot be shown';
  }
}
