/** Keys and certificates as text, on the control socket and in a terminal. */

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
