/** The public face of barrel-p2p: everything that users import, by name. */
export type {
  BarrelNode,
  Member,
  NodeEvent,
  NodeStatus,
} from './barrel-node.ts';
export type { HybridClock } from './cluster/node-clock.ts';
export type { Address, NodeName } from './core/names.ts';
export { type Pid, parsePid } from './core/pid.ts';
export type { Key } from './core/wire/key.ts';
export type { Contact, Discovery } from './discovery/discovery.ts';
export { type DnsDiscoveryOptions, dnsDiscovery } from './discovery/dns.ts';
export { fileDiscovery } from './discovery/file.ts';
export { type MdnsDiscoveryOptions, mdnsDiscovery } from './discovery/mdns.ts';
export { staticDiscovery } from './discovery/static.ts';
export {
  BarrelError,
  type BarrelErrorDetails,
  type ErrorCode,
  type RefusalReason,
  type RemoteFailure,
} from './errors.ts';
export type { Logger } from './host/logger.ts';
export type { Identity, Rotation } from './identity/own-identity.ts';
export type { PinnedBy } from './identity/pin.ts';
export type { RevokedItem, Trust, TrustedNode } from './identity/trust-contract.ts';
export { FenceGuard } from './leaders/fence-guard.ts';
export type {
  CampaignOptions,
  Candidacy,
  CandidacyEvent,
  ElectionMode,
  KnownElection,
  Leader,
  Leaders,
  Quorum,
  Term,
} from './leaders/leaders.ts';
export type {
  HostedMap,
  MapEvent,
  MapOptions,
  Maps,
  PutOptions,
  ReplicatedMap,
} from './maps/maps.ts';
export { createNode } from './node.ts';
export type { Cancellable, Lagged, Observable, Timed } from './observable.ts';
export type { NodeOptions, TrustMode } from './options.ts';
export type { MigrateOptions, PathStats, Paths } from './paths/paths.ts';
export type { CallQuestion } from './processes/call-authorization.ts';
export { currentCall } from './processes/call-context.ts';
export { type CallContext, Down, Exit, Request } from './processes/messages.ts';
export type { NameRegistry, Via } from './processes/name-registry.ts';
export type {
  Destination,
  MonitorHandle,
  Processes,
  ReceiveOptions,
  RegisteredName,
  Self,
  ServeOptions,
  SpawnOptions,
  Value,
} from './processes/processes.ts';
export type {
  ChildSpec,
  RestartRule,
  RestartStrategy,
  SuperviseOptions,
} from './processes/supervise-options.ts';
export type {
  Firing,
  HandleOptions,
  Reminder,
  ReminderFilter,
  ReminderOptions,
  ReminderSchedule,
  Reminders,
} from './reminders/reminders.ts';
export { withOptions } from './services/client.ts';
export type {
  ClientOptions,
  GlobalOptions,
  RegisterOptions,
  Registration,
  Remote,
  Select,
  ServiceEntry,
  ServiceEvent,
  ServiceFilter,
  ServiceMeta,
  Services,
  WhereisOptions,
} from './services/services.ts';
export type { HeldShard, ShardEvent, ShardJob, ShardShare, Shards } from './shards/shards.ts';
export type { StandardSchema } from './standard-schema.ts';
export type { StreamHandler, Streams } from './streams/streams.ts';
export type { TopicMessage, Topics } from './topics/topics.ts';
export type { DatagramPipe, DialHook, PipeEvents, PipeTarget } from './transport/pipe.ts';
export { VERSION } from './version.ts';
