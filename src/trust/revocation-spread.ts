/**
 * Revocations in the cluster: they spread by a store that every node hosts, count from the moment
 * they come, and end live links at once. Members can write what they like into that store; only
 * what the operator has signed counts, and what has counted once is put back when it is taken out.
 *
 * And what time does to trust: certificates run out, pins grow old unless their node is seen.
 */

import type { Link } from '../cluster/link.ts';
import type { LinkPort, ReplicatedStore, Stores } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import type { StoreWrite } from '../core/store/contract.ts';
import { REVOCATIONS } from '../core/store/hosts.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { Authority } from '../identity/authority.ts';
import { REVOCATIONS_MAX, TRUST_SWEEP_MS } from '../identity/identity-limits.ts';
import type { OwnIdentity } from '../identity/own-identity.ts';
import { type Revocation, readRevocation, revokedId } from '../identity/revocation.ts';
import { saveRevocations } from '../identity/revocation-file.ts';
import type { TrustTable } from '../identity/trust.ts';

const TOMBSTONE_MS = 60_000;

export interface RevocationSpreadOptions {
  readonly host: Host;
  readonly stores: Stores;
  readonly links: LinkPort;
  readonly trust: TrustTable;
  readonly identity: OwnIdentity;
  /** Absolute. Undefined: they are in memory, and come again from others. */
  readonly dataDir: string | undefined;
  /** Ends the link to that node, because of a revocation. */
  readonly end: (node: NodeName) => void;
}

export class RevocationSpread {
  readonly #options: RevocationSpreadOptions;
  readonly #store: ReplicatedStore;
  readonly #links = new Map<NodeName, Link>();
  #sweep: Disposable;
  #lastSave: Promise<void> = Promise.resolve();

  private constructor(options: RevocationSpreadOptions, store: ReplicatedStore) {
    this.#options = options;
    this.#store = store;
    options.links.listen({
      onLinkUp: (link) => this.#onLinkUp(link),
      onLinkDown: ({ node }) => void this.#links.delete(node),
    });
    store.onChange(({ key, value }) => this.#onChange(key, value));
    for (const [key, value] of store.entries()) this.#onChange(key, value);
    this.#sweep = this.#sweepLater();
  }

  /** @throws ERR_CLOSED */
  static async open(options: RevocationSpreadOptions): Promise<RevocationSpread> {
    const rules = { ownership: 'anyone', lifetime: 'own', persist: false } as const;
    const store = await options.stores.open(REVOCATIONS, {
      ...rules,
      tombstoneTtlMs: TOMBSTONE_MS,
    });
    return new RevocationSpread(options, store);
  }

  /**
   * Takes in what an operator has signed, here and everywhere; durable before it resolves.
   * @throws ERR_OPTION for what this node's operator has not signed, or a node without one;
   * ERR_OVERLOADED when 4,096 are known; ERR_STORE.
   */
  async revoke(bytes: Uint8Array): Promise<Revocation> {
    const { authority } = this.#options.trust;
    if (authority === undefined) {
      throw new BarrelError('ERR_OPTION', 'this node has no option `authority`');
    }
    const revocation = readRevocation(bytes, authority.publicKey);
    if (revocation === undefined) {
      throw new BarrelError('ERR_OPTION', 'not signed by the operator of this node');
    }
    const id = revokedId(revocation.revoked);
    if (!authority.revocations.has(id) && authority.revocations.isFull) {
      throw new BarrelError('ERR_OVERLOADED', `${REVOCATIONS_MAX} revocations are known already`);
    }
    this.#apply(authority, revocation, bytes);
    await this.#store.write([{ key: id, value: bytes.slice() }]);
    await this.#lastSave;
    return revocation;
  }

  /** Those that count here, in no order. */
  list(): readonly Revocation[] {
    const { authority } = this.#options.trust;
    return Array.from(authority?.revocations.all() ?? [], ([, { revocation }]) => revocation);
  }

  close(): void {
    this.#sweep[Symbol.dispose]();
  }

  #onChange(key: string, value: Uint8Array | undefined): void {
    const { authority } = this.#options.trust;
    if (authority === undefined || value === undefined || authority.revocations.has(key)) return;
    const revocation = readRevocation(value, authority.publicKey);
    if (revocation !== undefined && revokedId(revocation.revoked) === key) {
      this.#apply(authority, revocation, value);
    } else {
      this.#count('forged');
    }
  }

  #apply(authority: Authority, revocation: Revocation, bytes: Uint8Array): void {
    if (!authority.revocations.add(revocation, bytes)) {
      if (authority.revocations.isFull) this.#count('overload');
      return;
    }
    const { host, identity } = this.#options;
    const what = revokedId(revocation.revoked);
    host.logger.warn('the operator has revoked a certificate or key', { what });
    if (authority.revocations.hasKey(identity.publicKey)) {
      host.logger.error('the key of this node is revoked: others refuse it', {});
    }
    this.#save(authority);
    this.#endRevoked();
  }

  /**
   * A revocation may have come while the link was made, or while this end had parted from it. It
   * ends when everybody has heard of its beginning.
   */
  #onLinkUp(link: Link): void {
    this.#links.set(link.node, link);
    queueMicrotask(() => {
      if (this.#links.get(link.node) === link) this.#endIfRevoked(link);
    });
  }

  #endRevoked(): void {
    for (const link of [...this.#links.values()]) this.#endIfRevoked(link);
  }

  #endIfRevoked({ node, key }: Link): void {
    const { trust, end } = this.#options;
    if (trust.isRevoked(node, key)) end(node);
  }

  #save(authority: Authority): void {
    const { host, dataDir } = this.#options;
    if (dataDir === undefined) return;
    const saved = this.#lastSave.catch(() => {
      // Who waited for that one got its error; this one writes all of them.
    });
    this.#lastSave = saved.then(() => saveRevocations(host.files, dataDir, authority));
    this.#lastSave.catch((error: unknown) => {
      host.logger.error('cannot keep revocations', { error });
    });
  }

  #sweepLater(): Disposable {
    return this.#options.host.timers.after(TRUST_SWEEP_MS, () => {
      this.#putBack();
      this.#endExpired();
      for (const node of this.#links.keys()) void this.#options.trust.noteSeen(node);
      this.#sweep = this.#sweepLater();
    });
  }

  /** What a member took out or changed, and what nobody has since all were restarted. */
  #putBack(): void {
    const { authority } = this.#options.trust;
    const missing: StoreWrite[] = [];
    for (const [key, { bytes }] of authority?.revocations.all() ?? []) {
      const value = this.#store.get(key);
      if (value === undefined || Buffer.compare(value, bytes) !== 0) {
        missing.push({ key, value: bytes });
      }
    }
    if (missing.length === 0) return;
    this.#store.write(missing).catch((error: unknown) => {
      this.#options.host.logger.warn('cannot put revocations back', { error });
    });
  }

  #endExpired(): void {
    for (const { node, connection } of [...this.#links.values()]) {
      if (this.#options.trust.isExpired(node)) connection.close('certificate', 'expired');
    }
  }

  #count(what: 'forged' | 'overload'): void {
    this.#options.host.meter.counter('barrel_revocations_refused_total', { what }).value += 1;
  }
}
