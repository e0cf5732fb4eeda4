/** How a key is shown to people. */
import { createHash } from 'node:crypto';

/** `SHA256:` and the unpadded base64 of the digest of a raw 32-byte key, as ssh prints it. */
export function fingerprintOf(publicKey: Uint8Array): string {
  const digest = createHash('sha256').update(publicKey).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}
