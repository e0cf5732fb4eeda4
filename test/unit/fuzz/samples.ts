/** Good frames and records of every kind, to make hostile ones of. */
import fc from 'fast-check';
import { packStamp } from '../../../src/core/clock/stamp.ts';
import type { Ballot } from '../../../src/core/election/ballot.ts';
import type { TermRecord } from '../../../src/core/election/term-record.ts';
import type { Voters } from '../../../src/core/election/voters.ts';
import type { GossipMessage } from '../../../src/core/gossip/messages.ts';
import type { MembershipMessage } from '../../../src/core/membership/messages.ts';
import type { PeerDescriptor } from '../../../src/core/membership/peer.ts';
import { pidOf } from '../../../src/core/pid.ts';
import type { CustodyMessage } from '../../../src/core/placement/custody-codec.ts';
import type { MemberRecord, RosterEntry } from '../../../src/core/roster/entry.ts';
import type { LivenessMessage } from '../../../src/core/roster/messages.ts';
import type { RoutingMessage } from '../../../src/core/routing/messages.ts';
import type { ReminderRecord } from '../../../src/core/schedule/record.ts';
import type { Entry, Replica } from '../../../src/core/store/entry.ts';
import type { ExchangeBody, KnowledgeSnapshot } from '../../../src/core/store/exchange/messages.ts';
import type { KeptReplica } from '../../../src/core/store/knowledge-codec.ts';
import { CodedPrefix } from '../../../src/core/store/sketch/coded-prefix.ts';
import type { CodedSymbols } from '../../../src/core/store/sketch/coded-symbols.ts';
import type { StampRange } from '../../../src/core/store/stamp-ranges.ts';
import { encodeKey, type Key } from '../../../src/core/wire/key.ts';
import { encodeValue } from '../../../src/core/wire/value.ts';
import type { Hello } from '../../../src/identity/hello.ts';
import { FrameWriter } from '../../../src/processes/frame-writer.ts';
import { anyMembershipMessage } from '../core/membership/any-message.ts';
import { anyRecord, sampleRecord } from '../core/schedule/any-record.ts';
import { anyValue } from '../core/wire/arbitraries.ts';

/** Random samples, too, are the same in every run. */
const SEED = 7;

const start = { origin: 'a@host', incarnation: 7n };
const nonce = 2 ** 40;

export const peers: readonly PeerDescriptor[] = [
  { node: 'a@host', incarnation: 5n, addresses: ['127.0.0.1:4433', '[::1]:4433'], ageMs: 7 },
  { node: 'worker-17@10.0.0.17', incarnation: 2n ** 62n, addresses: [], ageMs: 0 },
];

export const membership: readonly MembershipMessage[] = fc.sample(
  anyMembershipMessage({
    peer: fc.constantFrom(...peers),
    peers: fc.array(fc.constantFrom(...peers), { maxLength: 32 }),
    serial: fc.nat(),
    hopsLeft: fc.nat(16),
  }),
  { numRuns: 60, seed: SEED },
);

const record: MemberRecord = {
  addresses: ['127.0.0.1:4433', '[::1]:4433'],
  fingerprint: 'SHA256:f',
  version: '1.2.3',
  zone: 'north',
  weight: 1.5,
  meta: Uint8Array.of(1, 2, 3),
  neighbors: ['b@host', 'c@host'],
  ephemeral: true,
};
const alive: RosterEntry = {
  node: 'a@host',
  incarnation: 5n,
  refutation: 3,
  status: 'alive',
  record,
};
const dead: RosterEntry = { node: 'b@host', incarnation: 5n, refutation: 0, status: 'dead' };
export const rosterEntries: readonly RosterEntry[] = [
  alive,
  dead,
  { ...dead, status: 'suspect', by: ['x@host', 'y@host'] },
  { ...alive, status: 'left' },
];
const buckets = Uint32Array.from({ length: 256 }, (_, i) => (i * 0x9e37_79b1) >>> 0);
const route = ['a@host', 'b@host', 'c@host'];
export const liveness: readonly LivenessMessage[] = [
  { kind: 'entries', entries: rosterEntries },
  { kind: 'digest', purpose: 'greeting', entryCount: 3, buckets },
  { kind: 'ping', isNeighbor: true },
  { kind: 'pong' },
  { kind: 'pingRequest', nonce: 7, target: 'a@host' },
  { kind: 'pingAnswer', nonce: 7, isAlive: false },
  { kind: 'audit', nonce: 9, route, position: 2 },
  { kind: 'audited', nonce: 9, route, position: 0 },
];

