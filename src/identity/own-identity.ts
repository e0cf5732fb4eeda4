/**
 * The keys of this node: the one that it proves now, the statements that lead to it, and those
 * before, which nobody else may show. Everything that shows or signs with the own key asks here.
 */
import type { Timed } from '../observable.ts';
import { decodeEndorsement } from './endorsement.ts';
import { fingerprintOf } from './fingerprint.ts';
import { ENDORSEMENTS_MAX } from './identity-limits.ts';
import type { KeyPair } from './keys.ts';

/** Who a node is, whatever it is called. */
export interface Identity {
  /** Raw 32-byte Ed25519 key: the identity, and the key of this node's TLS certificate. */
  readonly publicKey: Uint8Array;
  /** `SHA256:` and base64 of the digest of the raw key, as ssh prints it. */
  readonly fingerprint: string;
  /**
   * A new key, endorsed by the old one: peers that pinned the old key follow by themselves, those
   * that are away when they meet this node again. Connections stay; new ones show the new key. With
   * a `dataDir` the old files are kept in `identity/backups/`, and the new key is durable before
   * anybody hears of it. Waits up to `timeoutMs`, default 5 s, for the peers with a connection;
   * `pending` names those of them that did not acknowledge.
   * @throws ERR_IDENTITY the key stays, also for a 17th rotation under one certificate of the
   * option `authority`: `trust.useCertificate` shows another one first; ERR_CLOSED; the signal's
   * reason: before the new key is durable nothing has changed, after that the node has it.
   */
  rotate(options?: Timed): Promise<Rotation>;
  /**
   * A new certificate for the same key. No restart, no peer notices. @throws ERR_IDENTITY
   */
  rotateCertificate(): Promise<void>;
}

/** What a rotation has come to. */
export interface Rotation {
  /** Of the new key. */
  readonly fingerprint: string;
  /** Peers that did not acknowledge yet, sorted. */
  readonly pending: readonly string[];
}

/** Keys of one node as they are kept. */
export interface OwnKeys {
  readonly keyPair: KeyPair;
  /** Statements that lead to the key, oldest first, at most 16. */
  readonly endorsements: readonly Uint8Array[];
  /** The very first key: default names come from it. */
  readonly firstKey: Uint8Array;
}

export class OwnIdentity {
  #keys: OwnKeys;
  #fingerprint: string;

  constructor(keys: OwnKeys) {
    this.#keys = keys;
    this.#fingerprint = fingerprintOf(keys.keyPair.publicKey);
  }

  /** All of them, as they are now. */
  get keys(): OwnKeys {
    return this.#keys;
  }

  get publicKey(): Uint8Array {
    return this.#keys.keyPair.publicKey;
  }

  get fingerprint(): string {
    return this.#fingerprint;
  }

  get endorsements(): readonly Uint8Array[] {
    return this.#keys.endorsements;
  }

  /** Of the last statement; 0 before the first rotation. */
  get seq(): number {
    const last = this.#keys.endorsements.at(-1);
    return last === undefined ? 0 : decodeEndorsement(last).seq;
  }

  /** True for a key that this node has given up. */
  isFormer(key: Uint8Array): boolean {
    const { firstKey, endorsements, keyPair } = this.#keys;
    if (Buffer.compare(key, keyPair.publicKey) === 0) return false;
    const former = [firstKey, ...endorsements.map((bytes) => decodeEndorsement(bytes).oldKey)];
    return former.some((one) => Buffer.compare(one, key) === 0);
  }

  /** From now on this is the node's key. */
  change(keys: OwnKeys): void {
    this.#keys = keys;
    this.#fingerprint = fingerprintOf(keys.keyPair.publicKey);
  }
}

/** The keys after a rotation: the statement joins the others, the oldest goes when they are 17. */
export function succeeded(keys: OwnKeys, keyPair: KeyPair, statement: Uint8Array): OwnKeys {
  const endorsements = [...keys.endorsements, statement].slice(-ENDORSEMENTS_MAX);
  return { keyPair, endorsements, firstKey: keys.firstKey };
}

/** Keys that no rotation has touched. */
export function firstKeys(keyPair: KeyPair): OwnKeys {
  return { keyPair, endorsements: [], firstKey: keyPair.publicKey };
}
