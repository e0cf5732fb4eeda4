/**
 * What travels over a control socket: one JSON object a line, a request and then its response.
 *
 *     {"id":1,"method":"status"}
 *     {"id":1,"result":{"name":"a@host", ...}}
 *     {"id":2,"method":"call","service":"orders","name":"create","args":[{"id":7}]}
 *     {"id":2,"error":{"code":"ERR_NOT_FOUND","message":"no service orders is known"}}
 *
 * Arguments and results of calls are values as `json-value.ts` writes them. A question that is
 * answered by events has several lines with its id; see `map-queries.ts`, `leader-queries.ts` and
 * `reminder-queries.ts`.
 * A call that is answered with a stream gives `STREAM_OPENED`, an event for each item, and the
 * result null.
 */
import { BarrelError, type BarrelErrorDetails, type ErrorCode } from '../errors.ts';
import { SERVICE_NAME_BYTES_MAX } from '../limits.ts';
import { invalid } from './control-fault.ts';
import { type FileQuery, parseFileQuery } from './file-queries.ts';
import { fromJson } from './json-value.ts';
import { type LeaderQuery, parseLeaderQuery } from './leader-queries.ts';
import { type MapQuery, parseMapQuery } from './map-queries.ts';
import { type PathQuery, parsePathQuery } from './path-queries.ts';
import { parseReminderQuery, type ReminderQuery } from './reminder-queries.ts';
import { parseShardQuery, type ShardQuery } from './shard-queries.ts';
import { parseTrustQuery, type TrustQuery } from './trust-queries.ts';

/** The first event of a stream. */
export const STREAM_OPENED = { opened: true } as const;

/** What a client may ask for. */
export type ControlQuery =
  | { readonly method: 'status' }
  | { readonly method: 'services' }
  | MapQuery
  | LeaderQuery
  | ShardQuery
  | ReminderQuery
  | TrustQuery
  | PathQuery
  | FileQuery
  | {
      readonly method: 'call';
      readonly service: string;
      /** Of the service's method. */
      readonly name: string;
      readonly args: readonly unknown[];
      readonly timeoutMs?: number | undefined;
    };

export interface ControlRequest {
  /** The client's; comes back with the response. */
  readonly id: number;
  readonly query: ControlQuery;
}

/** An error as it travels. */
export interface ControlFailure extends Omit<BarrelErrorDetails, 'cause'> {
  /** `ERR_INTERNAL` for anything that is no `BarrelError`. */
  readonly code: ErrorCode | 'ERR_INTERNAL';
  readonly message: string;
}

export type ControlResponse =
  | { readonly id: number; readonly result: unknown }
  /** More lines with this id follow. */
  | { readonly id: number; readonly event: unknown }
  | { readonly id: number; readonly error: ControlFailure };

/** A member as `barrel status` shows it: a `Member` in plain JSON. */
export interface MemberReport {
  readonly node: string;
  /** Decimal digits: JSON numbers end at 2^53. */
  readonly incarnation: string;
  readonly status: 'alive' | 'suspect';
  readonly addresses: readonly string[];
  readonly fingerprint: string;
  readonly version: string;
  readonly zone: string | null;
  readonly meta: unknown;
}

