/** The gate of this node: what it says in its HELLO, whom it lets in, whom it remembers. */
import type { Address, NodeName } from '../core/names.ts';
import type { Host } from '../host/host.ts';
import {
  type AdmissionContext,
  type AdmissionSelf,
  claimOf,
  judge,
  type Verdict,
} from '../identity/admission.ts';
import { encodeHello, type ForeignHello, type Hello } from '../identity/hello.ts';
import { proofOf } from '../identity/secret.ts';
import type { TrustTable } from '../identity/trust.ts';
import type { Connection } from '../transport/transport.ts';
import type { Gate } from './handshake.ts';

export interface AdmissionGateOptions {
  readonly host: Pick<Host, 'clock'>;
  readonly self: AdmissionSelf;
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
}

export class AdmissionGate implements Gate {
  readonly #options: AdmissionGateOptions;

  constructor(options: AdmissionGateOptions) {
    this.#options = options;
  }

  hello(connection: Connection, dialled: NodeName | undefined): Uint8Array {
    const { self, incarnation, ephemeral, host, addresses } = this.#options;
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
      endorsements: [],
      dialled,
      proof: this.#proof(connection),
    });
  }

  judge(
    hello: Hello | ForeignHello,
    connection: Connection,
    dialled: NodeName | undefined,
  ): Verdict {
    return judge(hello, this.#context(hello, connection, dialled));
  }

  pin(hello: Hello, connection: Connection): Promise<Verdict> {
    const claim = claimOf(hello, this.#context(hello, connection, undefined));
    return this.#options.trust.admit(hello.name, claim);
  }

  #context(
    hello: Hello | ForeignHello,
    connection: Connection,
    dialledName: NodeName | undefined,
  ): AdmissionContext {
    const { self, secretKey, host, trust, seenIncarnation } = this.#options;
    const name = hello.kind === 'hello' ? hello.name : '';
    return {
      self,
      role: connection.role,
      peerKey: connection.peerKey,
      dialledName,
      secretKey,
      wallMs: host.clock.wallMs(),
      seenIncarnation: seenIncarnation(name),
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
      ownKey: self.publicKey,
      peerKey: connection.peerKey,
      cluster: self.cluster,
      name: self.name,
    });
  }
}