const groups = [{ ...start, sequences: [1, 2, 2 ** 40] }];
export const gossip: readonly GossipMessage[] = [
  {
    kind: 'gossip',
    isShaping: true,
    broadcast: {
      id: { ...start, sequence: 300 },
      tag: 3,
      payload: new Uint8Array(40).fill(7),
      hops: 2,
    },
  },
  { kind: 'ihave', groups: [{ ...start, sequences: [1, 9], hops: [3, 4] }] },
  { kind: 'graft', groups, origin: undefined },
  { kind: 'graft', groups: [], origin: 'b@host' },
  { kind: 'prune', origin: 'b@host' },
  { kind: 'unknown', groups },
  {
    kind: 'digest',
    marks: [{ ...start, oldest: 5, highest: 90, gaps: [7, 8, 60] }],
    isLast: true,
    isTruncated: false,
    isGreeting: true,
  },
];

const id = 0x0123_4567_89ab_cdefn;
const found = { node: 'a@host', incarnation: 5n, value: Uint8Array.of(1, 2) };
const target = { kind: 'service', name: 'mail' } as const;
export const routing: readonly RoutingMessage[] = [
  { kind: 'query', id, hopsLeft: 3, timeLeftMs: 900, target },
  { kind: 'query', id, hopsLeft: 0, timeLeftMs: 0, target: { kind: 'node', name: 'a@host' } },
  { kind: 'miss', id, why: 'absent' },
  { kind: 'found', id, found },
  { kind: 'reached', id },
  { kind: 'carry', circuit: id, datagram: Uint8Array.of(9, 8, 7) },
  { kind: 'cut', circuit: id },
];

const partitions = [0, 1, 130, 4_095, 65_535];
export const custody: readonly CustodyMessage[] = [
  { kind: 'ask', partitions },
  { kind: 'grant', partitions, hops: 3, leaver: 'a@one' },
  { kind: 'redirect', partitions, holder: 'b@two' },
  { kind: 'none', partitions },
];

const stamp = packStamp(1_000, 3);
export const replica: Replica = { node: 'a@h', incarnation: 7n };
export const entries: readonly Entry[] = [
  { key: 'k\u00ff\0', stamp, writer: replica, value: Uint8Array.of(1, 2), expiresAtMs: 9_000 },
  { key: 'gone', stamp, writer: replica, value: undefined, expiresAtMs: 0 },
];
const ids = ['0123456789abcdef', 'fedcba9876543210'];
export const symbols: CodedSymbols = symbolsOf(ids);
const otherReplica: Replica = { node: 'b@h', incarnation: 1n };
export const ranges: readonly StampRange[] = [{ after: 0n, upTo: 3n }];
export const knowledge: KnowledgeSnapshot = {
  self: replica,
  clock: stamp,
  floor: 5n,
  known: [{ replica: otherReplica, know: 4n, ack: 2n, had: ranges }],
};
export const kept: KeptReplica = {
  incarnation: 7n,
  exchangedAt: stamp,
  knowledge: {
    floor: 5n,
    known: [{ replica: otherReplica, had: ranges, know: 4n, ack: 2n, seen: 3n, removedAt: stamp }],
  },
};
const digest = Uint8Array.from({ length: 16 }, (_, i) => i);
const store = 'map:stöck';
export const exchange: readonly ExchangeBody[] = [
  { kind: 'open', digest, knowledge: [{ store, knowledge }] },
  { kind: 'same', knowledge: [{ store, knowledge }] },
  { kind: 'differ', stores: [{ store, digest, count: 3, symbols, knowledge }] },
  { kind: 'busy' },
  { kind: 'more', store, from: 8, count: 40 },
  { kind: 'symbols', store, symbols },
  { kind: 'buckets', store, digests: new Uint8Array(0) },
  { kind: 'ids', store, buckets: [{ bucket: 4_095, ids }] },
  { kind: 'entries', store, entries },
  { kind: 'want', store, ids },
  { kind: 'answered', store },
  { kind: 'ended', store },
  { kind: 'buried', store, entries: [{ key: 'k', stamp, writer: replica, isCertain: true }] },
  { kind: 'took' },
  { kind: 'done', store },
];

