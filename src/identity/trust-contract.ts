/** What users see of trust: which keys count, and how that is changed. */
import type { NodeName } from '../core/names.ts';
import type { PinnedBy, TrustMode } from './pin.ts';

/** One entry of `Trust.list`. */
export interface TrustedNode {
  readonly node: NodeName;
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly fingerprint: string;
  readonly since: Date;
  readonly by: PinnedBy;
}

/** Which keys are trusted, for operators. Reads are local and at once. */
export interface Trust {
  mode(): TrustMode;
  /**
   * Holds for admissions from now on; live connections stay.
   * @throws ERR_OPTION; also for `authority` on a node without the option of that name.
   */
  setMode(mode: TrustMode): void;
  /** All pins, sorted by name. */
  list(): readonly TrustedNode[];
  /** Raw key pinned for that node. */
  lookup(node: NodeName): Uint8Array | undefined;
  /**
   * Binds a name to a key. Durable before it resolves, where there is a data directory.
   * @throws ERR_CONFLICT when another key is pinned: unpin first; ERR_OPTION for what is no node
   * name or key; ERR_OVERLOADED when the table is full; ERR_STORE. Nothing is changed then.
   */
  pin(node: NodeName, publicKey: Uint8Array): Promise<void>;
  /** Forgets the key of that node and closes live connections to it. @throws ERR_STORE */
  unpin(node: NodeName): Promise<void>;
  /**
   * Makes a revocation that the operator has signed (`barrel authority revoke`) count on every
   * node, for good: live connections end at once. Durable here before it resolves.
   * @throws ERR_OPTION for what the operator of this node has not signed, or a node without the
   * option `authority`; ERR_OVERLOADED when 4,096 are known; ERR_STORE.
   */
  revoke(revocation: Uint8Array): Promise<void>;
  /** What counts here, the latest first. */
  revocations(): readonly RevokedItem[];
  /**
   * Shows another certificate of the same operator from now on, before the one that is shown
   * expires. At the next start the option counts again.
   * @throws ERR_OPTION when it is not for this node, or the node has no option `authority`.
   */
  useCertificate(certificate: Uint8Array): void;
}

/** One entry of `Trust.revocations`: a certificate by its serial, or a key. */
export interface RevokedItem {
  /** Decimal digits. */
  readonly serial: string | undefined;
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array | undefined;
  readonly since: Date;
}

/** What of it the table does by itself. */
export type PinnedKeys = Omit<Trust, 'revoke' | 'revocations' | 'useCertificate'>;
