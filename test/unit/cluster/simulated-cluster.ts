/** Clusters of whole overlays on virtual time and a simulated network, for the tests beside it. */

import { Cluster } from '../../../src/cluster/cluster.ts';
import type { ClusterOptions } from '../../../src/cluster/cluster-options.ts';
import { NodeClock } from '../../../src/cluster/node-clock.ts';
import type { LinkEvents, NodeRef } from '../../../src/cluster/ports.ts';
import type { EconomyConfig } from '../../../src/core/links/link-economy.ts';
import type { NeighborEvent } from '../../../src/core/membership/contract.ts';
import type { MemberEvent } from '../../../src/core/roster/contract.ts';
import { DiscoveryChain } from '../../../src/discovery/chain.ts';
import type { BarrelError } from '../../../src/errors.ts';
import type { Host } from '../../../src/host/host.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { systemDigest } from '../../../src/host/system-digest.ts';
import { fingerprintOf } from '../../../src/identity/fingerprint.ts';
import { createKeyPair } from '../../../src/identity/keys.ts';
import { firstKeys, OwnIdentity } from '../../../src/identity/own-identity.ts';
import { deriveSecretKey } from '../../../src/identity/secret.ts';
import { openTrustTable, type TrustTable } from '../../../src/identity/trust.ts';
import { MemoryFiles } from '../../../src/testing/memory-files.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { openMemoryTransport } from '../../../src/transport/memory/memory-transport.ts';
import { SimulatedNetwork } from '../../../src/transport/memory/network.ts';
import type { DialHook } from '../../../src/transport/pipe.ts';

export interface NodeSettings {
  readonly cluster?: string;
  readonly secret?: string;
  readonly incarnation?: bigint;
  readonly trust?: 'tofu' | 'strict';
  readonly heartbeatMs?: number;
  readonly wallOffsetMs?: number;
  /** Keeps an identity from another start. */
  readonly publicKey?: Uint8Array;
  readonly ephemeral?: boolean;
  readonly activeSize?: number;
  readonly port?: number;
  readonly economy?: Partial<EconomyConfig>;
  readonly dialHook?: DialHook;
  /** Default: 127.0.0.1. */
  readonly listenHost?: string;
}

export interface TestNode {
  readonly cluster: Cluster;
  readonly trust: TrustTable;
  readonly meter: Meter;
  readonly publicKey: Uint8Array;
  readonly neighborEvents: NeighborEvent[];
  readonly memberEvents: MemberEvent[];
  readonly messages: RecordedMessages;
  /** Later starts of this node that peers told of. */
  readonly stale: bigint[];
  /** Stops it without a word. */
  crash(): void;
}

/** What the features of a node would have seen. */
export class RecordedMessages implements LinkEvents {
  readonly frames: { readonly from: NodeRef; readonly text: string }[] = [];
  readonly ups: NodeRef[] = [];
  readonly downs: { readonly peer: NodeRef; readonly reason: string }[] = [];
  readonly unreachable: { readonly node: string; readonly error: BarrelError }[] = [];

  onLinkUp(peer: NodeRef): void {
    this.ups.push(peer);
  }

  onLinkDown(peer: NodeRef, reason: string): void {
    this.downs.push({ peer, reason });
  }

  onUnreachable(node: string, error: BarrelError): void {
    this.unreachable.push({ node, error });
  }

  onFrame(from: NodeRef, frame: Uint8Array): void {
    this.frames.push({ from, text: Buffer.from(frame).toString() });
  }

  onDrained(): void {
    // Nothing waits for it here.
  }
}

export class SimulatedClusters {
  readonly time: VirtualTime = new VirtualTime();
  readonly network: SimulatedNetwork;
  readonly #random: SeededRandom;
  #starts = 0n;

  constructor(seed = 1) {
    this.#random = new SeededRandom(seed);
    this.network = new SimulatedNetwork({
      clock: this.time,
      timers: this.time,
      random: this.#random,
      latencyMs: [1, 5],
    });
  }

