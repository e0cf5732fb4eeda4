/** What a cluster is made of: the world it is put into, and who wants to hear of it. */
import type { EconomyConfig } from '../core/links/link-economy.ts';
import type { HyParViewConfig } from '../core/membership/config.ts';
import type { NeighborEvent } from '../core/membership/contract.ts';
import type { Address } from '../core/names.ts';
import type { MemberEvent } from '../core/roster/contract.ts';
import type { MemberRecord } from '../core/roster/entry.ts';
import type { Discovery } from '../discovery/discovery.ts';
import type { DurableStore } from '../host/durable-store.ts';
import type { Host } from '../host/host.ts';
import type { AdmissionSelf } from '../identity/admission.ts';
import type { OwnIdentity } from '../identity/own-identity.ts';
import type { TrustTable } from '../identity/trust.ts';
import type { DialHook } from '../transport/pipe.ts';
import type { OnConnection, Transport } from '../transport/transport.ts';
import type { NodeClock } from './node-clock.ts';

export interface ClusterOptions {
  readonly host: Host;
  readonly self: Omit<AdmissionSelf, 'publicKey'>;
  readonly identity: OwnIdentity;
  readonly incarnation: bigint;
  readonly ephemeral: boolean;
  readonly secretKey: Uint8Array | undefined;
  readonly trust: TrustTable;
  readonly clock: NodeClock;
  /** Undefined without a data directory. */
  readonly durable: DurableStore | undefined;
  readonly discovery: Discovery;
  readonly membership: Partial<HyParViewConfig>;
  readonly suspicion: { readonly suspicionMinMs: number; readonly suspicionMaxMs: number };
  /** How many links are kept, and how long. */
  readonly economy: EconomyConfig;
  /** Undefined: all is dialled over the socket. */
  readonly dialHook: DialHook | undefined;
  readonly openTransport: (onConnection: OnConnection) => Promise<Transport>;
  /** Addresses to advertise, given the bound one. */
  readonly advertise: (bound: Address) => readonly Address[];
  /** What this node tells of itself in the roster. */
  readonly record: (addresses: readonly Address[]) => MemberRecord;
  readonly onNeighbor: (event: NeighborEvent) => void;
  readonly onMember: (event: MemberEvent) => void;
  /** A peer knows a later start of this node than this one. */
  readonly onStale: (seenIncarnation: bigint) => void;
}
