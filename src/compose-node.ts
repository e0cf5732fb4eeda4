/**
 * A node put together from its parts, in the order in which they start: identity, overlay, and the
 * features on it. The world is passed in, so that a real node and a
 * simulated one are the same code.
 */
import type { NodeEvent } from './barrel-node.ts';
import { storedClockBound } from './cluster/clock-bound.ts';
import { Cluster } from './cluster/cluster.ts';
import type { ClusterOptions } from './cluster/cluster-options.ts';
import { ContactLoop } from './cluster/contact-loop.ts';
import { joinThrough } from './cluster/joining.ts';
import { NodeClock } from './cluster/node-clock.ts';
import { SavedPeers } from './cluster/saved-peers.ts';
import { openFeatures } from './compose-features.ts';
import type { NeighborEvent } from './core/membership/contract.ts';
import type { PeerDescriptor } from './core/membership/peer.ts';
import type { Address } from './core/names.ts';
import type { KeyHash } from './core/placement/key-hash.ts';
import type { MemberEvent } from './core/roster/contract.ts';
import type { MemberRecord } from './core/roster/entry.ts';
import { encodeValue } from './core/wire/value.ts';
import { type Credentials, loadCredentials } from './credentials.ts';
import { advertisedAddresses } from './discovery/advertised.ts';
import { Announcement } from './discovery/announcement.ts';
import { DiscoveryChain } from './discovery/chain.ts';
import type { DurableStore } from './host/durable-store.ts';
import type { Host } from './host/host.ts';
import { PROTOCOL_VERSION_MAX, PROTOCOL_VERSION_MIN } from './identity/hello.ts';
import { incarnationAfter } from './identity/incarnation.ts';
import { EventSource } from './observable.ts';
import type { ResolvedOptions } from './options.ts';
import { RunningNode } from './running-node.ts';
import type { OnConnection, Transport } from './transport/transport.ts';
import type { Certify } from './trust/node-identity.ts';
import { VERSION } from './version.ts';

/** The neighbours and spares of a node, unsorted. */
export type Views = Pick<Cluster, 'activeView' | 'passiveView'>;

/** An overlay under test: what it holds, a way to keep nodes out of it, and its inside. */
export type TestedOverlay = Views & Pick<Cluster, 'block' | 'overlay'>;

/** What a node is put into: the machine, and a way to other nodes. */
export interface World {
  readonly host: Host;
  /** Binds the node's address. Rejects when that is not available. */
  openTransport(credentials: Credentials, onConnection: OnConnection): Promise<Transport>;
  /** Makes a certificate for TLS. */
  readonly certify: Certify;
  /** Derives the key of a join secret. */
  readonly deriveSecretKey: (secret: Uint8Array, cluster: string) => Promise<Uint8Array>;
  /** Loads the hash function of placement. */
  readonly loadKeyHash: () => Promise<KeyHash>;
  /** Given the overlay before anything happens in it, to look at and to test. */
  readonly observe?: ((overlay: TestedOverlay) => void) | undefined;
  /** Disposed when the node has ended, in this order. */
  readonly owned: readonly AsyncDisposable[];
}

/**
 * Starts a node in that world. Resolves when it listens; contacts are joined in the background.
 * @throws ERR_IDENTITY, ERR_STORE, what the transport throws, or the reason of the signal.
 */
export async function composeNode(world: World, options: ResolvedOptions): Promise<RunningNode> {
  const { host } = world;
  const { dataDir } = options;
  const durable = dataDir === undefined ? undefined : await host.openStore(`${dataDir}/store`);
  try {
    return await composeOn(world, options, durable);
  } catch (error) {
    await durable?.close();
    throw error;
  }
}

async function composeOn(
  world: World,
  options: ResolvedOptions,
  durable: DurableStore | undefined,
): Promise<RunningNode> {
  const { host } = world;
  const events = new EventSource<NodeEvent>(host.logger);
  const credentials = await loadCredentials(options, world, (node) => cluster.revoke(node));
  options.signal?.throwIfAborted();
  const { dataDir } = options;
  const known = await SavedPeers.load({ host, dataDir });
  const discovery = new DiscoveryChain(options.discovery, {
    logger: host.logger,
    timers: host.timers,
    cluster: options.cluster,
  });
  const clock = await openClock(host, durable);
  const cluster: Cluster = await Cluster.open({
    ...overlayOptions(host, options, credentials),
    host,
    clock,
    durable,
    discovery,
    economy: options.links,
    dialHook: options.dial,
    openTransport: (onConnection) => world.openTransport(credentials, onConnection),
    ...toldAs(events),
    onStale: (seen) => void overtake(host, options, seen),
  });
  world.observe?.(cluster);
  const parts = { host, cluster, clock, durable, events };
  const { certify, loadKeyHash } = world;
  const features = await openFeatures({
    ...parts,
    options,
    credentials,
    certify,
    loadKeyHash,
  });
  const contacts = contactLoop({ host, options, cluster, known, discovery, events });
  const announcement = new Announcement(discovery, credentials.name);
  cluster.links.listen({ onAddresses: (addresses) => void announcement.tell(addresses) });
  const node = new RunningNode({
    ...parts,
    ...features,
    options,
    contacts,
    savedPeers: new SavedPeers({ host, dataDir, peers: () => cluster.peers() }),
    announcement,
    owned: [announcement, ...(durable === undefined ? [] : [closed(durable)]), ...world.owned],
  });
  cluster.begin(known);
  try {
    await announcement.tell(cluster.addresses, options.signal);
  } catch (error) {
    await node.close();
    throw error;
  }
  contacts.start();
  return node;
}