  async start(name: string, settings: NodeSettings = {}): Promise<TestNode> {
    const host = this.#host(settings);
    const publicKey = settings.publicKey ?? createKeyPair(host.random).publicKey;
    const trust = await openTrustTable({
      host,
      dataDir: undefined,
      mode: settings.trust ?? 'tofu',
      onRemoved: (node) => cluster.revoke(node),
    });
    const neighborEvents: NeighborEvent[] = [];
    const memberEvents: MemberEvent[] = [];
    const stale: bigint[] = [];
    const cluster: Cluster = await Cluster.open({
      ...(await this.#options(name, settings, host, publicKey)),
      trust,
      onNeighbor: (event) => neighborEvents.push(event),
      onMember: (event) => memberEvents.push(event),
      onStale: (seen) => stale.push(seen),
    });
    const messages = new RecordedMessages();
    cluster.messages.attach(messages);
    cluster.begin();
    const crash = (): void => {
      this.network.endpointAt(cluster.address)?.crash();
      void cluster.close();
    };
    const { meter } = host;
    return {
      cluster,
      trust,
      meter,
      publicKey,
      neighborEvents,
      memberEvents,
      messages,
      stale,
      crash,
    };
  }

  /** A host in this world that counts with that node. */
  hostOf({ meter }: TestNode): Host {
    return { ...this.#host({}), meter };
  }

  /** Lets a promise settle in virtual time. */
  async settled<T>(promise: Promise<T>, timeoutMs = 30_000): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await this.time.runUntil(() => isSettled, timeoutMs);
    return promise;
  }

  async #options(
    name: string,
    settings: NodeSettings,
    host: Host,
    publicKey: Uint8Array,
  ): Promise<Omit<ClusterOptions, 'trust' | 'onNeighbor' | 'onMember' | 'onStale'>> {
    const { cluster = 'test', secret, heartbeatMs = 500, port = 0 } = settings;
    this.#starts += 1n;
    return {
      host,
      self: {
        name,
        cluster,
        versionMin: 1,
        versionMax: 1,
        heartbeatMs,
        ringSize: 0,
      },
      identity: new OwnIdentity(firstKeys({ publicKey, privateKeyPem: '' })),
      incarnation: settings.incarnation ?? this.#starts,
      ephemeral: settings.ephemeral ?? true,
      secretKey: secret === undefined ? undefined : await deriveSecretKey(secret, cluster),
      clock: await NodeClock.open({ host, bound: undefined }),
      durable: undefined,
      discovery: new DiscoveryChain([], { logger: silentLogger, timers: this.time }),
      membership: { activeSize: settings.activeSize ?? 5 },
      suspicion: { suspicionMinMs: 2_000, suspicionMaxMs: 10_000 },
      economy: { idleMs: 60_000, onDemandMax: 256, ...settings.economy },
      dialHook: settings.dialHook,
      openTransport: (onConnection) =>
        openMemoryTransport({
          network: this.network,
          identity: { publicKey },
          listen: { host: settings.listenHost, port },
          onConnection,
        }),
      advertise: (bound) => [bound],
      record: (addresses) => ({
        addresses,
        fingerprint: fingerprintOf(publicKey),
        ephemeral: settings.ephemeral ?? true,
        version: '0.0.0',
        weight: 1,
        meta: new Uint8Array(0),
        neighbors: [],
      }),
    };
  }

  #host(settings: NodeSettings): Host {
    const { time } = this;
    const offsetMs = settings.wallOffsetMs ?? 0;
    return {
      clock: { monotonicMs: () => time.monotonicMs(), wallMs: () => time.wallMs() + offsetMs },
      timers: time,
      random: this.#random,
      files: new MemoryFiles(),
      digest: systemDigest,
      openStore: () => Promise.reject(new Error('no store here')),
      openUdp: () => Promise.reject(new Error('no UDP in a simulation')),
      logger: silentLogger,
      meter: new Meter(),
      lookup: (host) => Promise.resolve([host]),
      hostName: 'simulated',
      externalAddresses: () => [],
    };
  }
}

/** Joins through the overlay of a node that runs already. */
export async function join(
  clusters: SimulatedClusters,
  node: TestNode,
  contact: TestNode,
): Promise<void> {
  const link = await clusters.settled(node.cluster.dialler.toAddress(contact.cluster.address));
  await clusters.settled(node.cluster.overlay.join(link));
}
