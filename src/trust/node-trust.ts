/** Which keys a running node trusts: its pins, and the word of its operator. */

import type { LinkPort } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { OwnIdentity } from '../identity/own-identity.ts';
import type { TrustMode } from '../identity/pin.ts';
import type { TrustTable } from '../identity/trust.ts';
import type { RevokedItem, Trust, TrustedNode } from '../identity/trust-contract.ts';
import type { RevocationSpread } from './revocation-spread.ts';

export interface NodeTrustOptions {
  readonly host: Pick<Host, 'clock'>;
  readonly trust: TrustTable;
  readonly identity: OwnIdentity;
  readonly links: LinkPort;
  readonly cluster: string;
  readonly spread: RevocationSpread;
}

export class NodeTrust implements Trust {
  readonly #options: NodeTrustOptions;

  constructor(options: NodeTrustOptions) {
    this.#options = options;
  }

  mode(): TrustMode {
    return this.#options.trust.mode();
  }

  setMode(mode: TrustMode): void {
    this.#options.trust.setMode(mode);
  }

  list(): readonly TrustedNode[] {
    return this.#options.trust.list();
  }

  lookup(node: NodeName): Uint8Array | undefined {
    return this.#options.trust.lookup(node);
  }

  pin(node: NodeName, publicKey: Uint8Array): Promise<void> {
    return this.#options.trust.pin(node, publicKey);
  }

  unpin(node: NodeName): Promise<void> {
    return this.#options.trust.unpin(node);
  }

  async revoke(revocation: Uint8Array): Promise<void> {
    await this.#options.spread.revoke(revocation);
  }

  revocations(): readonly RevokedItem[] {
    return [...this.#options.spread.list()]
      .sort((a, b) => b.atMs - a.atMs)
      .map(({ revoked, atMs }) => ({
        serial: revoked.kind === 'serial' ? revoked.serial.toString() : undefined,
        publicKey: revoked.kind === 'key' ? new Uint8Array(revoked.publicKey) : undefined,
        since: new Date(atMs),
      }));
  }

  useCertificate(certificate: Uint8Array): void {
    const { trust, identity, links, cluster, host } = this.#options;
    const { publicKey, endorsements } = identity;
    const owner = { cluster, name: links.self.node };
    const claim = { owner, publicKey, endorsements, wallMs: host.clock.wallMs() };
    const fault =
      trust.authority === undefined
        ? 'this node has no option `authority`'
        : trust.authority.useCertificate(certificate, claim);
    if (fault !== undefined) throw new BarrelError('ERR_OPTION', `certificate: ${fault}`);
  }

  close(): void {
    this.#options.spread.close();
  }
}
