/**
 * A record as bytes. The first ten are its rank, most significant first: their order is the order
 * of records. The next one tells the state, so that a claim is seen without reading the rest.
 */
import { readNode } from '../membership/peer.ts';
import { unreachable } from '../unreachable.ts';
import { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';
import type {
  Claimant,
  DeliveryRules,
  Missed,
  ReminderRecord,
  ReminderState,
  Schedule,
} from './record.ts';
import {
  CLAIM_LEASE_MS_MAX,
  CRON_EXPRESSION_CHARS_MAX,
  REMINDER_AT_MS_MAX,
  REMINDER_ATTEMPTS_MAX,
  REMINDER_BACKOFF_MS_MAX,
  REMINDER_CATCH_UP_MAX,
  REMINDER_ERROR_BYTES_MAX,
  REMINDER_HORIZON_MS,
  REMINDER_OWNERS_MAX,
  REMINDER_PAYLOAD_BYTES_MAX,
  REMINDER_PERIOD_MS_MIN,
  TIME_ZONE_CHARS_MAX,
} from './schedule-limits.ts';

/** Occurrence, 6 bytes, and step, 4. */
export const RANK_BYTES = 10;
const HEADER_BYTES: number = RANK_BYTES + 1;
const CLAIMED = 1;

const STATES = ['scheduled', 'claimed', 'dead'] as const;
const DELIVERIES = ['at-most-once', 'at-least-once'] as const;
const OVERLAPS = ['skip', 'queue', 'allow'] as const;
const PARTITION_RULES = ['fire', 'hold'] as const;

/** Memory of its own: the store keeps it. */
export function encodeRecord(record: ReminderRecord): Uint8Array {
  const body = writeBody(record);
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(record.occurrence / 0x1_0000_0000));
  view.setUint32(2, record.occurrence % 0x1_0000_0000);
  view.setUint32(6, record.step);
  bytes[RANK_BYTES] = STATES.indexOf(record.state.kind);
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

/** The payload is a view of `bytes`. @throws WireError */
export function decodeRecord(bytes: Uint8Array): ReminderRecord {
  if (bytes.length < HEADER_BYTES) throw new WireError('cut short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const occurrence = view.getUint16(0) * 0x1_0000_0000 + view.getUint32(2);
  const reader = new Reader(bytes.subarray(HEADER_BYTES));
  const record = {
    occurrence,
    step: view.getUint32(6),
    dueAtMs: reader.uint(REMINDER_AT_MS_MAX),
    schedule: readSchedule(reader),
    rules: readRules(reader),
    payload: reader.bytes(REMINDER_PAYLOAD_BYTES_MAX),
    owners: reader.list(REMINDER_OWNERS_MAX, readNode),
    catchUpLeft: reader.uint(REMINDER_CATCH_UP_MAX),
    state: readState(reader, bytes[RANK_BYTES] ?? 0),
  };
  reader.end();
  return record;
}

/** True for the bytes of a claim; says nothing of whether they are a record. */
export function isClaimedValue(bytes: Uint8Array): boolean {
  return bytes[RANK_BYTES] === CLAIMED;
}

function writeBody(record: ReminderRecord): Uint8Array {
  const writer = new Writer().uint(record.dueAtMs);
  writeSchedule(writer, record.schedule);
  writeRules(writer, record.rules);
  writer
    .bytes(record.payload)
    .list(record.owners, (w, owner) => w.string(owner))
    .uint(record.catchUpLeft);
  writeState(writer, record.state);
  return writer.take();
}

function writeSchedule(writer: Writer, schedule: Schedule): void {
  switch (schedule.kind) {
    case 'once':
      writer.uint(0);
      break;
    case 'interval':
      writer.uint(1).uint(schedule.everyMs).uint(schedule.anchorMs);
      break;
    case 'cron':
      writer.uint(2).string(schedule.expression);
      writer.optional(schedule.timeZone, (w, zone) => w.string(zone)).uint(schedule.anchorMs);
      break;
    default:
      unreachable(schedule);
  }
}

function readSchedule(reader: Reader): Schedule {
  switch (reader.uint(2)) {
    case 0:
      return { kind: 'once' };
    case 1: {
      const everyMs = reader.uint(REMINDER_HORIZON_MS);
      if (everyMs < REMINDER_PERIOD_MS_MIN) throw new WireError('period below its bound');
      return { kind: 'interval', everyMs, anchorMs: reader.uint(REMINDER_AT_MS_MAX) };
    }
    default: {
      const expression = readText(reader, CRON_EXPRESSION_CHARS_MAX);
      const timeZone = reader.optional((r) => readText(r, TIME_ZONE_CHARS_MAX));
      return { kind: 'cron', expression, timeZone, anchorMs: reader.uint(REMINDER_AT_MS_MAX) };
    }
  }
}

function writeRules(writer: Writer, rules: DeliveryRules): void {
  const { delivery, maxAttempts, backoffMs, missed, overlap, onPartition } = rules;
  writer.uint(DELIVERIES.indexOf(delivery)).uint(maxAttempts).uint(backoffMs);
  writeMissed(writer, missed);
  writer.uint(OVERLAPS.indexOf(overlap)).uint(PARTITION_RULES.indexOf(onPartition));
}

function readRules(reader: Reader): DeliveryRules {
  return {
    delivery: readWord(reader, DELIVERIES),
    maxAttempts: readFromOne(reader, REMINDER_ATTEMPTS_MAX),
    backoffMs: readFromOne(reader, REMINDER_BACKOFF_MS_MAX),
    missed: readMissed(reader),
    overlap: readWord(reader, OVERLAPS),
    onPartition: readWord(reader, PARTITION_RULES),
  };
}

/** 0 for skip, 1 for once, 1 + n for catching up n. */
function writeMissed(writer: Writer, missed: Missed): void {
  if (missed === 'skip') writer.uint(0);
  else writer.uint(missed === 'once' ? 1 : 1 + missed.catchUp);
}

function readMissed(reader: Reader): Missed {
  const n = reader.uint(1 + REMINDER_CATCH_UP_MAX);
  if (n === 0) return 'skip';
  return n === 1 ? 'once' : { catchUp: n - 1 };
}

function writeState(writer: Writer, state: ReminderState): void {
  writer.uint(state.attempt);
  switch (state.kind) {
    case 'scheduled':
      writer.uint(state.notBeforeMs);
      writer.optional(state.error, (w, error) => w.string(error));
      break;
    case 'claimed':
      writer.string(state.by.node).big(state.by.incarnation).uint(state.leaseMs);
      writer.optional(state.error, (w, error) => w.string(error));
      break;
    case 'dead':
      writer.string(state.error);
      break;
    default:
      unreachable(state);
  }
}

function readState(reader: Reader, state: number): ReminderState {
  const kind = STATES[state];
  if (kind === undefined) throw new WireError('no such state');
  const attempt = reader.uint();
  switch (kind) {
    case 'scheduled':
      return {
        kind,
        attempt,
        notBeforeMs: reader.uint(REMINDER_AT_MS_MAX),
        error: reader.optional(readError),
      };
    case 'claimed': {
      const by = readClaimant(reader);
      if (attempt === 0) throw new WireError('a claim before the first attempt');
      return {
        kind,
        attempt,
        by,
        leaseMs: readFromOne(reader, CLAIM_LEASE_MS_MAX),
        error: reader.optional(readError),
      };
    }
    case 'dead':
      return { kind, attempt, error: readError(reader) };
    default:
      return unreachable(kind);
  }
}

function readClaimant(reader: Reader): Claimant {
  return { node: readNode(reader), incarnation: reader.big() };
}

function readError(reader: Reader): string {
  return reader.string(REMINDER_ERROR_BYTES_MAX);
}

function readFromOne(reader: Reader, max: number): number {
  const n = reader.uint(max);
  if (n === 0) throw new WireError('a number that begins with 1');
  return n;
}

function readWord<const T extends string>(reader: Reader, words: readonly T[]): T {
  const word = words[reader.uint(words.length - 1)];
  if (word === undefined) throw new WireError('no such word');
  return word;
}

function readText(reader: Reader, charsMax: number): string {
  const text = reader.string(3 * charsMax);
  if (text === '' || text.length > charsMax) throw new WireError('text out of its bounds');
  return text;
}