interface ContactParts {
  readonly host: Host;
  readonly options: ResolvedOptions;
  readonly cluster: Cluster;
  readonly known: readonly PeerDescriptor[];
  readonly discovery: DiscoveryChain;
  readonly events: EventSource<NodeEvent>;
}

function contactLoop(parts: ContactParts): ContactLoop {
  const { host, options, cluster, known, discovery, events } = parts;
  return new ContactLoop({
    host,
    contacts: options.contacts,
    saved: known.flatMap(({ node, addresses: [first] }) => (first ? `${node}/${first}` : [])),
    discovery,
    join: async (contact, signal) => {
      const node = await joinThrough(cluster, contact, signal);
      events.emit({ type: 'joined', contact: node });
      return node;
    },
    isMember: (node) => node !== cluster.self.node && cluster.isMember(node),
    whoIsAt: (address) =>
      cluster.alive().find(({ record }) => record.addresses.includes(address))?.node,
    hasNeighbors: () => cluster.activeView().length > 0,
  });
}

/** Above what an earlier start has said, where there is a disk. */
function openClock(host: Host, durable: DurableStore | undefined): Promise<NodeClock> {
  return NodeClock.open({ host, bound: durable && storedClockBound(durable, host.logger) });
}

type OverlayOption =
  | 'self'
  | 'identity'
  | 'incarnation'
  | 'ephemeral'
  | 'secretKey'
  | 'trust'
  | 'membership'
  | 'suspicion'
  | 'advertise'
  | 'record';

function overlayOptions(
  host: Host,
  options: ResolvedOptions,
  credentials: Credentials,
): Pick<ClusterOptions, OverlayOption> {
  const { cluster, liveness, membership, shards, dataDir } = options;
  const { name, identity, incarnation, secretKey, trust } = credentials;
  return {
    self: {
      name,
      cluster,
      versionMin: PROTOCOL_VERSION_MIN,
      versionMax: PROTOCOL_VERSION_MAX,
      heartbeatMs: liveness.heartbeatMs,
      ringSize: shards.ringSize,
    },
    identity,
    incarnation,
    suspicion: liveness,
    ephemeral: dataDir === undefined,
    secretKey,
    trust,
    advertise: (bound) => options.advertise ?? advertisedAddresses(host, bound),
    record: (addresses) => memberRecord(options, credentials, addresses),
    membership: {
      activeSize: membership.activeSize,
      passiveSize: membership.passiveSize,
      activeWalkHops: membership.arwl,
      passiveWalkHops: membership.prwl,
      shufflePeriodMs: membership.shufflePeriodMs,
    },
  };
}

function closed(store: DurableStore): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => store.close() };
}

function memberRecord(
  { zone, meta, shards, dataDir }: ResolvedOptions,
  { identity: { fingerprint } }: Credentials,
  addresses: readonly Address[],
): MemberRecord {
  return {
    addresses,
    fingerprint,
    ephemeral: dataDir === undefined,
    version: VERSION,
    zone,
    weight: shards.weight,
    meta: encodeValue(meta),
    neighbors: [],
  };
}

/**
 * Pids of this start are out already, so that it cannot take a later number any more; the next
 * start will. That needs a data directory, or a clock that is right.
 */
async function overtake(host: Host, { dataDir }: ResolvedOptions, seen: bigint): Promise<void> {
  try {
    const next = await incarnationAfter(seen, { host, dataDir });
    host.logger.error('a later start of this node was seen: start it again', { seen, next });
  } catch (error) {
    host.logger.error('a later start of this node was seen, and noting it failed', { error });
  }
}

/** What happens in the overlay, as events of the node. */
function toldAs(events: EventSource<NodeEvent>): Pick<ClusterOptions, 'onNeighbor' | 'onMember'> {
  return {
    onNeighbor: (event) => events.emit(neighborEvent(event)),
    onMember: (event) => events.emit(memberEvent(event)),
  };
}

function neighborEvent(event: NeighborEvent): NodeEvent {
  const { type, node } = event;
  return type === 'peerUp' ? { type, node } : { type, node, reason: event.reason };
}

function memberEvent(event: MemberEvent): NodeEvent {
  const { type, node } = event;
  return type === 'memberDown' ? { type, node, reason: event.reason } : { type, node };
}
