/**
 * What the replicated table holds for a service: a live instance, or the reason why it went down,
 * which stays for a while so that other nodes learn it.
 */
import { Reader } from '../core/wire/reader.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { Writer } from '../core/wire/writer.ts';
import { BarrelError } from '../errors.ts';
import { REASON_BYTES_MAX, SMALL_VALUE_BYTES_MAX } from '../limits.ts';
import type { Value } from '../processes/processes.ts';
import type { ServiceMeta } from './services.ts';

export type ServiceRecord =
  | { readonly kind: 'live'; readonly serial: number; readonly meta: ServiceMeta }
  | { readonly kind: 'down'; readonly serial: number; readonly reason: Value };

const LIVE = 1;
const DOWN = 2;
const KINDS_MAX = 2;
/** Characters that are kept of each text of a reason that is too long. */
const REASON_CHARS_KEPT = 120;

/** @throws ERR_VALUE when the meta is no plain object, cannot be encoded, or is over 60 KiB. */
export function encodeLive(serial: number, meta: ServiceMeta): Uint8Array {
  if (!isPlainObject(meta)) throw new BarrelError('ERR_VALUE', 'meta has to be a plain object');
  return new Writer().uint(LIVE).uint(serial).value(meta, SMALL_VALUE_BYTES_MAX).take();
}

/** Never throws: a reason that is too long or cannot be sent is cut to what can. */
export function encodeDown(serial: number, reason: Value): Uint8Array {
  for (const candidate of [reason, shortened(reason)]) {
    try {
      const writer = new Writer().uint(DOWN).uint(serial);
      return writer.value(candidate, REASON_BYTES_MAX).take();
    } catch (error) {
      if (!(error instanceof BarrelError)) throw error;
    }
  }
  return new Writer().uint(DOWN).uint(serial).value('error').take();
}

/** @throws WireError */
export function decodeRecord(bytes: Uint8Array): ServiceRecord {
  const reader = new Reader(bytes);
  const kind = reader.uint(KINDS_MAX);
  const serial = reader.uint();
  if (serial === 0) throw new WireError('a service is a process, not a node');
  const record = kind === LIVE ? live(reader, serial) : down(reader, kind, serial);
  reader.end();
  return record;
}

/** What other nodes will see of it. @throws ERR_VALUE as `encodeLive` does. */
export function copyMeta(meta: ServiceMeta): ServiceMeta {
  const record = decodeRecord(encodeLive(1, meta));
  return record.kind === 'live' ? record.meta : {};
}

function live(reader: Reader, serial: number): ServiceRecord {
  const meta = reader.value(SMALL_VALUE_BYTES_MAX);
  if (!isPlainObject(meta)) throw new WireError('meta of a service is no plain object');
  return { kind: 'live', serial, meta: Object.freeze(meta) };
}

function down(reader: Reader, kind: number, serial: number): ServiceRecord {
  if (kind !== DOWN) throw new WireError(`no service record of kind ${kind}`);
  return { kind: 'down', serial, reason: reader.value(REASON_BYTES_MAX) };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function shortened(reason: Value): Value {
  if (typeof reason === 'string') return cut(reason);
  if (!isPlainObject(reason)) return 'error';
  const { name, message, code } = reason as { name?: unknown; message?: unknown; code?: unknown };
  const texts = Object.entries({ name, message, code }).filter(([, text]) => text !== undefined);
  return Object.fromEntries(texts.map(([key, text]) => [key, cut(String(text))]));
}

function cut(text: string): string {
  return text.slice(0, REASON_CHARS_KEPT).replace(/\p{Surrogate}/gu, '\ufffd');
}
