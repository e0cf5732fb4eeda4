/**
 * The identity of a running node, and how it changes: the new key is made, endorsed by the old one
 * and kept; new sessions show it; whoever is connected is told and answers, whoever is not reads it
 * in HELLO. The same for others: what this node knows of them follows their statements.
 */

import type { Link } from '../cluster/link.ts';
import type { LinkPort } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { countersign, endorse, type KeyOwner } from '../identity/endorsement.ts';
import { ENDORSEMENTS_MAX, ROTATE_TIMEOUT_MS } from '../identity/identity-limits.ts';
import { createKeyPair, type KeyPair } from '../identity/keys.ts';
import { isCertificateFor } from '../identity/node-certificate.ts';
import {
  type Identity,
  type OwnIdentity,
  type OwnKeys,
  type Rotation,
  succeeded,
} from '../identity/own-identity.ts';
import { saveCertificate, saveRotation } from '../identity/rotation-files.ts';
import type { TrustTable } from '../identity/trust.ts';
import type { Timed } from '../observable.ts';
import { abortable, settlement } from '../settlement.ts';
import type { TransportIdentity } from '../transport/transport.ts';
import { Acknowledgements } from './acknowledgements.ts';
import {
  decodeRotate,
  decodeRotated,
  encodeRotate,
  encodeRotated,
  ROTATE,
  ROTATED,
  type Rotate,
} from './rotation-frames.ts';

/** PEM of a new certificate for a key of that node. */
export type Certify = (keyPair: KeyPair, name: NodeName) => Promise<string>;

export interface NodeIdentityOptions {
  readonly host: Host;
  readonly identity: OwnIdentity;
  readonly trust: TrustTable;
  readonly links: LinkPort;
  readonly cluster: string;
  /** Absolute. Undefined: nothing is kept. */
  readonly dataDir: string | undefined;
  readonly certify: Certify;
  /** Makes new sessions show that key, and the roster say it. */
  readonly show: (identity: TransportIdentity) => void;
}

export class NodeIdentity implements Identity {
  readonly #options: NodeIdentityOptions;
  readonly #links = new Map<NodeName, Link>();
  /** Of rotations that are waited for: an answer to a later one is one to all before it. */
  readonly #waiting = new Set<Acknowledgements>();
  #lastChange: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: NodeIdentityOptions) {
    this.#options = options;
    const { links } = options;
    links.listen({
      onLinkUp: (link) => this.#onLinkUp(link),
      onLinkDown: ({ node }) => void this.#links.delete(node),
    });
    links.read([ROTATE, ROTATED], (link, frame) => this.#onFrame(link, frame));
  }

