/** The features of a node on its overlay, in the order in which they stand on each other. */
import type { NodeEvent } from './barrel-node.ts';
import type { Cluster } from './cluster/cluster.ts';
import type { NodeClock } from './cluster/node-clock.ts';
import { leaseConfig } from './core/election/election-config.ts';
import type { NodeName } from './core/names.ts';
import type { KeyHash } from './core/placement/key-hash.ts';
import type { Credentials } from './credentials.ts';
import type { DurableStore } from './host/durable-store.ts';
import type { Host } from './host/host.ts';
import { LeaderElections } from './leaders/leader-elections.ts';
import { MapRegistry } from './maps/map-registry.ts';
import type { EventSource } from './observable.ts';
import type { ResolvedOptions } from './options.ts';
import { NodePaths } from './paths/node-paths.ts';
import { ProcessTable } from './processes/process-table.ts';
import { openCron } from './reminders/cron.ts';
import { NodeReminders } from './reminders/node-reminders.ts';
import { ServiceRegistry } from './services/service-registry.ts';
import { HandOff } from './shards/hand-off-driver.ts';
import { NodeShards } from './shards/node-shards.ts';
import { NodeStreams } from './streams/node-streams.ts';
import { TopicHub } from './topics/topic-hub.ts';
import { type Certify, NodeIdentity } from './trust/node-identity.ts';
import { NodeTrust } from './trust/node-trust.ts';
import { RevocationSpread } from './trust/revocation-spread.ts';

export interface FeatureParts {
  readonly host: Host;
  readonly options: ResolvedOptions;
  readonly cluster: Cluster;
  readonly credentials: Credentials;
  /** Makes certificates for TLS. */
  readonly certify: Certify;
  readonly clock: NodeClock;
  /** Undefined without a data directory. */
  readonly durable: DurableStore | undefined;
  readonly events: EventSource<NodeEvent>;
  /** Loads the hash function of placement. */
  readonly loadKeyHash: () => Promise<KeyHash>;
}

export interface Features {
  readonly processes: ProcessTable;
  readonly services: ServiceRegistry;
  readonly topics: TopicHub;
  readonly leaders: LeaderElections;
  readonly shards: NodeShards;
  readonly maps: MapRegistry;
  readonly reminders: NodeReminders;
  readonly streams: NodeStreams;
  readonly identity: NodeIdentity;
  readonly trust: NodeTrust;
  readonly paths: NodePaths;
}

/** When one of them cannot be opened, nothing stays open. Throws what that one throws. */
export async function openFeatures(parts: FeatureParts): Promise<Features> {
  try {
    return await openAll(parts);
  } catch (error) {
    await parts.cluster.close();
    throw error;
  }
}

async function openAll(parts: FeatureParts): Promise<Features> {
  const { host, options, cluster } = parts;
  const processes = new ProcessTable({
    host,
    links: cluster.messages,
    resolveService: (name) => services.resolve(name),
    authorize: options.authorize,
    servicesOf: (pid) => services.namesOf(pid),
    isProxy: (pid) => services.isProxy(pid),
    isInternal: (pid) => reminders.isOwnProcess(pid),
  });
  const services: ServiceRegistry = new ServiceRegistry({
    self: cluster.self,
    table: cluster.table,
    queries: cluster.queries,
    processes,
    elections: () => leaders.reserved,
    members: cluster,
    host,
    rttMs: (node) => cluster.rttMs(node),
  });
  const topics = new TopicHub({ broadcasts: cluster.broadcasts, logger: host.logger });
  const leaders: LeaderElections = await openLeaders(parts, processes);
  const shards = await openShards(parts);
  const maps = await openMaps(parts);
  const reminders: NodeReminders = await openReminders(parts, { processes, shards });
  const streams = new NodeStreams({ host, links: cluster.links });
  const trusted = await openTrust(parts);
  const paths = openPaths(parts);
  const built = { processes, services, topics, leaders, shards, maps, reminders };
  return { ...built, streams, paths, ...trusted };
}

async function openTrust(parts: FeatureParts): Promise<Pick<Features, 'identity' | 'trust'>> {
  const { host, cluster, credentials, certify } = parts;
  const { dataDir, cluster: clusterName } = parts.options;
  const { links, stores } = cluster;
  const ground = { host, links, dataDir, trust: credentials.trust, identity: credentials.identity };
  return {
    identity: new NodeIdentity({
      ...ground,
      cluster: clusterName,
      certify,
      show: (identity) => cluster.setIdentity(identity),
    }),
    trust: new NodeTrust({
      ...ground,
      cluster: clusterName,
      spread: await RevocationSpread.open({
        ...ground,
        stores,
        end: (node) => cluster.revoke(node),
      }),
    }),
  };
}

function openPaths({ host, options, cluster }: FeatureParts): NodePaths {
  const { paths, listen } = options;
  return new NodePaths({ host, links: cluster.links, auto: paths.auto, listenHost: listen.host });
}

function openLeaders(
  { host, options, cluster, clock, durable }: FeatureParts,
  processes: ProcessTable,
): Promise<LeaderElections> {
  const { elections: port, stores } = cluster;
  const config = leaseConfig(options.liveness.suspicionMinMs);
  return LeaderElections.open({ host, clock, durable, processes, port, stores, config });
}

async function openShards({
  host,
  options,
  cluster,
  loadKeyHash,
}: FeatureParts): Promise<NodeShards> {
  const { handOffMs, ...placed } = options.shards;
  const port = cluster.shards;
  return new NodeShards({
    ...placed,
    host,
    port,
    hash: await loadKeyHash(),
    openCustody: (ground) => new HandOff({ ...ground, host, port, handOffMs }),
  });
}

/** Those that the options name. */
async function openMaps({ host, options, cluster }: FeatureParts): Promise<MapRegistry> {
  const { dataDir, maps: declared } = options;
  const maps = new MapRegistry({ stores: cluster.stores, host, hasDataDir: dataDir !== undefined });
  try {
    await maps.openDeclared(declared);
    return maps;
  } catch (error) {
    await maps.close();
    throw error;
  }
}

async function openReminders(
  { host, cluster, clock, events, durable }: FeatureParts,
  parts: Pick<Features, 'processes' | 'shards'>,
): Promise<NodeReminders> {
  const { self, stores } = cluster;
  const members = (): NodeName[] => cluster.alive().map(({ node }) => node);
  const reminders = await NodeReminders.open({
    ...parts,
    host,
    clock,
    self,
    stores,
    members,
    openCron,
    isKept: durable !== undefined,
  });
  events.on('memberUp', ({ node }) => reminders.memberCame(node));
  events.on('memberDown', ({ node, reason }) => reminders.memberWent(node, reason === 'left'));
  return reminders;
}