export const voters: Voters = ['a@h', 'b@h', 'c@h'];
export const term: TermRecord = { token: 77n, node: 'a@h', incarnation: 2n ** 63n };
export const ballots: readonly Ballot[] = [
  { kind: 'request', name: 'röle', token: 77n, nonce, voters },
  { kind: 'answer', name: 'role', token: 77n, nonce, verdict: { kind: 'granted' } },
  { kind: 'answer', name: 'role', token: 77n, nonce, verdict: { kind: 'refused', highest: 9n } },
  { kind: 'release', name: 'role', token: 77n },
  { kind: 'recall', name: 'role' },
  { kind: 'memory', name: 'role', isSure: true, term },
];

export const hello: Omit<Hello, 'kind'> = {
  role: 'dialer',
  versionMin: 1,
  versionMax: 1,
  cluster: 'default',
  name: 'a@host',
  incarnation: 7n,
  addresses: ['127.0.0.1:1', '[::1]:2'],
  ephemeral: true,
  heartbeatMs: 500,
  ringSize: 4_096,
  wallMs: 1_800_000_000_000,
  certificate: new Uint8Array(80).fill(3),
  features: 0,
  endorsements: [new Uint8Array(80)],
  dialled: 'b@host',
  proof: new Uint8Array(32),
};

export const reminders: readonly ReminderRecord[] = [
  ...fc.sample(anyRecord, { numRuns: 20, seed: SEED }),
  sampleRecord,
];

export const values: readonly Uint8Array[] = fc
  .sample(anyValue, { numRuns: 60, seed: SEED })
  .map((value) => encodeValue(value));

const pid = pidOf('b@h', 20n, 7);
const keys: readonly Key[] = ['k', 7, -1.5, 7n, true, Uint8Array.of(1), pid, ['a', ['b', 2n], 'c']];
export const keyBytes: readonly Uint8Array[] = keys.map((key) => encodeKey(key));

const named = { node: 'b@h', name: 'named' };
const failed = { name: 'Error', message: 'm', code: 'C', causeMessage: 'c' };
const terms = { id: 3, from: 9, timeoutMs: 99.5, traceparent: 't' };
export const processFrames: readonly Uint8Array[] = [
  write().message(pid, true, { a: [1, 'b', null], when: new Date(5) }),
  write().message(named, false, null),
  write().call(pid, terms, ['add', [1, 2]]),
  write().call(named, { ...terms, traceparent: undefined }, 1n),
  write().reply(4, new Map([[pid, new Set([1])]])),
  write().failure(4, { kind: 'noProcess' }),
  write().failure(4, { kind: 'exit', reason: pid }),
  write().failure(4, { kind: 'handler', failure: failed }),
  write().failure(4, { kind: 'invalid', why: 'w' }),
  write().cancel(5),
  write().monitor(named, 6, 0),
  write().demonitor(6),
  write().down(6, 'normal'),
  write().link(pid, 8, 2),
  write().unlink(pid, 8, { own: 2, other: 0 }),
  write().exit(pid, { from: 8, isLink: true }, 'r'),
  write().credit(7, 32, 64),
  write().credit('named', 0, 1),
  write().opened(4),
  write().item(4, [pid]),
  write().ended(4),
  write().broken(4, { kind: 'exit', reason: 'r' }),
  write().pull(4, 32),
];

function write(): FrameWriter {
  return new FrameWriter();
}

function symbolsOf(elements: readonly string[]): CodedSymbols {
  const prefix = new CodedPrefix(64);
  for (const element of elements) prefix.add(element);
  return prefix.symbols(0, 8);
}