  get publicKey(): Uint8Array {
    return new Uint8Array(this.#options.identity.publicKey);
  }

  get fingerprint(): string {
    return this.#options.identity.fingerprint;
  }

  async rotate(options: Timed = {}): Promise<Rotation> {
    const { timeoutMs = ROTATE_TIMEOUT_MS, signal } = options;
    signal?.throwIfAborted();
    const { fingerprint, acknowledgements } = await abortable(
      this.#inTurn(() => this.#rotate()),
      signal,
    );
    await this.#allOf(acknowledgements, timeoutMs, signal);
    return { fingerprint, pending: acknowledgements.pending };
  }

  rotateCertificate(): Promise<void> {
    return this.#inTurn(async () => {
      const { identity, links, host, dataDir, certify } = this.#options;
      const { keyPair } = identity.keys;
      const certificatePem = await certify(keyPair, links.self.node);
      await saveCertificate({ host, dataDir }, certificatePem);
      this.#show(keyPair, certificatePem);
    });
  }

  /** Nothing is rotated any more. */
  close(): void {
    this.#isClosed = true;
  }

  async #rotate(): Promise<{
    readonly fingerprint: string;
    readonly acknowledgements: Acknowledgements;
  }> {
    const { identity, links, host, dataDir, certify } = this.#options;
    const keys = this.#newKeys();
    this.#checkCertified(keys);
    const certificatePem = await certify(keys.keyPair, links.self.node);
    await saveRotation({ host, dataDir }, keys, certificatePem);
    this.#checkOpen();
    identity.change(keys);
    this.#show(keys.keyPair, certificatePem);
    const { fingerprint, seq } = identity;
    host.logger.warn('the key of this node is a new one', { fingerprint, seq });
    const acknowledgements = new Acknowledgements(seq, this.#links.keys());
    for (const node of this.#links.keys()) this.#tell(node);
    return { fingerprint, acknowledgements };
  }

  #newKeys(): OwnKeys {
    const { identity, host } = this.#options;
    const { keyPair } = identity.keys;
    const next = createKeyPair(host.random);
    const words = { oldKey: keyPair.publicKey, newKey: next.publicKey, seq: identity.seq + 1 };
    return succeeded(identity.keys, next, endorse(keyPair.privateKeyPem, words, this.#owner));
  }

  /** Statements go the way of the oldest; a certificate of before them would be for nobody. */
  #checkCertified({ keyPair: { publicKey }, endorsements }: OwnKeys): void {
    const { authority } = this.#options.trust;
    if (authority === undefined) return;
    const question = { publicKey, endorsements, owner: this.#owner };
    if (isCertificateFor(authority.certificate, question)) return;
    throw new BarrelError(
      'ERR_IDENTITY',
      `${ENDORSEMENTS_MAX} rotations under one certificate: show another one for this key first`,
    );
  }

  #tell(node: NodeName): void {
    const { identity, links } = this.#options;
    const { endorsements, keyPair } = identity.keys;
    const last = endorsements.at(-1);
    if (last === undefined) return;
    const countersignature = countersign(keyPair.privateKeyPem, last, this.#owner);
    links.send(node, encodeRotate({ endorsements, countersignature }));
  }

  get #owner(): KeyOwner {
    const { cluster, links } = this.#options;
    return { cluster, name: links.self.node };
  }

  #show({ publicKey, privateKeyPem }: KeyPair, certificatePem: string): void {
    this.#options.show({ publicKey, privateKeyPem, certificatePem });
  }

  /** Resolves when everybody has followed, or the time is over. */
  async #allOf(
    acknowledgements: Acknowledgements,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const over = settlement<void>();
    const timer = this.#options.host.timers.after(timeoutMs, () => over.resolve());
    this.#waiting.add(acknowledgements);
    try {
      await abortable(Promise.race([acknowledgements.all, over.promise]), signal);
    } finally {
      this.#waiting.delete(acknowledgements);
      timer[Symbol.dispose]();
    }
  }

  #note(node: NodeName, seq: number): void {
    for (const acknowledgements of this.#waiting) acknowledgements.note(node, seq);
  }

  /** A session that began before a rotation does not know of it. */
  #onLinkUp(link: Link): void {
    const { identity } = this.#options;
    this.#links.set(link.node, link);
    if (Buffer.compare(link.connection.ownKey, identity.publicKey) === 0) {
      this.#note(link.node, identity.seq);
    } else {
      this.#tell(link.node);
    }
  }

  #onFrame(link: Link, frame: Uint8Array): void {
    if (frame[0] === ROTATED) {
      this.#note(link.node, decodeRotated(frame));
      return;
    }
    void this.#follow(link, decodeRotate(frame));
  }

  async #follow(link: Link, rotate: Rotate): Promise<void> {
    const { trust, links, cluster } = this.#options;
    const { node } = link;
    try {
      const claim = { ...rotate, linkKey: link.key, cluster };
      const verdict = await trust.follow(node, claim);
      if (this.#links.get(node) !== link) return;
      if (verdict.kind === 'reject') {
        throw new WireError(`a rotation that is none: ${verdict.detail}`);
      }
      links.rekey(link, verdict.publicKey);
      links.send(node, encodeRotated(verdict.seq));
    } catch (error) {
      this.#refuse(link, error);
    }
  }

  /** What no honest node says ends the link; that a pin cannot be written does not. */
  #refuse({ node, connection }: Link, error: unknown): void {
    const { host } = this.#options;
    host.meter.counter('barrel_rotations_refused_total').value += 1;
    host.logger.error('did not follow a rotation', { node, error });
    if (error instanceof WireError) connection.close('key-mismatch', error.message);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new BarrelError('ERR_CLOSED', 'the node is closed');
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#lastChange.then(() => {
      this.#checkOpen();
      return change();
    });
    this.#lastChange = result.catch(() => {
      // Who asked for this change gets its error; the next one starts all the same.
    });
    return result;
  }
}
