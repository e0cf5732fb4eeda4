/** Answers what `barrel keys` and `barrel authority` ask of the keys that a node has and trusts. */

import type { BarrelNode } from '../barrel-node.ts';
import { base64 } from './base64.ts';
import type {
  KeyReport,
  PinReport,
  RevocationReport,
  RotationReport,
  TrustQuery,
} from './trust-queries.ts';

export type TrustingNode = Pick<BarrelNode, 'name' | 'identity' | 'trust'>;

/** @throws what the node's identity and trust throw. */
export async function answerTrust(
  node: TrustingNode,
  query: TrustQuery,
  signal: AbortSignal,
): Promise<unknown> {
  const { trust } = node;
  switch (query.method) {
    case 'key':
      return reportKey(node);
    case 'keyRotate':
      return rotate(node, query.timeoutMs, signal);
    case 'trustList':
      return reportPins(node);
    case 'trustPin':
      await trust.pin(query.node, bytes(query.publicKey));
      return null;
    case 'trustUnpin':
      return unpin(node, query.node);
    case 'trustRevoke':
      await trust.revoke(bytes(query.revocation));
      return null;
    case 'trustRevocations':
      return reportRevocations(node);
    case 'trustCertificate':
      trust.useCertificate(bytes(query.certificate));
      return null;
  }
}

function reportKey({ name, identity, trust }: TrustingNode): KeyReport {
  const { publicKey, fingerprint } = identity;
  return { node: name, publicKey: base64(publicKey), fingerprint, trust: trust.mode() };
}

async function rotate(
  { identity }: TrustingNode,
  timeoutMs: number | undefined,
  signal: AbortSignal,
): Promise<RotationReport> {
  return identity.rotate({ timeoutMs, signal });
}

function reportPins({ trust }: TrustingNode): readonly PinReport[] {
  return trust.list().map(({ node, publicKey, fingerprint, by, since }) => ({
    node,
    publicKey: base64(publicKey),
    fingerprint,
    by,
    since: since.toISOString(),
  }));
}

/** True when there was a pin. */
async function unpin({ trust }: TrustingNode, node: string): Promise<boolean> {
  const wasPinned = trust.lookup(node) !== undefined;
  await trust.unpin(node);
  return wasPinned;
}

function reportRevocations({ trust }: TrustingNode): readonly RevocationReport[] {
  return trust.revocations().map(({ serial, publicKey, since }) => ({
    serial: serial ?? null,
    publicKey: publicKey === undefined ? null : base64(publicKey),
    since: since.toISOString(),
  }));
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}