/** The answer to `status`. */
export interface StatusReport {
  readonly name: string;
  readonly incarnation: string;
  readonly address: string;
  readonly fingerprint: string;
  /** Of the operating system. */
  readonly processId: number;
  readonly state: string;
  readonly reasons: readonly string[];
  /** Milliseconds since the control socket was opened. */
  readonly uptimeMs: number;
  readonly activeView: readonly string[];
  readonly passiveView: readonly string[];
  readonly members: readonly MemberReport[];
  /** Samples by their Prometheus name. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** One entry of the answer to `services`. */
export interface ServiceReport {
  readonly name: string;
  readonly node: string;
  readonly pid: string;
  readonly meta: unknown;
}

const CALL_TIMEOUT_MS_MAX = 3_600_000;
const ARGUMENTS_MAX = 64;
const METHODS =
  'status, services, call, maps, mapGet, mapPut, mapRemove, mapWatch, leaders, leaderWatch, ' +
  'place, shards, remindSet, remindAfter, remindEvery, remindCancel, remindRetry, remindList, ' +
  'key, keyRotate, trustList, trustPin, trustUnpin, trustRevoke, trustRevocations, ' +
  'trustCertificate, paths, migrate, fileSend';

/** @throws ERR_VALUE saying what is wrong with the line. */
export function parseRequest(line: string): ControlRequest {
  const json = parseObject(line);
  const { id } = json;
  if (!Number.isSafeInteger(id)) throw invalid('`id` must be an integer');
  return { id: Number(id), query: parseQuery(json) };
}

function parseQuery(json: Readonly<Record<string, unknown>>): ControlQuery {
  const { method, service, name, args = [], timeoutMs } = json;
  if (method === 'status' || method === 'services') return { method };
  const featureQuery = parseFeatureQuery(json);
  if (featureQuery !== undefined) return featureQuery;
  if (method !== 'call') throw invalid(`\`method\` must be one of ${METHODS}`);
  if (!isShortText(service)) throw invalid('`service` must be the name of a service');
  if (!isShortText(name)) throw invalid('`name` must be the name of a method');
  if (!Array.isArray(args) || args.length > ARGUMENTS_MAX) {
    throw invalid(`\`args\` must be a list of at most ${ARGUMENTS_MAX}`);
  }
  if (timeoutMs !== undefined && !isTimeout(timeoutMs)) {
    throw invalid(`\`timeoutMs\` must be an integer from 1 to ${CALL_TIMEOUT_MS_MAX}`);
  }
  return { method, service, name, args: args.map((arg) => fromJson(arg)), timeoutMs };
}

function parseFeatureQuery(json: Readonly<Record<string, unknown>>): ControlQuery | undefined {
  return (
    parseMapQuery(json) ??
    parseLeaderQuery(json) ??
    parseShardQuery(json) ??
    parseReminderQuery(json) ??
    parseTrustQuery(json) ??
    parsePathQuery(json) ??
    parseFileQuery(json)
  );
}

/** @throws ERR_VALUE */
export function parseResponse(line: string): ControlResponse {
  const { id, result, event, error } = parseObject(line);
  if (!Number.isSafeInteger(id)) throw invalid('`id` must be an integer');
  if (event !== undefined) return { id: Number(id), event };
  if (error === undefined) return { id: Number(id), result };
  return { id: Number(id), error: error as ControlFailure };
}

function parseObject(line: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    throw new BarrelError('ERR_VALUE', 'the line is not JSON', { cause });
  }
  if (typeof json !== 'object' || json === null) throw invalid('the line is no JSON object');
  return json as Readonly<Record<string, unknown>>;
}

function isShortText(input: unknown): input is string {
  if (typeof input !== 'string' || input === '') return false;
  return Buffer.byteLength(input) <= SERVICE_NAME_BYTES_MAX;
}

function isTimeout(input: unknown): input is number {
  return Number.isInteger(input) && Number(input) >= 1 && Number(input) <= CALL_TIMEOUT_MS_MAX;
}

/** An error as the other side can make it again; causes and stacks stay here. */
export function failureOf(error: unknown): ControlFailure {
  if (!(error instanceof BarrelError)) {
    return {
      code: 'ERR_INTERNAL',
      message: error instanceof Error ? error.message : String(error),
    };
  }
  const { code, message, reason, remote, node } = error;
  return {
    code,
    message,
    ...(reason === undefined ? {} : { reason }),
    ...(remote === undefined ? {} : { remote }),
    ...(node === undefined ? {} : { node }),
  };
}

/** The error that a failure stands for. */
export function errorOf(failure: ControlFailure): Error {
  const { code, message, ...details } = failure;
  return code === 'ERR_INTERNAL' ? new Error(message) : new BarrelError(code, message, details);
}
