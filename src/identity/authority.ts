/**
 * The trust mode `authority`, as one node holds it: the operator's key, the own certificate, what
 * was revoked, and which certified key each living name has. A certified key needs no pin; a second
 * one under a living name takes the name when its certificate has the greater serial, and so was
 * issued later. Under one serial only endorsements lead from key to key.
 */
import type { NodeName } from '../core/names.ts';
import { type KeyOwner, successionOf } from './endorsement.ts';
import { BINDINGS_MAX, ENDORSEMENTS_MAX } from './identity-limits.ts';
import {
  type CertificateQuestion,
  type Certified,
  type Grounds,
  judgeCertificates,
} from './node-certificate.ts';
import { isSameKey, type Refusal, refuse } from './pin.ts';
import { Revocations } from './revocation.ts';

/** Which key a living name has, by which certificate. */
export interface Binding {
  readonly publicKey: Uint8Array;
  readonly certified: Certified;
  readonly incarnation: bigint;
}

/** What a node shows in HELLO, and what was proven of it. */
export interface CertifiedClaim {
  /** Proven by TLS. */
  readonly publicKey: Uint8Array;
  readonly certificate: Uint8Array | undefined;
  readonly endorsements: readonly Uint8Array[];
  readonly owner: KeyOwner;
  readonly incarnation: bigint;
}

export type ShownCertificate = Omit<CertifiedClaim, 'incarnation'>;

export type BindingVerdict =
  | Refusal
  | {
      readonly kind: 'known' | 'new' | 'successor';
      readonly certified: Certified;
    };

export interface AuthorityOptions {
  /** Raw key of the operator. */
  readonly publicKey: Uint8Array;
  /** Of this node, as `issue` made it. */
  readonly certificate: Uint8Array;
}

/** This node, for whom a certificate should be. */
export type OwnClaim = Omit<CertificateQuestion, 'authorityKey'>;

export class Authority {
  readonly publicKey: Uint8Array;
  #certificate: Uint8Array;
  readonly revocations: Revocations = new Revocations();
  readonly #bindings = new Map<NodeName, Binding>();

  constructor({ publicKey, certificate }: AuthorityOptions) {
    this.publicKey = new Uint8Array(publicKey);
    this.#certificate = new Uint8Array(certificate);
  }

  /** Of this node, as it is shown in HELLO. */
  get certificate(): Uint8Array {
    return this.#certificate;
  }

  /** A sentence when it is not for that node; it is not shown then. */
  useCertificate(certificate: Uint8Array, claim: OwnClaim): string | undefined {
    const question = { ...claim, authorityKey: this.publicKey };
    const verdict = judgeCertificates(certificate, question);
    if (typeof verdict === 'string') return verdict;
    this.#certificate = new Uint8Array(certificate);
    return undefined;
  }

  binding(node: NodeName): Binding | undefined {
    return this.#bindings.get(node);
  }

  /** Holds a claim against certificates, revocations and the binding of the name. */
  judge(claim: CertifiedClaim, wallMs: number): BindingVerdict {
    const certified = judgeCertificates(claim.certificate, this.#questionOf(claim, wallMs));
    if (typeof certified === 'string') return refuse('certificate', certified);
    if (this.isRevoked(certified)) return refuse('revoked', 'the operator has revoked it');
    return this.#judgeBinding(claim, certified);
  }

  /** What the certificate that is shown is worth, where no certificate is asked for. */
  groundsOf(claim: ShownCertificate, wallMs: number): Grounds | undefined {
    if (claim.certificate === undefined) return undefined;
    const certified = judgeCertificates(claim.certificate, this.#questionOf(claim, wallMs));
    return typeof certified === 'string' ? undefined : certified;
  }

  /** Binds the name, which a verdict has let through. False when there is no room. */
  bind(claim: CertifiedClaim, certified: Certified): boolean {
    const { owner, publicKey, incarnation } = claim;
    if (!this.#bindings.has(owner.name) && this.#bindings.size >= BINDINGS_MAX) return false;
    this.#bindings.set(owner.name, { publicKey, certified, incarnation });
    return true;
  }

  /** False for more than a certificate can be shown for: none of its keys is forgotten. */
  mayRebind(node: NodeName, rotations: number): boolean {
    const known = this.#bindings.get(node);
    return known === undefined || known.certified.rotations + rotations <= ENDORSEMENTS_MAX;
  }

  /** The key of a living name was rotated. `former` are those that led to it, newest first. */
  rebind(node: NodeName, publicKey: Uint8Array, former: readonly Uint8Array[]): void {
    const known = this.#bindings.get(node);
    if (known === undefined || former.length === 0) return;
    const { certified } = known;
    const keys = [publicKey, ...former, ...certified.keys];
    const rotations = certified.rotations + former.length;
    this.#bindings.set(node, { ...known, publicKey, certified: { ...certified, keys, rotations } });
  }

  /** That start of the node is gone: whoever has a certificate may have the name. */
  release(node: NodeName, incarnation: bigint): void {
    const known = this.#bindings.get(node);
    if (known !== undefined && known.incarnation <= incarnation) this.#bindings.delete(node);
  }

  isRevoked({ keys, serials }: Grounds): boolean {
    const { revocations } = this;
    return (
      keys.some((key) => revocations.hasKey(key)) ||
      serials.some((serial) => revocations.hasSerial(serial))
    );
  }

  #questionOf(claim: ShownCertificate, wallMs: number): CertificateQuestion {
    const { owner, publicKey, endorsements } = claim;
    return { authorityKey: this.publicKey, owner, publicKey, endorsements, wallMs };
  }

  #judgeBinding(claim: CertifiedClaim, certified: Certified): BindingVerdict {
    const known = this.#bindings.get(claim.owner.name);
    if (known === undefined) return { kind: 'new', certified };
    if (isSameKey(known.publicKey, claim.publicKey) || this.#isRotated(known, claim)) {
      return { kind: 'known', certified };
    }
    if (certified.serial > known.certified.serial) return { kind: 'successor', certified };
    return refuse('key-mismatch', 'another key has this name by a certificate as late or later');
  }

  #isRotated({ publicKey: from }: Binding, claim: CertifiedClaim): boolean {
    const { endorsements, owner, publicKey: to } = claim;
    return successionOf({ endorsements, owner, from, to }) !== undefined;
  }
}
