/** The key that a peer has proven to hold in this very session. */
import type { NativeConnection } from './native.ts';

/**
 * Undefined where nothing was proven: in a resumed session, which the binding lets a peer try, and
 * with any other than one certificate that `keyOf` takes.
 */
export function provenKey(
  native: NativeConnection,
  keyOf: (certificate: Uint8Array) => Uint8Array | undefined,
): Uint8Array | undefined {
  if (native.isResumed()) return undefined;
  const [certificate, ...more] = native.peerCertChain() ?? [];
  if (certificate === undefined || more.length > 0) return undefined;
  return keyOf(certificate);
}
