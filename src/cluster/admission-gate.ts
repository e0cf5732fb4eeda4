/** The gate of this node: what it says in its HELLO, whom it lets in, whom it remembers. */
import type { Address, NodeName } from '../core/names.ts';
import type { Host } from '../host/host.ts';
import {
  type AdmissionContext,
  type AdmissionSelf,
  certifiedClaimOf,
  claimOf,
  judge,
  type LivingKey,
  type Verdict,
} from '../identity/admission.ts';
import { successionOf } from '../identity/endorsement.ts';
import { encodeHello, type ForeignHello, type Hello } from '../identity/hello.ts';
import type { OwnIdentity } from '../identity/own-identity.ts';
import { proofOf } from '../identity/secret.ts';
import type { TrustTable } from '../identity/trust.ts';
import type { Connection } from '../transport/transport.ts';
import type { Gate } from './handshake.ts';

export interface AdmissionGateOptions {
  readonly host: Pick<Host, 'clock'>;
  readonly self: Omit<AdmissionSelf, 'publicKey'>;
  readonly identity: OwnIdentity;
  readonly incarnation: bigint;
  /** Known only when the socket is bound. */
  readonly addresses: () => readonly Address[];
  /** This node has no data directory. */
  readonly ephemeral: boolean;
  /** Derived join secret; undefined without one. */
  readonly secretKey: Uint8Array | undefined;
  readonly trust: TrustTable;
  /** Greatest incarnation that the roster knows of a node. */
  readonly seenIncarnation: (node: NodeName) => bigint | undefined;
  /** What the roster says of the key of a node that lives. */
  readonly living: (node: NodeName) => LivingKey | undefined;
}

export class AdmissionGate implements Gate {
  readonly #options: AdmissionGateOptions;

  constructor(options: AdmissionGateOptions) {
    this.#options = options;
  }

  hello(connection: Connection, dialled: NodeName | undefined): Uint8Array {
    const { self, incarnation, ephemeral, host, addresses, identity, trust } = this.#options;
    return encodeHello({
      role: connection.role,
      versionMin: self.versionMin,
      versionMax: self.versionMax,
      cluster: self.cluster,
      name: self.name,
      incarnation,
      addresses: addresses(),
      ephemeral,
      heartbeatMs: self.heartbeatMs,
      ringSize: self.ringSize,
      wallMs: host.clock.wallMs(),
      features: 0,
      endorsements: identity.endorsements,
      dialled,
      proof: this.#proof(connection),
      certificate: trust.authority?.certificate,
    });
  }

  judge(
    hello: Hello | ForeignHello,
    connection: Connection,
    dialled: NodeName | undefined,
  ): Verdict {
    return judge(hello, this.#context(hello, connection, dialled));
  }

  endorsements(): readonly Uint8Array[] {
    return this.#options.identity.endorsements;
  }

  isEndorsed(
    node: NodeName,
    { peerKey }: Connection,
    endorsements: readonly Uint8Array[],
  ): boolean {
    const { trust, self } = this.#options;
    const from = trust.expectedKey(node);
    const owner = { cluster: self.cluster, name: node };
    const question = { endorsements, owner, to: peerKey, above: trust.pinOf(node)?.rotation?.seq };
    return from === undefined || successionOf({ ...question, from }) !== undefined;
  }

  async pin(hello: Hello, connection: Connection): Promise<Verdict> {
    const { trust } = this.#options;
    const context = this.#context(hello, connection, undefined);
    // Since the HELLO was judged a key may have been revoked, or a pin removed.
    const verdict = judge(hello, context);
    if (verdict.kind === 'reject') return verdict;
    if (context.mode === 'authority') return trust.admitCertified(certifiedClaimOf(hello, context));
    return trust.admit(hello.name, claimOf(hello, context));
  }

  #context(
    hello: Hello | ForeignHello,
    connection: Connection,
    dialledName: NodeName | undefined,
  ): AdmissionContext {
    const { self, identity, secretKey, host, trust, seenIncarnation, living } = this.#options;
    const name = hello.kind === 'hello' ? hello.name : '';
    return {
      self: { ...self, publicKey: connection.ownKey },
      role: connection.role,
      peerKey: connection.peerKey,
      isFormerKey: (key) => identity.isFormer(key),
      authority: trust.authority,
      dialledName,
      secretKey,
      wallMs: host.clock.wallMs(),
      seenIncarnation: seenIncarnation(name),
      living: living(name),
      pin: trust.pinOf(name),
      mode: trust.mode(),
    };
  }

  #proof(connection: Connection): Uint8Array | undefined {
    const { self, secretKey } = this.#options;
    if (secretKey === undefined) return undefined;
    return proofOf({
      key: secretKey,
      role: connection.role,
      ownKey: connection.ownKey,
      peerKey: connection.peerKey,
      cluster: self.cluster,
      name: self.name,
    });
  }
}
