/** Entries of the roster as fields of a frame or of a broadcast, each bounded as it is read. */
import {
  ACTIVE_SIZE_MAX,
  ADDRESSES_MAX,
  FINGERPRINT_BYTES_MAX,
  META_BYTES_MAX,
  REFUTATION_MAX,
  VERSION_BYTES_MAX,
  ZONE_BYTES_MAX,
} from '../../limits.ts';
import { readAddress, readIncarnation, readNode } from '../membership/peer.ts';
import type { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import type { Writer } from '../wire/writer.ts';
import {
  isWeight,
  type MemberRecord,
  RANK,
  type RosterEntry,
  type RosterStatus,
  SUSPECTERS_MAX,
} from './entry.ts';

const STATUSES: readonly RosterStatus[] = ['alive', 'suspect', 'dead', 'left'];

/** Appends an entry; behind a suspect stands who suspects it. */
export function writeEntry(writer: Writer, entry: RosterEntry): void {
  writer.string(entry.node).big(entry.incarnation).uint(entry.refutation);
  writer.uint(RANK[entry.status]).optional(entry.record, writeRecord);
  if (entry.status === 'suspect') writer.list(entry.by, (w, node) => w.string(node));
}

/** Reads an entry; what is kept is copied. @throws WireError when a part breaks its rule. */
export function readEntry(reader: Reader): RosterEntry {
  const node = readNode(reader);
  const incarnation = readIncarnation(reader, node);
  const refutation = reader.uint(REFUTATION_MAX);
  const status = STATUSES[reader.uint(STATUSES.length - 1)];
  const record = reader.optional(readRecord);
  const base = { node, incarnation, refutation };
  if (status === 'dead' || status === 'left') return { ...base, status, record };
  if (status === 'suspect') {
    return { ...base, status, record, by: reader.list(SUSPECTERS_MAX, readNode) };
  }
  if (record === undefined) throw new WireError('alive without a record');
  return { ...base, status: 'alive', record };
}

function writeRecord(writer: Writer, record: MemberRecord): void {
  writer.list(record.addresses, (w, address) => w.string(address));
  writer.string(record.fingerprint).string(record.version);
  writer.optional(record.zone, (w, zone) => w.string(zone));
  writer.value(record.weight).bytes(record.meta);
  writer.list(record.neighbors, (w, node) => w.string(node)).bool(record.ephemeral === true);
}

function readRecord(reader: Reader): MemberRecord {
  return {
    addresses: reader.list(ADDRESSES_MAX, readAddress),
    fingerprint: reader.string(FINGERPRINT_BYTES_MAX),
    version: reader.string(VERSION_BYTES_MAX),
    zone: reader.optional((r) => r.string(ZONE_BYTES_MAX)),
    weight: readWeight(reader),
    meta: reader.bytes(META_BYTES_MAX).slice(),
    neighbors: reader.list(ACTIVE_SIZE_MAX, readNode),
    ephemeral: reader.bool() || undefined,
  };
}

function readWeight(reader: Reader): number {
  const weight = reader.value();
  if (!isWeight(weight)) throw new WireError('not a weight');
  return weight;
}
